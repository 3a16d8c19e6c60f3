"""Hold what every resource shares.

Lives here: Strict (the base of every model), spec_field() (a field with its category and its documentation), Unsaid (what a
reference names where a file leaves it out), FieldError (an error that knows its field), Resource.
Not here: the resources themselves, composing them from files.
Law: unknown keys are errors; a default never changes, so that a new version of the tool changes nobody's world.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from mlops.config.schema.category import Category
from mlops.config.schema.model_reference import MODEL_REFERENCE, check_reference

SECRET = r"^\$\{secret:[A-Za-z_][A-Za-z0-9_]*\}$"  # noqa: S105
NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
ModelReference = Annotated[
    str, AfterValidator(check_reference), WithJsonSchema({"type": "string", "pattern": MODEL_REFERENCE})
]
"""A model, or one version of it: `delay`, `delay@champion`, `delay@v1.2.0`."""
Column = Annotated[str, StringConstraints(min_length=1)]
SecretText = Annotated[str, StringConstraints(pattern=SECRET)]
"""A reference to a secret. Composition leaves `${secret:NAME}` as this text; a literal value is refused."""


class FieldError(ValueError):
    """An error of a value. `path`: the field inside the model whose validator raises it. `hint`: such as "Did you mean
    `time`?". `hide`: the line that holds the value is not quoted, because a secret may stand in it."""

    def __init__(self, message: str, *path: str | int, hint: str | None = None, hide: bool = False) -> None:
        super().__init__(message)
        self.path = path
        self.hint = hint
        self.hide = hide


class Unsaid(StrEnum):
    """What a reference names where its file leaves it out."""

    OWN_NAME = "own name"
    ONLY_ONE = "the only one"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False, hide_input_in_errors=True)


def spec_field(
    default: Any = ..., *, doc: str, change: Category | None = None, refers: str | None = None, unsaid: Unsaid | None = None,
    refers_by_address: str | None = None, instead: str | None = None, **more: Any,
) -> Any:  # fmt: skip
    """A field of the spec.

    `change`: what a change of it means; inherited by the fields below, taken from the field above where None.
    `refers`: the kind whose resource the value names (a typed reference, and so a dependency edge).
    `refers_by_address`: the same of a value that begins with the kind, such as `model.delay`; others name no resource.
    `unsaid`: which resource it names where the file leaves it out; without it, the field must be written.
    `instead`: a field that is written in its place, so that it then names nothing.
    """
    marks: dict[str, Any] = {"x-change": str(change)} if change else {}
    if refers:
        marks["x-refers"] = refers
    if refers_by_address:
        marks["x-refers-by-address"] = refers_by_address
    if unsaid:
        marks["x-unsaid"] = str(unsaid)
    if instead:
        marks["x-instead"] = instead
    return Field(default, description=doc, json_schema_extra=marks or None, **more)


class Resource(Strict):
    """What every resource file may say, whatever its kind."""

    noun: ClassVar[str] = ""
    """What a resource of the kind is called in a sentence; empty for the kind's own name."""
    order: ClassVar[int] = 100
    """Kinds with a lower number are needed by those with a higher one; resources are listed in this order."""
    implied_by: ClassVar[str | None] = None
    """A kind: where a resource of it has the name NAME_PATTERN, and something refers to NAME_PATTERN of this kind, no file is needed."""

    hands_on: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Kind -> fields that a resource of it which needs no file takes over from the resource that names it."""

    enabled: bool = spec_field(True, doc="`false` takes the resource out, as if its file were not there.")
    description: str = spec_field("", doc="What it is for, for people.", change=Category.METADATA)
    owner: str = spec_field("", doc="Whom to ask.", change=Category.METADATA)
    protect: bool | None = spec_field(
        None, doc="Refuse to delete or replace it. Default: the environment's.", change=Category.METADATA
    )
