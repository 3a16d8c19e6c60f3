"""How traffic moves.

Lives here: the state machine that brings a version live, what it asks of a target, what names a version.
Not here: how a target runs versions (targets).
Law: no step is taken before the one below it was judged.
"""
