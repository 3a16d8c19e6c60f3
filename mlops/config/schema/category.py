"""Name what a change means to the user.

Lives here: Category, in rising order of consequence, and the marker that puts one on a field.
Not here: computing a change (engine), carrying it out (kinds).
Law: which field causes which category is said once, on the field itself.
"""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    NOOP = "NOOP"
    METADATA = "METADATA"
    REEVALUATE = "REEVALUATE"
    RECONFIGURE = "RECONFIGURE"
    RESCALE = "RESCALE"
    PROVISION = "PROVISION"
    RESTORE = "RESTORE"
    REPACKAGE = "REPACKAGE"
    REDEPLOY = "REDEPLOY"
    RETRAIN = "RETRAIN"
    RETUNE = "RETUNE"
    REPROCESS = "REPROCESS"
    SCORE = "SCORE"
    DESTROY = "DESTROY"

    @property
    def rank(self) -> int:
        return list(Category).index(self)
