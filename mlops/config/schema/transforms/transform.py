"""Say what `features:` may say.

Lives here: TransformSpec, Features, whose fields the transforms bring, Feature, one column of it, and ColumnList, the type of a
field that lists columns or patterns.
Not here: the transforms themselves (the other files of this room), the columns that a pattern means (expand).
Law: a column is encoded one way; features stand in the order of their transforms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import CoreSchema

from mlops.config.schema.base import Column, FieldError
from mlops.config.schema.by_name import Assembled, Chosen, Entry, assemble, built_in_or_named, entries
from mlops.config.schema.column_types import EVERY_TYPE, TEXT
from mlops.extensions import TRANSFORM_SCHEMAS

EXCEPT = "except"


def is_pattern(column: str) -> bool:
    """Say whether what stands in a list of columns names several: `*` stands for any characters."""
    return "*" in column


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


ColumnList = Annotated[
    tuple[Column, ...], BeforeValidator(_as_tuple, json_schema_input_type=Column | tuple[Column, ...])
]
"""ColumnList, or patterns: `"*"` is every column of a type that fits, `"lag_*"` every column with such a name."""


class TransformSpec(Entry):
    """One transform. Its field of the name that it is registered under holds the columns that take it.

    The field is a list of columns, or a mapping from column to parameter; other fields are options for all its columns.
    `takes`: the types of columns that may take it.
    `is_categorical`: numbers that take it are names rather than amounts, and are compared as such.
    `always_written`: schema.json names it where no column takes it, too, as format 1 does for the first four.
    """

    takes: ClassVar[frozenset[str]] = EVERY_TYPE - TEXT
    is_categorical: ClassVar[bool] = False
    always_written: ClassVar[bool] = False

    @classmethod
    def types_of_star(cls) -> frozenset[str]:
        """Return the types of the columns that `*` takes."""
        return frozenset({"string", "bool"} if "string" in cls.takes else {"int", "float"})


@dataclass(frozen=True)
class Feature:
    """A column, the name of its transform, and what is said of the column: None where columns are only listed."""

    column: str
    transform: str
    parameter: Any = None


class Features(Assembled):
    """How columns become numbers. Fitted on the train split only."""

    parts: ClassVar[Mapping[str, type[TransformSpec]]] = {}

    excluded: ColumnList = Field(
        (), alias=EXCEPT, description="ColumnList, or patterns of their names, that no pattern takes, such as ids."
    )

    @property
    def each(self) -> tuple[Feature, ...]:
        """Every feature, in the order in which they are encoded."""
        found: list[Feature] = []
        for transform in self.parts:
            value = getattr(self, transform)
            if isinstance(value, Mapping):
                found += [Feature(column, transform, parameter) for column, parameter in value.items()]
            else:
                found += [Feature(column, transform) for column in value]
        return tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(feature.column for feature in self.each)

    def written(self) -> dict[str, Any]:
        """Return what schema.json says of the features; transforms of other packages only where a column takes them."""
        used = {feature.transform for feature in self.each}
        kept = {name for name, part in self.parts.items() if part.always_written or name in used}
        fields = {field for name in kept for field in self.parts[name].model_fields}
        return self.model_dump(mode="json", include=fields)

    @model_validator(mode="after")
    def _some_and_once(self) -> Features:
        columns = self.columns
        if not columns:
            *names, last = self.parts
            raise FieldError(f"no feature is named; list columns under {', '.join(names)} or {last}")
        if self.excluded and not any(map(is_pattern, columns)):
            raise FieldError('it names what `"*"` and other patterns leave out, and no pattern stands here', EXCEPT)
        for transform in reversed(tuple(self.parts)):
            value = getattr(self, transform)
            for position, column in enumerate(value):
                if columns.count(column) > 1 and not is_pattern(column):
                    where = column if isinstance(value, Mapping) else position
                    raise FieldError(
                        f"`{column}` is named twice among the features; a column is encoded one way", transform, where
                    )
        return self


def read_features(value: Mapping[str, Any]) -> Features:
    """Return what the key `features` of a schema.json, or of parameters, says. Raises MlopsError, ValidationError."""
    return _choose(value).model_validate(value)


def _choose(value: Any) -> type[Features]:
    return _model(built_in_or_named(TRANSFORM_SCHEMAS, value if isinstance(value, Mapping) else ()))


def _model(names: list[str]) -> type[Features]:
    return assemble(Features, TRANSFORM_SCHEMAS, entries(TRANSFORM_SCHEMAS, TransformSpec, names))


def _every() -> CoreSchema:
    return _model(list(TRANSFORM_SCHEMAS.names())).__pydantic_core_schema__


BY_TRANSFORM = Chosen(_choose, _every, TRANSFORM_SCHEMAS)
