"""What may be said.

Lives here: strict models of each resource, composition of the files, judging, the JSON Schema.
Not here: what a resource does (kinds), when (engine).
Law: everything a user writes is judged here, all problems at once, and no user code is imported.
"""
