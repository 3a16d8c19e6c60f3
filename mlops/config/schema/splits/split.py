"""Say what every split shares.

Lives here: SplitSpec, and the choice of a split's model by its name.
Not here: the splits themselves (the other files of this room).
Law: what others must know of a split, it says itself; nobody asks for its name.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.by_name import Entry, by_tag
from mlops.config.schema.column_types import ANYTHING, Takes
from mlops.extensions import SPLIT_SCHEMAS


class SplitSpec(Entry):
    """How rows become a train, a validation and a test split. `by` is the name that it is registered under.

    `takes`: the types that the columns which it reads may have.
    """

    takes: ClassVar[Takes] = ANYTHING

    by: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the split reads."""
        return ()

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened; the profile then names the oldest and the newest."""
        return None


BY_SPLIT = by_tag(SPLIT_SCHEMAS, SplitSpec, tag="by")
