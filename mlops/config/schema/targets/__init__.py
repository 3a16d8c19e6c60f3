"""Say what a stack may say, by its target.

Lives here: one model for each target.
Not here: what a target does (targets).
Law: a target's name is the same here and in the table of targets.
"""
