"""Pulumi's values on the wire: plain data, and beside it which paths are secret.

Lives here: Struct to plain data and back, unknown values, secret marks, property paths as the engine writes them.
Not here: what the values mean (objects, compare).
Law: a value that came in as a secret goes out as a secret.
Source of the signatures: sdk/go/common/resource/plugin/rpc.go of pulumi.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"

Path = tuple[str | int, ...]


def read(struct: Struct) -> tuple[dict[str, Any], set[Path]]:
    """Plain data with UNKNOWN left in it, and the paths of its secrets. Whole numbers become integers."""
    secrets: set[Path] = set()
    plain = {key: _plain(value, (key,), secrets) for key, value in struct.fields.items()}
    return plain, secrets


def _plain(value: Value, path: Path, secrets: set[Path]) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_plain(item, (*path, index), secrets) for index, item in enumerate(value.list_value.values)]
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
                secrets.add(path)
                return _plain(fields["value"], path, secrets)
            return {key: _plain(item, (*path, key), secrets) for key, item in fields.items()}
    return None


def write(plain: dict[str, Any], secrets: Iterable[Path] = ()) -> Struct:
    marks = frozenset(secrets)
    return Struct(fields={key: _value(item, (key,), marks) for key, item in plain.items() if item is not None})


def _value(plain: Any, path: Path, marks: frozenset[Path]) -> Value:
    value = _bare(plain, path, marks)
    if path not in marks:
        return value
    return Value(struct_value=Struct(fields={SIGNATURE: Value(string_value=SECRET), "value": value}))


def _bare(plain: Any, path: Path, marks: frozenset[Path]) -> Value:
    if plain is None:
        return Value(null_value=0)  # type: ignore[arg-type]
    if isinstance(plain, bool):
        return Value(bool_value=plain)
    if isinstance(plain, int | float):
        return Value(number_value=plain)
    if isinstance(plain, str):
        return Value(string_value=plain)
    if isinstance(plain, list):
        items = [_value(item, (*path, index), marks) for index, item in enumerate(plain)]
        return Value(list_value=ListValue(values=items))
    fields = {key: _value(item, (*path, key), marks) for key, item in plain.items()}
    return Value(struct_value=Struct(fields=fields))


def has_unknown(plain: Any) -> bool:
    if isinstance(plain, dict):
        return any(map(has_unknown, plain.values()))
    if isinstance(plain, list):
        return any(map(has_unknown, plain))
    return plain == UNKNOWN


def path_text(path: Path) -> str:
    """`spec.containers[0].image`, `metadata.labels["app.kubernetes.io/name"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").replace("-", "a").isalnum() and not step[0].isdigit():
            text += f".{step}" if text else step
        else:
            text += '["' + step.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text
