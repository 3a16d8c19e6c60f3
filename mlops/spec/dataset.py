"""Say what a data set is.

Lives here: Dataset and its parts: sources, expectations, cleaning, features, split.
Not here: reading data (workloads), deciding (engine).
Law: everything here changes the data, so every field that matters means REPROCESS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from mlops.spec.base import Column, Misfit, Resource, Strict, said
from mlops.spec.category import Category
from mlops.spec.units import Share

Scalar = bool | int | float | str


class FileSource(Strict):
    """A file, or a file inside an installed Python package."""

    uri: str = said(doc="`path/to/file.csv`, relative to the project, or `package://NAME/path/in/package`.")
    format: Literal["csv", "parquet", "json"] | None = said(
        None, doc="Default: by the ending (.csv, .csv.gz, .csv.zip, .parquet, .json, .jsonl)."
    )
    columns: tuple[Column, ...] | None = said(None, doc="Read only these columns.")
    null: tuple[str, ...] = said(("", "NA"), doc="Texts of a CSV file that mean a missing value.")


class ColumnExpectation(Strict):
    """A check on one column of the result of the SQL. Each that is given must hold, or the stage stops."""

    column: Column
    not_null: bool = False
    unique: bool = False
    between: tuple[float, float] | None = said(None, doc="Closed interval.")
    among: tuple[Scalar, ...] | None = said(None, doc="The allowed values.")
    matches: str | None = said(None, doc="A regular expression that the whole text must match.")
    at_most_missing: Share | None = said(None, doc="The largest share of missing values.")


class RowBounds(Strict):
    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)


class RowExpectation(Strict):
    rows: RowBounds


def _expectation(value: Any) -> str:
    rows = "rows" in value if isinstance(value, dict) else isinstance(value, RowExpectation)
    return "check of rows" if rows else "check of a column"


Expectation = Annotated[
    Annotated[ColumnExpectation, Tag("check of a column")] | Annotated[RowExpectation, Tag("check of rows")],
    Discriminator(_expectation),
]


class Cleaning(Strict):
    """What is done to a column's values. Runs inside the model's graph too, so that serving does the same."""

    clip: tuple[float, float] | None = said(None, doc="Values outside are moved to the bound.")
    map: dict[str, str] | None = said(None, doc="Texts replaced by other texts.")
    missing: Literal["median", "mean", "drop"] | Scalar | None = said(
        None, doc="Fill with the train split's median or mean, or with a value; `drop` drops the row at preparation."
    )


class Features(Strict):
    """How columns become numbers. Fitted on the train split only."""

    numeric: tuple[Column, ...] = said((), doc="Standardised; missing becomes the median and sets a flag.")
    categorical: tuple[Column, ...] = said((), doc="One-hot; an unseen value has a slot of its own.")
    cyclic: dict[Column, float] = said({}, doc="Column -> period, encoded as sine and cosine.")
    passthrough: tuple[Column, ...] = said((), doc="Numbers taken as they are; missing becomes 0.")
    max_categories: int = said(200, doc="The most frequent values of a categorical column that keep a slot.", ge=1)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical, *self.cyclic, *self.passthrough)

    @model_validator(mode="after")
    def _some_and_once(self) -> Features:
        if not self.columns:
            raise Misfit("no feature is named; list columns under numeric, categorical, cyclic or passthrough")
        for field in ("passthrough", "cyclic", "categorical", "numeric"):
            for position, column in enumerate(getattr(self, field)):
                if self.columns.count(column) > 1:
                    where = column if field == "cyclic" else position
                    raise Misfit(
                        f"`{column}` is named twice among the features; a column is encoded one way", field, where
                    )
        return self


Period = Annotated[str, Field(pattern=r"^\d+ (day|week|month|year)s?$")]


class TimeSplit(Strict):
    """The newest `test` before `until` (inclusive) is the test split, `val` before that validates, the rest trains."""

    by: Literal["time"]
    column: Column = said(doc="A date or timestamp column.")
    until: dt.date | None = said(None, doc="The last day taken. Default: the newest in the data.")
    since: dt.date | None = said(None, doc="The first day taken. Default: the oldest in the data.")
    val: Period = said(doc="Such as `1 month`; whole calendar periods counted back from the end.")
    test: Period


class RandomSplit(Strict):
    """Rows are dealt by a hash of their position and the seed."""

    by: Literal["random"]
    val: Share = said(0.1, doc="Share of the rows that validates.")
    test: Share = said(0.2, doc="Share of the rows that tests.")
    seed: int = 7
    stratify: bool = said(False, doc="Keep the label's proportions in each split.")


class Dataset(Resource):
    """Rows, checked, cleaned and split, from sources that are pinned by their content."""

    sources: dict[str, FileSource] = said(
        doc="Table name in the SQL -> where it comes from.", change=Category.REPROCESS, min_length=1
    )
    sql: str | None = said(
        None, doc="DuckDB SQL over the sources. Default: all of the only source.", change=Category.REPROCESS
    )
    label: Column | None = said(None, doc="The column to predict.", change=Category.REPROCESS)
    expect: tuple[Expectation, ...] = said((), doc="Checks.", change=Category.REPROCESS)
    clean: dict[Column, Cleaning] = said({}, doc="Column -> cleaning.", change=Category.REPROCESS)
    features: Features = said(doc="How columns become numbers.", change=Category.REPROCESS)
    split: Annotated[TimeSplit | RandomSplit, Field(discriminator="by")] = said(
        doc="Train, validation and test.", change=Category.REPROCESS
    )

    @model_validator(mode="after")
    def _sql_for_many(self) -> Dataset:
        if self.sql is None and len(self.sources) > 1:
            raise Misfit("more than one source needs `sql` to say how they are joined", "sources")
        if self.label is not None and self.label in self.features.columns:
            raise Misfit(f"the label `{self.label}` is also a feature; a model would learn to copy it", "label")
        return self
