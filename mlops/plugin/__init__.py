"""What authors of kinds import.

Lives here: the modules kind (what a kind does) and fields (what its files say).
Not here: the built-in kinds, what a kind must pass (mlops.testing).
Law: the names of this room are kept from version to version.
"""
