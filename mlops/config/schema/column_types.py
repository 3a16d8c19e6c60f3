"""Say which types of columns a part of a data set takes.

Lives here: ColumnType, the six types of values, and IMAGES, the seventh of the contract; VALUES, and Takes, which each check,
split, transform and cleaning declares.
Not here: the parts themselves (checks, splits, transforms, dataset), comparing them with columns (column_fit).
Law: a type has one name in YAML, in schema.json and in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

ColumnType = Literal["bool", "int", "float", "string", "date", "timestamp"]
EVERY_TYPE: frozenset[str] = frozenset(get_args(ColumnType))
"""The types of columns whose values can be compared."""
IMAGES = frozenset({"image"})
"""The type of a column of bytes, each of which are the file of an image."""
NUMBERS = frozenset({"int", "float"})
TEXT = frozenset({"string"})
TIMES = frozenset({"date", "timestamp"})
VALUES: Mapping[str, str] = {
    "bool": "true or false", "int": "whole numbers", "float": "numbers", "string": "text", "date": "dates",
    "timestamp": "timestamps", "image": "images",
}  # fmt: skip
"""Type of the contract -> what a column of it holds, in a sentence."""
QUOTE_IT = (
    "YAML reads NO and off as the boolean false, YES and on as the boolean true. Write them in quotes, such as "
    '["NO", "SE"].'
)


@dataclass(frozen=True, slots=True)
class Takes:
    """The types that a part of a data set takes, and what is said of a column of another type.

    `does`: how the part ends a sentence, such as "compares numbers". `step`: what to do next; `{column}` in it is the column.
    """

    types: frozenset[str] = EVERY_TYPE
    does: str = ""
    step: str = ""

    def refusal(self, part: str, column: str, type_: str) -> str | None:
        """Return the sentences about a column of a type that does not fit; None where it fits. `part`: such as `between`."""
        if type_ in self.types:
            return None
        step = self.step.replace("{column}", column)
        return f"`{column}` holds {VALUES[type_]}, and `{part}` {self.does}. {step}".rstrip()


ANYTHING = Takes(EVERY_TYPE | IMAGES)
