"""Compare inputs.

Lives here: diff, the paths at which two nested JSON values differ.
Not here: what a difference means (kinds).
Law: diff(a, a) is empty; mappings are compared key by key, everything else as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlops.engine.resource import Json


class Difference(NamedTuple):
    path: str
    before: Json
    after: Json

    @property
    def secret(self) -> bool:
        """Say whether a secret is in one of the two values, at whatever depth: a list is compared as a whole."""
        return _holds_secret(self.before) or _holds_secret(self.after)


def diff(before: Json, after: Json) -> tuple[Difference, ...]:
    """Return the paths at which the two values differ. A secret differs where its name does, or its digest where both
    are known."""
    return tuple(_walk("", before, after))


def _walk(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if _same(before, after):
        return
    left, right = _inner(before), _inner(after)
    if left is not None and right is not None and (left or right):
        for key in dict.fromkeys((*left, *right)):
            yield from _walk(f"{path}.{key}" if path else str(key), left.get(key), right.get(key))
        return
    yield Difference(path, before, after)


def _inner(value: Json) -> Mapping[str, Json] | None:
    """Return the mapping to look into, or None for another value; None itself counts as an empty mapping."""
    if value is None:
        return {}
    return value if isinstance(value, Mapping) and not _is_secret(value) else None


def _is_secret(value: Json) -> bool:
    return isinstance(value, Mapping) and "$secret" in value


def _holds_secret(value: Json) -> bool:
    if isinstance(value, Mapping):
        return _is_secret(value) or any(_holds_secret(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(_holds_secret(inner) for inner in value)


def _same(before: Json, after: Json) -> bool:
    if isinstance(before, Mapping) and isinstance(after, Mapping) and _is_secret(before) and _is_secret(after):
        known = before.get("$hmac") is not None and after.get("$hmac") is not None
        return before["$secret"] == after["$secret"] and (not known or before["$hmac"] == after["$hmac"])
    if type(before) is not type(after) and not (_number(before) and _number(after)):
        return False
    if isinstance(before, Mapping):
        return before.keys() == after.keys() and all(_same(value, after[key]) for key, value in before.items())
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(_same(x, y) for x, y in zip(before, after, strict=True))
    return bool(before == after)


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
