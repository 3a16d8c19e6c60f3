"""Read units as people write them.

Lives here: Duration (seconds), Size (bytes), Count, Share (0 to 1), Rate (count per seconds), Money, and Budget (a duration or money), each
written as text.
Not here: fields that use them.
Law: parsed once, here; a value written out reads back as itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_NUMBER = r"(\d+(?:\.\d+)?)"


def parse_duration(value: Any) -> float:
    found = re.fullmatch(_NUMBER + r"\s*(ms|s|m|h|d|w)", value.strip()) if isinstance(value, str) else None
    if found:
        return float(found[1]) * _SECONDS[found[2]]
    if isinstance(value, float):
        return value
    raise ValueError(f"`{value}` is not a duration; write a number and a unit: 500ms, 10s, 15m, 1h, 7d")


def _duration(value: Any, info: ValidationInfo) -> float:
    if info.mode == "json" and isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"`{value}` is a duration without a unit; write 500ms, 10s, 15m, 1h or 7d")
    return parse_duration(value)


def format_duration(seconds: float) -> str:
    """Return text in the largest unit that leaves a whole number, else in milliseconds or seconds."""
    for unit in ("w", "d", "h", "m", "s"):
        count = seconds / _SECONDS[unit]
        if seconds and count == int(count):
            return f"{int(count)}{unit}"
    as_ms = f"{_decimal(round(seconds * 1000, 9))}ms"
    return as_ms if parse_duration(as_ms) == seconds else f"{_decimal(seconds)}s"


def _decimal(number: float) -> str:
    """Return every digit that the number needs, never with an exponent."""
    return format(Decimal(repr(number)).normalize(), "f")


def parse_size(value: Any) -> int:
    found = re.fullmatch(_NUMBER + r"\s*([kMGT]|[KMGT]i|)B?", value.strip()) if isinstance(value, str) else None
    if found:
        return int(float(found[1]) * _BYTES[found[2]])
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"`{value}` is not a size; write a number and a unit: 512Mi, 4Gi, 100M")


def format_size(count: int) -> str:
    for unit in ("Ti", "Gi", "Mi", "Ki", "T", "G", "M", "k"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return str(count)


def parse_count(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*([kM]?)", value.strip()) if isinstance(value, str) else None
    if found:
        return int(found[1]) * _BYTES[found[2]]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(
        f"`{value}` is not a number of things; write a whole number, or thousands or millions: 500, 10k, 1M"
    )


def format_count(count: int) -> str:
    for unit in ("M", "k"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return str(count)


def parse_share(value: Any) -> float:
    found = re.fullmatch(_NUMBER + r"\s*%", value.strip()) if isinstance(value, str) else None
    plain = re.fullmatch(_NUMBER, value.strip()) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found else float(plain[1]) if plain else value
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
        return float(share)
    raise ValueError(f"`{value}` is not a share; write 2% or a number between 0 and 1")


def format_share(share: float) -> str:
    for digits in (10, 17):
        text = f"{_decimal(round(share * 100, digits))}%"
        if parse_share(text) == share:
            return text
    return _decimal(share)


@dataclass(frozen=True, slots=True)
class RateValue:
    """A count per time: `number` in `seconds`."""

    number: int
    seconds: float

    def __str__(self) -> str:
        per = format_duration(self.seconds)
        return f"{self.number}/{per[1:] if per.startswith('1') and per[1:].isalpha() else per}"


def parse_rate(value: Any) -> RateValue:
    found = re.fullmatch(r"(\d+)\s*/\s*(\d*)(s|m|h|d)", value.strip()) if isinstance(value, str) else None
    if found and int(found[1]) > 0:
        return RateValue(int(found[1]), float(found[2] or 1) * _SECONDS[found[3]])
    if isinstance(value, RateValue):
        return value
    raise ValueError(f"`{value}` is not a rate; write a count per unit of time: 200/s, 5000/m")


@dataclass(frozen=True, slots=True)
class MoneyValue:
    """`currency`: its three letters, such as USD."""

    amount: float
    currency: str

    def __str__(self) -> str:
        return f"{_decimal(self.amount)} {self.currency}"


def parse_money(value: Any) -> MoneyValue:
    found = re.fullmatch(_NUMBER + r"\s*([A-Z]{3})", value.strip()) if isinstance(value, str) else None
    if found and float(found[1]) > 0:
        return MoneyValue(float(found[1]), found[2])
    raise ValueError(f"`{value}` is no amount of money; write a number and a currency: 5 USD, 2.50 EUR")


def parse_budget(value: Any) -> float | str:
    """Return seconds, or money as text."""
    if isinstance(value, str) and re.search(r"[A-Z]{3}", value):
        return str(parse_money(value))
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError(f"`{value}` is not a duration, and no money; write such as 15m, 1h or 5 USD") from None


def format_budget(budget: float | str) -> str:
    return budget if isinstance(budget, str) else format_duration(budget)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d|w)$", "x-unit": "duration"}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "x-unit": "size"}),
]
Count = Annotated[
    int,
    BeforeValidator(parse_count),
    PlainSerializer(format_count, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "x-unit": "count"}),
]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(format_share, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "x-unit": "share"}),
]
Rate = Annotated[
    RateValue,
    BeforeValidator(parse_rate),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*/\s*\d*(s|m|h|d)$", "x-unit": "rate"}),
]
Money = Annotated[
    str,
    BeforeValidator(lambda value: str(parse_money(value))),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*[A-Z]{3}$"}),
]
Budget = Annotated[
    float | str,
    BeforeValidator(parse_budget),
    PlainSerializer(format_budget, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d|w|[A-Z]{3})$", "x-unit": "budget"}),
]
FORMATS: Mapping[str, Callable[[Any], str]] = {
    "duration": format_duration,
    "size": format_size,
    "count": format_count,
    "share": format_share,
    "rate": str,
    "budget": format_budget,
}
"""The mark `x-unit` in a JSON Schema -> how a parsed value is written."""
