"""Find the model of a part of a spec by its name.

Lives here: Entry (what every registered part shares), Chosen (a field whose model depends on what its value names) and
Assembled (a model whose fields are brought by the entries of a table).
Not here: the parts themselves (sources, transforms, checks, splits), the tables (extensions).
Law: a value is judged by the entries that it names and by the built-ins; other packages are asked for an unknown name alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, create_model
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from mlops.config.schema.base import Strict
from mlops.errors import MlopsError
from mlops.extensions import Table


class Entry(Strict):
    """What a table of the spec holds. `order`: entries are listed, and take effect, by this number and then by name."""

    order: ClassVar[int] = 100


E = TypeVar("E", bound=Entry)
C = TypeVar("C", bound="Assembled")


def load_entry(table: Table, name: str, base: type[E]) -> type[E]:
    """Raises MlopsError where nothing is registered, or where it is no subclass of `base`."""
    entry = table.load(name)
    if not (isinstance(entry, type) and issubclass(entry, base)):
        raise unfit(
            table, name, f"what it registers in {table.group} is no subclass of {base.__module__}.{base.__name__}"
        )
    return entry


def unfit(table: Table, name: str, why: str) -> MlopsError:
    """The error of an entry that does not do what its table asks for."""
    return MlopsError.of(
        "plug-in does not fit",
        f"{table.package(name) or 'mlops'} brings the {table.noun} {name}: {why}. Correct or uninstall that package.",
    )


def entries(table: Table, base: type[E], names: Iterable[str]) -> dict[str, type[E]]:
    """Return the entries of these names, in their order. Raises MlopsError."""
    loaded = {name: load_entry(table, name, base) for name in names}
    return dict(sorted(loaded.items(), key=lambda item: (item[1].order, item[0])))


def by_tag(table: Table, base: type[E], *, tag: str) -> Chosen:
    """Describe a field whose value says in its field `tag` which entry of the table judges it."""

    def choose(value: Any) -> type[E]:
        if not isinstance(value, Mapping):
            raise PydanticKnownError("dict_type")
        if tag not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": f"'{tag}'"})
        name = value[tag]
        if not isinstance(name, str) or name not in table:
            known = ", ".join(f"'{one}'" for one in entries(table, base, table.names()))
            raise PydanticKnownError(
                "union_tag_invalid", {"discriminator": f"'{tag}'", "tag": str(name), "expected_tags": known}
            )
        return load_entry(table, name, base)

    def every() -> CoreSchema:
        models = {name: model.__pydantic_core_schema__ for name, model in entries(table, base, table.names()).items()}
        return core_schema.tagged_union_schema(models, discriminator=tag)

    return Chosen(choose, every, table)


@dataclass(frozen=True)
class Chosen:
    """Annotates a field: `choose` gives the model that judges a value, `every` the schema of all that there are, `table` where
    the entries are found, for the reference.

    Both look at the tables when they are called, so that a package that was installed in this process counts.
    """

    choose: Callable[[Any], type[BaseModel]]
    every: Callable[[], CoreSchema]
    table: Table | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.lax_or_strict_schema(self._judge(strict=False), self._judge(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(self.every())
        return {**found, "x-table": self.table.group} if self.table else found

    def _judge(self, *, strict: bool) -> CoreSchema:
        def judge(value: Any, info: ValidationInfo) -> Any:
            if isinstance(value, BaseModel):
                return value
            model = self.choose(value)
            if info.mode == "json":
                return model.model_validate_json(json.dumps(value), strict=strict)
            return model.model_validate(value, strict=strict)

        return core_schema.with_info_plain_validator_function(judge)


class Assembled(Strict):
    """A model whose fields are those of its parts. `parts`: name -> entry, in their order.

    Each part brings a field of its own name, and options beside it; all of them have defaults.
    """

    parts: ClassVar[Mapping[str, type[Entry]]] = {}

    def options_of(self, part: str) -> dict[str, Any]:
        """Return the values of the fields that a part brings beside the one of its own name."""
        return {field: getattr(self, field) for field in self.parts[part].model_fields if field != part}


def assemble(model: type[C], table: Table, parts: Mapping[str, type[E]]) -> type[C]:
    """Return a subclass of `model` that has the fields of all parts. Raises MlopsError for parts that do not fit."""
    return _assembled(model, table, tuple(parts.items()))


def built_in_or_named(table: Table, named: Iterable[Any]) -> list[str]:
    """Return the built-in names of a table, and those of other packages that are in `named`."""
    own = table.own_names()
    others = [name for name in named if isinstance(name, str) and name not in own]
    return [*own, *(name for name in others if name in table)]


@cache
def _assembled(model: type[C], table: Table, parts: tuple[tuple[str, type[Entry]], ...]) -> type[C]:
    brought: dict[str, str] = dict.fromkeys(model.model_fields, model.__name__)
    for name, entry in parts:
        if name not in entry.model_fields:
            raise unfit(table, name, f"{entry.__name__} has no field `{name}`")
        for field, info in entry.model_fields.items():
            if info.is_required():
                raise unfit(table, name, f"the field `{field}` of {entry.__name__} needs a default")
            other = brought.setdefault(field, name)
            if other != name:
                raise unfit(table, name, f"the field `{field}` of {entry.__name__} is brought by {other} already")
    bases = (model, *(entry for _, entry in reversed(parts)))
    create: Any = create_model
    made: type[C] = create(model.__name__, __base__=bases, __module__=model.__module__, __doc__=model.__doc__)
    made.parts = dict(parts)
    return made
