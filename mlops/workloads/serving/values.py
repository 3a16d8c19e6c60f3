"""Judge one value of a row.

Lives here: FAST_TYPES, what the fast decoder accepts of each type, and value_problem, which judges and explains.
Not here: rows and bodies (rows).
Law: a value that passes can be given to the model in any batch; no message repeats more than the start of a value.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Collection
from typing import Annotated, Any

from msgspec import Meta

_INT64 = 2**63
_SHOWN = 60
_EPOCH = dt.date(1970, 1, 1)
_EPOCH_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_Int = Annotated[int, Meta(ge=-_INT64, le=_INT64 - 1)]
FAST_TYPES: dict[str, Any] = {
    "bool": bool, "int": _Int, "float": float, "string": str, "date": str, "timestamp": str, "image": str,
}  # fmt: skip
_WORDS = {
    "bool": "true or false", "int": "a whole number of at most 64 bits", "float": "a number",
    "string": "text without the character U+0000", "date": "a date such as 2013-12-31",
    "timestamp": "a time such as 2013-12-31T06:00:00", "image": "the base64 text of an image's file",
}  # fmt: skip


def value_problem(kind: str, value: Any) -> tuple[str | None, Any]:
    """Return what is wrong with a value, or None, and the value as the model takes it."""
    fits, kept = _judge(kind, value)
    return (None, kept) if fits else (f"must be {_WORDS[kind]}, and is {shown(value)}", None)


def _judge(kind: str, value: Any) -> tuple[bool, Any]:
    match kind:
        case "bool":
            return isinstance(value, bool), value
        case "int":
            fits = _is_number(value) and -_INT64 <= value < _INT64 and value == int(value)
            return fits, value
        case "float":
            return _as_float(value)
        case "string":
            return isinstance(value, str) and "\0" not in value, value
    if not isinstance(value, str):
        return False, None
    try:
        if kind == "date":
            return True, (dt.date.fromisoformat(value) - _EPOCH).days
        moment = dt.datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return True, (moment - _EPOCH_TIME) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return False, None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_float(value: Any) -> tuple[bool, float | None]:
    try:
        return (True, float(value)) if _is_number(value) else (False, None)
    except OverflowError:
        return False, None


def shown(value: Any) -> str:
    """Return a value for a message; never more than the start of it."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case int() if abs(value) >= _INT64:
            return f"a whole number of {value.bit_length()} bits"
        case str():
            return json.dumps(value[:_SHOWN], ensure_ascii=False)[:_SHOWN]
    return json.dumps(value)


def shortened(name: str) -> str:
    """Return a name as a message may hold it."""
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def nearest(name: str, names: Collection[str]) -> str:
    """Return a hint at the name that was meant, or nothing."""
    near = difflib.get_close_matches(name, names, 1, 0.6) if len(name) <= _SHOWN else []
    return f"; did you mean {near[0]}?" if near else ""


def values_of(data: list[Any]) -> list[Any]:
    """Return a tensor's values; `[N, 1]` may be nested."""
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in data]
