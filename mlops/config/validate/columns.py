"""Hold what a data set says of columns against the columns that it has.

Lives here: Misfit, and misfits, which finds every column that is named and not there, or of a type that does not fit.
Not here: finding out which columns there are (kinds.staged.schemas), which types each part takes (schema).
Law: it knows no check, split, transform or cleaning by its name: each says itself what it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops.config.schema.checks.check import ColumnExpectation
from mlops.config.schema.column_types import VALUES
from mlops.config.schema.dataset import Dataset
from mlops.config.schema.expanded import expand_dataset
from mlops.config.validate.walk import dotted, leaves_below, paths_below
from mlops.contracts.data_schema import ColumnSchema
from mlops.errors import InvalidConfig, near

Columns = Mapping[str, ColumnSchema]
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit. `field`: the dotted path in the data set. `named`: the text there that is meant."""

    summary: str
    detail: str
    field: str
    named: str
    hint: str | None = None


def misfits(inputs: Mapping[str, Any], columns: Columns) -> list[Misfit]:
    """Return what a data set says that its columns cannot do. `inputs`: its judged fields, defaults left out."""
    dataset = Dataset.model_validate(inputs)
    try:
        dataset = expand_dataset(dataset, {name: column.type for name, column in columns.items()})
    except InvalidConfig as error:
        return [Misfit(one.summary, one.detail, "features", "features", one.hint) for one in error.problems]
    return [
        *_label(dataset, columns),
        *_features(dataset, columns),
        *_checks(dataset, columns),
        *_cleaning(dataset, columns),
        *_split(dataset, inputs["split"], columns),
    ]


def unknown_column(name: str, field: str, columns: Columns) -> Misfit:
    """Return the misfit of a field that names a column which is not there."""
    part = ".".join(word for word in field.split(".") if not word.isdigit()).removesuffix(f".{name}")
    hint = near(name, columns)
    there = "" if hint else f", which has: {', '.join(columns)}. Name one of these, or select it in `sql`"
    detail = f"`{part}` names `{name}`, which is no column of the result of the SQL{there}."
    return Misfit("no such column", detail, field, name, hint)


def _label(dataset: Dataset, columns: Columns) -> Iterator[Misfit]:
    for position, label in enumerate(dataset.labels):
        field = f"label.{position}" if isinstance(dataset.label, tuple) else "label"
        if label not in columns:
            yield unknown_column(label, field, columns)
        elif columns[label].inexact:
            yield _inexact(label, field)


def _features(dataset: Dataset, columns: Columns) -> Iterator[Misfit]:
    parts = dataset.features.parts
    positions: dict[str, int] = {}
    for feature in dataset.features.each:
        name = feature.column
        position = positions[feature.transform] = positions.get(feature.transform, -1) + 1
        is_mapping = isinstance(getattr(dataset.features, feature.transform), Mapping)
        field = f"features.{feature.transform}.{name if is_mapping else position}"
        column = columns.get(name)
        if column is None:
            yield unknown_column(name, field, columns)
        elif column.type not in parts[feature.transform].takes:
            others = " or ".join(f"features.{other}" for other, part in parts.items() if column.type in part.takes)
            detail = (
                f"`{name}` holds {VALUES[column.type]}, which features.{feature.transform} does not take. Cast it in the "
                f"SQL{f', or list it under {others}' if others else ''}.{column.advice}"
            )
            yield Misfit("column does not fit", detail, field, name)
        elif column.inexact:
            yield _inexact(name, field)


def _inexact(name: str, field: str) -> Misfit:
    detail = (
        f"`{name}` holds whole numbers beyond {_EXACT:,} (2^53), which a model cannot tell apart. If they are ids, make them "
        f"text in the SQL, CAST({name} AS VARCHAR) AS {name}, and list them under features.categorical, or leave them out."
    )
    return Misfit("column does not fit", detail, field, name)


def _checks(dataset: Dataset, columns: Columns) -> Iterator[Misfit]:
    for position, expectation in enumerate(dataset.expect):
        if not isinstance(expectation, ColumnExpectation):
            continue
        column = columns.get(expectation.column)
        if column is None:
            yield unknown_column(expectation.column, f"expect.{position}.column", columns)
            continue
        for check, expected in expectation.given():
            refusal = expectation.parts[check].takes(expected).refusal(check, column.name, column.type)
            if refusal:
                yield Misfit("check does not fit", refusal, f"expect.{position}.{check}", check)


def _cleaning(dataset: Dataset, columns: Columns) -> Iterator[Misfit]:
    for name, cleaning in dataset.clean.items():
        column = columns.get(name)
        if column is None:
            yield unknown_column(name, f"clean.{name}", columns)
            continue
        for field, takes in cleaning.takes():
            refusal = takes.refusal(f"clean.{name}.{field}", name, column.type)
            if refusal:
                yield Misfit("cleaning does not fit", refusal, f"clean.{name}.{field}", field)


def _split(dataset: Dataset, inputs: Mapping[str, Any], columns: Columns) -> Iterator[Misfit]:
    for name in dataset.split.columns:
        paths = [path for path, value in leaves_below(inputs, ("split",)) if value == name]
        paths += [path for path in paths_below(inputs, ("split",)) if path[-1] == name]
        field = dotted(paths[0]) if paths else "split"
        if name not in columns:
            yield unknown_column(name, field, columns)
        elif refusal := dataset.split.takes.refusal(f"split: {{ by: {dataset.split.by} }}", name, columns[name].type):
            yield Misfit("split does not fit", refusal, field, name)
