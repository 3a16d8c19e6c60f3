"""What authors of kinds import.

Lives here: Plugin; the modules kind (what a kind does), fields (what its files say), contract (what it must pass).
Not here: the built-in kinds.
Law: the names of this room are kept from version to version.
"""

from mlops.spec.vocabulary import Plugin as Plugin
