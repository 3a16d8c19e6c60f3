"""Judge what was composed.

Lives here: judge, the checks across resources, and the wording of every error.
Not here: composing (compose), the models (schema).
Law: all problems at once, each with its file and line, its reason and the next step.
"""
