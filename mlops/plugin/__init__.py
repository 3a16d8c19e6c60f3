"""Give authors of kinds the names that they import.

Lives here: the modules kind (what a kind does) and fields (what its files say).
Not here: the built-in kinds, what a kind must pass (mlops.testing).
Law: the names of this room stay the same from version to version.
"""
