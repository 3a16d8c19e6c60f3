"""Say what a data set is.

Lives here: Dataset and its parts: sources, expectations, cleaning, features, split.
Not here: reading data (workloads), deciding (engine).
Law: everything here changes the data, so every field that matters means REPROCESS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from mlops.config.schema.base import Column, FieldError, Resource, Strict, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.units import Share

Scalar = bool | int | float | str


class FileSource(Strict):
    """A file, or a file inside an installed Python package."""

    uri: str = spec_field(doc="`path/to/file.csv`, relative to the project, or `package://NAME/path/in/package`.")
    format: Literal["csv", "parquet", "json"] | None = spec_field(
        None, doc="Default: by the ending (.csv, .csv.gz, .csv.zip, .parquet, .json, .jsonl)."
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    null: tuple[str, ...] = spec_field(("", "NA"), doc="Texts of a CSV file that mean a missing value.")


class ColumnExpectation(Strict):
    """A check on one column of the result of the SQL. Each that is given must hold, or the stage stops."""

    column: Column
    not_null: bool = False
    unique: bool = False
    between: tuple[float, float] | None = spec_field(None, doc="Closed interval.")
    among: tuple[Scalar, ...] | None = spec_field(None, doc="The allowed values.")
    matches: str | None = spec_field(None, doc="A regular expression that the whole text must match.")
    at_most_missing: Share | None = spec_field(None, doc="The largest share of missing values.")


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

    clip: tuple[float, float] | None = spec_field(None, doc="Values outside are moved to the bound.")
    map: dict[str, str] | None = spec_field(None, doc="Texts replaced by other texts.")
    missing: Literal["median", "mean", "drop"] | Scalar | None = spec_field(
        None, doc="Fill with the train split's median or mean, or with a value; `drop` drops the row at preparation."
    )


class Features(Strict):
    """How columns become numbers. Fitted on the train split only."""

    numeric: tuple[Column, ...] = spec_field((), doc="Standardised; missing becomes the median and sets a flag.")
    categorical: tuple[Column, ...] = spec_field((), doc="One-hot; an unseen value has a slot of its own.")
    cyclic: dict[Column, float] = spec_field({}, doc="Column -> period, encoded as sine and cosine.")
    passthrough: tuple[Column, ...] = spec_field((), doc="Numbers taken as they are; missing becomes 0.")
    max_categories: int = spec_field(
        200, doc="The most frequent values of a categorical column that keep a slot.", ge=1
    )

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical, *self.cyclic, *self.passthrough)

    @model_validator(mode="after")
    def _some_and_once(self) -> Features:
        if not self.columns:
            raise FieldError("no feature is named; list columns under numeric, categorical, cyclic or passthrough")
        for field in ("passthrough", "cyclic", "categorical", "numeric"):
            for position, column in enumerate(getattr(self, field)):
                if self.columns.count(column) > 1:
                    where = column if field == "cyclic" else position
                    raise FieldError(
                        f"`{column}` is named twice among the features; a column is encoded one way", field, where
                    )
        return self


Period = Annotated[str, Field(pattern=r"^\d+ (day|week|month|year)s?$")]


class TimeSplit(Strict):
    """The newest `test` before `until` (inclusive) is the test split, `val` before that validates, the rest trains."""

    by: Literal["time"]
    column: Column = spec_field(doc="A date or timestamp column.")
    until: dt.date | None = spec_field(None, doc="The last day taken. Default: the newest in the data.")
    since: dt.date | None = spec_field(None, doc="The first day taken. Default: the oldest in the data.")
    val: Period = spec_field(doc="Such as `1 month`; whole calendar periods counted back from the end.")
    test: Period


class RandomSplit(Strict):
    """Rows are dealt by a hash of their position and the seed."""

    by: Literal["random"]
    val: Share = spec_field(0.1, doc="Share of the rows that validates.")
    test: Share = spec_field(0.2, doc="Share of the rows that tests.")
    seed: int = 7
    stratify: bool = spec_field(False, doc="Keep the label's proportions in each split.")


class Dataset(Resource):
    """Rows, checked, cleaned and split, from sources that are pinned by their content."""

    noun: ClassVar[str] = "data set"
    order: ClassVar[int] = 10

    sources: dict[str, FileSource] = spec_field(
        doc="Table name in the SQL -> where it comes from.", change=Category.REPROCESS, min_length=1
    )
    sql: str | None = spec_field(
        None, doc="DuckDB SQL over the sources. Default: all of the only source.", change=Category.REPROCESS
    )
    label: Column | None = spec_field(None, doc="The column to predict.", change=Category.REPROCESS)
    expect: tuple[Expectation, ...] = spec_field((), doc="Checks.", change=Category.REPROCESS)
    clean: dict[Column, Cleaning] = spec_field({}, doc="Column -> cleaning.", change=Category.REPROCESS)
    features: Features = spec_field(doc="How columns become numbers.", change=Category.REPROCESS)
    split: Annotated[TimeSplit | RandomSplit, Field(discriminator="by")] = spec_field(
        doc="Train, validation and test.", change=Category.REPROCESS
    )

    @model_validator(mode="after")
    def _sql_for_many(self) -> Dataset:
        if self.sql is None and len(self.sources) > 1:
            raise FieldError("more than one source needs `sql` to say how they are joined", "sources")
        if self.label is not None and self.label in self.features.columns:
            raise FieldError(f"the label `{self.label}` is also a feature; a model would learn to copy it", "label")
        return self
