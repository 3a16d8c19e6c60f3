"""Say what a data set is.

Lives here: Dataset and Cleaning.
Not here: what a source, a check, a feature transform and a split may say (the rooms of those names), reading data
(workloads), deciding (engine).
Law: everything here changes the data, so every field that matters means REPROCESS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import field_validator, model_validator

from mlops.config.schema.base import Column, FieldError, Resource, Strict, spec_field
from mlops.config.schema.card import DatasetCard
from mlops.config.schema.category import Category
from mlops.config.schema.checks.check import BY_CHECK, Expectation
from mlops.config.schema.column_types import EVERY_TYPE, QUOTE_IT, TEXT, Takes
from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.config.schema.splits.split import BY_SPLIT, SplitSpec
from mlops.config.schema.transforms.transform import BY_TRANSFORM, Features
from mlops.config.schema.window import Window
from mlops.sources.dataset import MOST_READ

Scalar = bool | int | float | str


class Cleaning(Strict):
    """What is done to a column's values. Runs inside the model's graph too, so that serving does the same."""

    clip: tuple[float, float] | None = spec_field(None, doc="Values outside are moved to the bound.")
    map: dict[str, str] | None = spec_field(None, doc="Texts replaced by other texts.")
    missing: Literal["median", "mean", "drop"] | Scalar | None = spec_field(
        None, doc="Fill with the train split's median or mean, or with a value; `drop` drops the row at preparation."
    )

    @field_validator("clip")
    @classmethod
    def _ordered(cls, clip: tuple[float, float] | None) -> tuple[float, float] | None:
        if clip is not None and clip[0] > clip[1]:
            raise FieldError(f"the lower bound comes first, and {clip[0]:g} is above {clip[1]:g}")
        return clip

    def takes(self) -> Iterator[tuple[str, Takes]]:
        """Yield each field that is given, and the types of columns that it is for."""
        others = EVERY_TYPE - TEXT
        if self.clip is not None:
            yield "clip", Takes(others, "moves numbers to a bound", "Take it out, or cast the column in the SQL.")
        if self.map is not None:
            step = "Take it out, or write CASE {column} WHEN … THEN … END in the SQL."
            yield "map", Takes(TEXT, "replaces texts", step)
        match self.missing:
            case "median" | "mean":
                yield "missing", Takes(others, f"is `{self.missing}`, of numbers", "Fill with a text, or with `drop`.")
            case bool():
                yield "missing", Takes(others, f"is {str(self.missing).lower()}", f"If it is a text: {QUOTE_IT}")
            case str() if self.missing != "drop":
                yield (
                    "missing",
                    Takes(TEXT, f"is the text `{self.missing}`", "Give a number, `median`, `mean` or `drop`."),
                )


class Dataset(Resource):
    """Rows, checked, cleaned and split, from sources that are pinned by their content."""

    noun: ClassVar[str] = "data set"
    order: ClassVar[int] = 10

    sources: dict[str, Annotated[SourceSpec, BY_SCHEME]] = spec_field(
        doc="Table name in the SQL -> where it comes from.", change=Category.REPROCESS, min_length=1
    )
    sql: str | None = spec_field(
        None, doc="DuckDB SQL over the sources. Default: all of the only source.", change=Category.REPROCESS
    )
    label: Column | tuple[Column, ...] | None = spec_field(
        None,
        doc="The column to predict; a list of columns of 0 and 1, or true and false, for the task `multilabel`.",
        change=Category.REPROCESS,
    )
    expect: tuple[Annotated[Expectation, BY_CHECK], ...] = spec_field((), doc="Checks.", change=Category.REPROCESS)
    clean: dict[Column, Cleaning] = spec_field({}, doc="Column -> cleaning.", change=Category.REPROCESS)
    features: Annotated[Features, BY_TRANSFORM] = spec_field(
        doc="How columns become numbers.", change=Category.REPROCESS
    )
    window: Window | None = spec_field(
        None,
        doc="Make windows of series, for the task `forecasting`. Default: a row stays a row.",
        change=Category.REPROCESS,
    )
    split: Annotated[SplitSpec, BY_SPLIT] = spec_field(doc="Train, validation and test.", change=Category.REPROCESS)
    card: DatasetCard = spec_field(DatasetCard(), doc="What `mlops card` tells people of it.", change=Category.METADATA)

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns to predict."""
        if self.window is not None and isinstance(self.label, str):
            return self.window.ahead_columns(self.label)
        return (self.label,) if isinstance(self.label, str) else self.label or ()

    @property
    def only_label(self) -> str | None:
        """The column to predict where it is one alone."""
        return self.labels[0] if len(self.labels) == 1 else None

    @model_validator(mode="after")
    def _windows_fit(self) -> Dataset:
        if self.window is None:
            return self
        if not isinstance(self.label, str):
            raise FieldError("windows are made of one column that is forecast; name it under `label`", "window")
        if self.split.time_column != self.window.time:
            raise FieldError(
                f"windows overlap, so that any other split would measure what was learned; split by `{self.window.time}`: "
                f"{{ by: time, column: {self.window.time}, … }}",
                "split",
            )
        if self.label in self.features.columns:
            first = self.window.past_columns(self.label)[0]
            raise FieldError(
                f'of `{self.label}` the past is a feature; say "{self.label}_past_*" or {first}', "features"
            )
        return self

    @model_validator(mode="after")
    def _few_others(self) -> Dataset:
        others = {found for source in self.sources.values() if (found := source.reference()) and found[0] == "dataset"}
        if len(others) > MOST_READ:
            raise FieldError(
                f"it reads {len(others)} other data sets, and one may read {MOST_READ}; join some of them in a data set of "
                "their own",
                "sources",
            )
        return self

    @model_validator(mode="after")
    def _sql_for_many(self) -> Dataset:
        if self.sql is None and len(self.sources) > 1:
            raise FieldError("more than one source needs `sql` to say how they are joined", "sources")
        return self

    @model_validator(mode="after")
    def _labels_alone(self) -> Dataset:
        if isinstance(self.label, tuple) and len({*self.label}) < max(2, len(self.label)):
            raise FieldError("a list of labels names at least two columns, each once", "label")
        for label in self.labels:
            if label in self.features.columns:
                raise FieldError(f"the label `{label}` is also a feature; a model would learn to copy it", "label")
        return self
