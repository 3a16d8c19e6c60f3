"""Say what an item of `expect:` may say.

Lives here: CheckSpec, ColumnExpectation and TableExpectation, and the choice between them.
Not here: the checks themselves (the other files of this room).
Law: an item is about one column, or about the whole table; each check says which it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import model_validator
from pydantic_core import CoreSchema, core_schema

from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.by_name import Assembled, Chosen, Entry, assemble, built_in_or_named, entries
from mlops.config.schema.column_types import ANYTHING, Takes
from mlops.extensions import CHECK_SCHEMAS


class CheckSpec(Entry):
    """One check. It has a field of the name that it is registered under, whose default means "not checked".

    `on_table`: it looks at the whole table, not at one column.
    """

    on_table: ClassVar[bool] = False

    @classmethod
    def takes(cls, expected: Any) -> Takes:
        """Return the types of columns that the check is for. `expected`: the value of its word in `expect:`."""
        return ANYTHING


class Expectation(Assembled):
    """What is expected. Each check that is given must hold, or the stage stops."""

    parts: ClassVar[Mapping[str, type[CheckSpec]]] = {}

    def given(self) -> Iterator[tuple[str, Any]]:
        """Yield the name of each check that is given, and what is expected."""
        for name, entry in self.parts.items():
            expected = getattr(self, name)
            if expected != entry.model_fields[name].default:
                yield name, expected


class ColumnExpectation(Expectation):
    """A check on one column of the result of the SQL. Each that is given must hold, or the stage stops."""

    column: Column = spec_field(doc="The column, as the result of the SQL names it.")


class TableExpectation(Expectation):
    """A check on the result of the SQL as a whole. Each that is given must hold, or the stage stops."""

    @model_validator(mode="after")
    def _some(self) -> TableExpectation:
        if not any(True for _ in self.given()):
            raise FieldError("nothing is expected; give a value, or take this item out")
        return self


def _choose(value: Any) -> type[Expectation]:
    named = [key for key in value if key != "column"] if isinstance(value, Mapping) else []
    checks = entries(CHECK_SCHEMAS, CheckSpec, built_in_or_named(CHECK_SCHEMAS, named))
    return _model(checks, on_table=any(checks[name].on_table for name in named if name in checks))


def _model(checks: Mapping[str, type[CheckSpec]], *, on_table: bool) -> type[Expectation]:
    fitting = {name: check for name, check in checks.items() if check.on_table == on_table}
    return assemble(TableExpectation if on_table else ColumnExpectation, CHECK_SCHEMAS, fitting)


def _every() -> CoreSchema:
    checks = entries(CHECK_SCHEMAS, CheckSpec, CHECK_SCHEMAS.names())
    return core_schema.union_schema([_model(checks, on_table=on).__pydantic_core_schema__ for on in (False, True)])


BY_CHECK = Chosen(_choose, _every, CHECK_SCHEMAS)
