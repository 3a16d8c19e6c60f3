"""Say how rows of a series become windows.

Lives here: Window, and the names of the columns that it makes.
Not here: making them (workloads.data.windows).
Law: one row is one window: what is known at its last time, and what came after.
"""

from __future__ import annotations

from pydantic import model_validator

from mlops.config.schema.base import Column, FieldError, Strict, spec_field


class Window(Strict):
    """Makes one row of each `past` rows of a series, and of the `ahead` rows that follow them.

    Steps are rows, not days: fill gaps in the SQL. A row has the columns of the window's last time; in the place of the
    label its past, `LABEL_past_1` (the newest) to `LABEL_past_N`, and what is to be forecast, `LABEL_ahead_1` to
    `LABEL_ahead_N`. Windows that are not whole, or lack a value to forecast, are left out.
    """

    time: Column = spec_field(doc="The column that orders the rows of a series; no two rows of a series have one time.")
    series: tuple[Column, ...] = spec_field((), doc="The columns that tell series apart. Default: there is one series.")
    past: int = spec_field(doc="How many rows a forecast sees: the last one known, and those before it.", ge=1, le=1000)
    ahead: int = spec_field(doc="How many rows are forecast.", ge=1, le=1000)
    season: int = spec_field(
        1,
        doc="After how many rows the series repeats itself; the naive forecast that a model is measured against repeats the "
        "last season. 1: it repeats the last value.",
        ge=1,
    )
    beside: tuple[Column, ...] = spec_field(
        (), doc="Other columns whose past is kept too, as `COLUMN_past_1` and so on, beside the value of the last time."
    )

    @model_validator(mode="after")
    def _season_is_seen(self) -> Window:
        if self.season > self.past:
            raise FieldError(f"the last season is {self.season} rows, and `past` keeps {self.past} of them", "season")
        named = (self.time, *self.series)
        for position, column in enumerate(self.beside):
            if column in named:
                raise FieldError(
                    f"`{column}` says which series it is, or when; its past says nothing", "beside", position
                )
        return self

    @property
    def until(self) -> str:
        """The column that holds the time of the last value to forecast."""
        return f"{self.time}_until"

    def past_columns(self, column: str) -> tuple[str, ...]:
        """Return the names of a column's past, the oldest first."""
        return tuple(f"{column}_past_{step}" for step in range(self.past, 0, -1))

    def ahead_columns(self, column: str) -> tuple[str, ...]:
        """Return the names of what is to be forecast, the nearest first."""
        return tuple(f"{column}_ahead_{step}" for step in range(1, self.ahead + 1))
