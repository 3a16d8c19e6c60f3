"""Read and write contracts.

Lives here: Contract and Document, the bases of all contracts; reading and writing them as JSON and as environment variables.
Not here: any one contract.
Law: what does not fit is one sentence that names the field; equal values are written as equal bytes. Needs msgspec alone.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import threading
import types
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, structs

_T = TypeVar("_T")
_C = TypeVar("_C", bound="Contract")
_converting = threading.Lock()
"""msgspec ends the process where two threads look at the fields of a type for the first time at once."""
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`$")


class ContractError(ValueError):
    """What was read does not fit its contract. The message names the field, without a full stop at its end."""


class Contract(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A part of a document. A field's bounds, pattern, description and environment variable stand in its `Meta`."""


class Document(Contract, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What crosses the boundary as a whole. `format` is absent in documents of the first format."""

    FORMAT: ClassVar[int] = 1
    format: Annotated[int, Meta(ge=1, description="Format of the document.")] = 1


def variable(name: str, description: str, **bounds: Any) -> Meta:
    """Describe a field that is the environment variable `name` where a document is written as variables."""
    return Meta(description=description, extra={"env": name}, **bounds)


def convert(kind: type[_T], value: Any) -> _T:
    """Return `value`, which is plain JSON, as a `kind`. Raises ContractError."""
    wanted = getattr(kind, "FORMAT", None)
    if wanted is not None and isinstance(value, Mapping):
        given = value.get("format", 1)
        if isinstance(given, int) and given > wanted:
            raise ContractError(
                f"it has format {given}, and this version of mlops reads up to {wanted}; use the version that wrote it"
            )
    try:
        with _converting:
            return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ContractError(_sentence(kind, str(error))) from error


def decode(kind: type[_T], text: str | bytes) -> _T:
    """Return JSON text as a `kind`. Raises ContractError."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContractError(f"it is not JSON: {error}") from error
    return convert(kind, value)


def to_json(value: msgspec.Struct) -> dict[str, Any]:
    """Return a contract as plain JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def encode(value: msgspec.Struct, *, indent: int | None = None) -> str:
    """Return a contract as JSON text with sorted keys."""
    return json.dumps(to_json(value), sort_keys=True, indent=indent)


def _sentence(kind: type, message: str) -> str:
    """Return what msgspec says with the path of the field before it."""
    found = _AT.search(message)
    path, what = (
        (found["path"].removeprefix("$").removeprefix("."), message[: found.start()]) if found else ("", message)
    )
    if unknown := _UNKNOWN.match(what):
        near = difflib.get_close_matches(unknown["field"], _names(kind, path), 1, 0.6)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return f"{_joined(path, unknown['field'])}: Extra inputs are not permitted{hint}"
    if missing := _MISSING.match(what):
        return f"{_joined(path, missing['field'])}: Field required"
    if what.startswith("Expected"):
        what = what[0].lower() + what[1:]
    return f"{path}: {what}" if path else what


def _names(kind: type, path: str) -> list[str]:
    """Return the fields of the contract at `path`, where it can be found."""
    for part in filter(None, path.replace("[...]", "").split(".")):
        field = next((field for field in structs.fields(kind) if field.encode_name == part), None)
        inner = next((one for one in _inside(field.type) if _is_contract(one)), None) if field else None
        if inner is None:
            return []
        kind = inner
    return [field.encode_name for field in structs.fields(kind)] if _is_contract(kind) else []


def _inside(annotation: Any) -> list[Any]:
    return [annotation, *(inner for one in get_args(annotation) for inner in _inside(one))]


def _is_contract(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _joined(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def plain_type(annotation: Any) -> tuple[Any, Meta | None, bool]:
    """Return a field's type without its `Meta`, the `Meta`, and whether the field may be None."""
    meta = None
    may_be_none = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            meta = next((one for one in extras if isinstance(one, Meta)), meta)
        elif get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation):
            rest = [one for one in get_args(annotation) if one is not type(None)]
            may_be_none = True
            if len(rest) > 1:
                return annotation, meta, may_be_none
            annotation = rest[0]
        else:
            return annotation, meta, may_be_none


def env_name(meta: Meta | None) -> str | None:
    """Return the environment variable of a field, None where it has none."""
    return (meta.extra or {}).get("env") if meta else None


def from_env(kind: type[_C], env: Mapping[str, str]) -> _C:
    """Return the contract that environment variables spell; an empty variable counts as unset. Raises ContractError."""
    try:
        found = _from_env(kind, env)
        assert found is not None
        return found
    except ContractError:
        raise
    except ValueError as error:
        raise ContractError(str(error)) from error


def _from_env(kind: type[_C], env: Mapping[str, str]) -> _C | None:
    """Return None where a variable that a part cannot do without is unset, and the part may be left out."""
    values: dict[str, Any] = {}
    is_unset = False
    for field in structs.fields(kind):
        inner, meta, may_be_none = plain_type(field.type)
        if _is_contract(inner):
            values[field.name] = _from_env(inner, env)
            continue
        name = env_name(meta)
        if name is None:
            continue
        text = env.get(name, "")
        if text:
            values[field.name] = _parsed(name, text, inner, meta, field.default)
        elif field.required:
            if not issubclass(kind, Document):
                is_unset = True
            elif not may_be_none:
                raise ContractError(f"{name} is ''. {meta.description if meta else ''}")
            else:
                values[field.name] = None
    return None if is_unset else kind(**values)


def _parsed(name: str, text: str, kind: Any, meta: Meta | None, default: Any) -> Any:
    if kind is str:
        if meta and meta.pattern and not re.search(meta.pattern, text):
            raise ContractError(f"{name} is {text!r}. {meta.description}")
        return text
    if kind in (int, float):
        return _number(name, text, kind, meta, default)
    return tuple(text.split())


def _number(name: str, text: str, kind: Any, meta: Meta | None, default: Any) -> float:
    low = meta.ge if meta and meta.ge is not None else 0
    high = meta.le if meta and meta.le is not None else math.inf
    try:
        value: float = kind(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high or math.isinf(value):
        what = "a whole number" if kind is int else "a number"
        bounds = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
        raise ContractError(f"{name} is {text!r}. It must be {what} {bounds}; leave it out for {default:g}.")
    return value


def to_env(value: Contract, *names: str) -> dict[str, str]:
    """Return the environment variables that spell `value`, or only those of the fields `names`; None is left out."""
    found: dict[str, str] = {}
    for field in structs.fields(value):
        if names and field.name not in names:
            continue
        content = getattr(value, field.name)
        _, meta, _ = plain_type(field.type)
        if isinstance(content, Contract):
            found |= to_env(content)
        elif content is not None and content is not UNSET and (name := env_name(meta)):
            found[name] = _spelled(content)
    return found


def _spelled(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
