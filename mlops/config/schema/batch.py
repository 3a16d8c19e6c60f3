"""Say what is scored in batches.

Lives here: BatchScoring, with the place that its rows go to.
Not here: what a source may say (sources), scoring (workloads.scoring), which intervals are due (contracts.intervals).
Law: a change of a field restates nothing that was scored; intervals are scored again by name, or where `restate` says so.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlops.config.schema.base import Column, FieldError, Name, Resource, Strict, Unsaid, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.database_url import is_in_the_clear, url_fault
from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.config.schema.units import Duration, Share

_LEAST = 60.0


class ScoreOutput(Strict):
    path: str | None = spec_field(
        None,
        doc="A folder, relative to the project: a Parquet file for each interval. Default: `scores/` and the name of the batch.",
        min_length=1,
    )
    url: str | None = spec_field(
        None,
        doc="A database in the place of a folder: `sqlite:///PATH` or `postgresql+psycopg://USER:${secret:NAME}@HOST/NAME`.",
    )
    table: str | None = spec_field(
        None,
        doc="The table in that database, made where it is not there. An interval's rows are replaced in one transaction; beside it, "
        "TABLE_intervals says what was scored, and TABLE_rejected holds the rows that were set aside.",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,40}$",
    )

    @model_validator(mode="after")
    def _one_place(self) -> ScoreOutput:
        if (self.url is None) != (self.table is None):
            raise FieldError("a database needs both `url` and `table`", "url" if self.url else "table")
        if self.url is not None and self.path is not None:
            raise FieldError("rows go to a folder or to a database, not to both; take one out", "path")
        fault = url_fault(self.url) if self.url else None
        if fault:
            raise FieldError(fault, "url", hide=True)
        if self.url and is_in_the_clear(self.url):
            raise FieldError("it holds a password; write `${secret:NAME}` in its place", "url", hide=True)
        return self


class BatchScoring(Resource):
    """The rows of a source, scored by a package, each interval of time exactly once."""

    order: ClassVar[int] = 65

    package: Name = spec_field(
        doc="What scores. Default: the package of its own name.",
        change=Category.RECONFIGURE,
        refers="package",
        unsaid=Unsaid.OWN_NAME,
    )
    input: Annotated[SourceSpec, BY_SCHEME] = spec_field(
        doc="Where the rows come from: a source, as data sets have them.", change=Category.SCORE
    )
    tables: dict[str, Annotated[SourceSpec, BY_SCHEME]] = spec_field(
        {}, doc="More tables for the SQL: name -> where it comes from.", change=Category.SCORE
    )
    sql: str | None = spec_field(
        None,
        doc="DuckDB SQL over the tables `input` and those of `tables`. Default: all of `input`.",
        change=Category.SCORE,
    )
    time: Column | None = spec_field(
        None,
        doc="The column, a date or a timestamp (UTC), that says which interval a row belongs to. Default: none; all rows "
        "together are one interval, which is due again when they change.",
        change=Category.SCORE,
    )
    interval: Duration | None = spec_field(
        None, doc="Length of an interval; days begin at midnight UTC, weeks on Monday. Needed with `time`.",
        change=Category.SCORE,
    )  # fmt: skip
    delay: Duration = spec_field(
        0.0, doc="How long after its end an interval waits for late rows before it is due.", change=Category.RECONFIGURE
    )
    since: dt.date | None = spec_field(
        None, doc="Intervals that begin before this date are left out. Default: none.", change=Category.RECONFIGURE
    )
    output: ScoreOutput = spec_field(ScoreOutput(), doc="Where the scored rows go.", change=Category.SCORE)
    columns: tuple[Column, ...] | None = spec_field(
        None,
        doc="Columns of the input that stand beside the predictions, from the next interval on. Default: all.",
        change=Category.RECONFIGURE,
    )
    restate: Literal["by_name", "on_new_version", "on_new_rows", "on_both"] = spec_field(
        "by_name",
        doc="When an interval that was scored is due again: `by_name`: only where `mlops batch rerun` names it; "
        "`on_new_version`: where the package is another too; `on_new_rows`: where its rows are others too.",
        change=Category.RECONFIGURE,
    )
    max_rejected: Share = spec_field(
        0.5,
        doc="An interval fails, and nothing of it is written, where a larger share of its rows would have to be set aside.",
        change=Category.RECONFIGURE,
    )
    concurrency: int = Field(
        1, ge=1, le=64, description="How many intervals are scored at the same time.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )  # fmt: skip

    @model_validator(mode="after")
    def _time_has_interval(self) -> BatchScoring:
        if self.time is not None and self.interval is None:
            raise FieldError("`time` needs the length of an interval: `interval: 1d`", "time")
        if self.time is None and self.interval is not None:
            raise FieldError("`interval` needs the column that says when a row was: `time: COLUMN`", "interval")
        if self.interval is not None and (self.interval < _LEAST or self.interval % _LEAST):
            raise FieldError("an interval is a whole number of minutes", "interval")
        if self.time is None and self.since is not None:
            raise FieldError("`since` needs the column that says when a row was: `time: COLUMN`", "since")
        return self

    @model_validator(mode="after")
    def _tables_are_used(self) -> BatchScoring:
        if self.tables and self.sql is None:
            raise FieldError("more tables need `sql` to say how they are joined", "tables")
        if "input" in self.tables:
            raise FieldError("`input` is the table of the field `input`; give this one another name", "tables", "input")
        return self
