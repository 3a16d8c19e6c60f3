"""What each file may say.

Lives here: one strict pydantic model for each kind, their units and categories, the JSON Schema made from them.
Not here: composing files (compose), checks across resources (validate).
Law: a field is described once, here; its default never changes.
"""
