"""Read values as the contract types them.

Lives here: ValueReader, and reader_of, which returns the one of a column.
Not here: which columns are compared, and as what (baseline).
Law: the same value is the same however it was written: 1, 1.0 and "1" are one category of a column of whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

ValueReader = Callable[[Any], Any]
"""Returns a number (kind "number") or a text (kind "text"); None for a missing value."""


def reader_of(kind: str, contract_type: str | None) -> ValueReader:
    """Return the reader of a column. `kind`: "number" or "text". `contract_type`: None where the contract has no such column."""
    if kind == "number":
        return _number
    readers: dict[str | None, ValueReader] = {"int": _whole_text, "float": _float_text, "bool": _bool_text}
    return readers.get(contract_type, _text)


def _number(value: Any) -> float | None:
    """Return a finite number; what is none counts as missing."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value)


def _whole_text(value: Any) -> str | None:
    if type(value) is int:
        return str(value)
    number = _number(value)
    return str(int(number)) if number is not None and number.is_integer() else _text(value)


def _float_text(value: Any) -> str | None:
    number = _number(value)
    return _text(value) if number is None else str(number)


def _bool_text(value: Any) -> str | None:
    if isinstance(value, str):
        return {"true": "True", "false": "False"}.get(value.strip().lower(), value)
    return str(bool(value)) if value in (0, 1) else _text(value)
