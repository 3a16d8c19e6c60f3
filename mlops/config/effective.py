"""Read judged inputs as objects.

Lives here: effective_json (a judged model as plain JSON, every default filled in, units parsed), typed, which reads
such JSON by attributes, and plain, its reverse.
Not here: the models whose shape it has (schema), judging (validate).
Law: a default stands once, in the model; what was judged is cached as JSON, and read back without pydantic.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


class Frozen(Mapping[str, Any]):
    """A mapping whose keys are read as attributes too; nothing can be set. Lists are tuples, mappings are Frozen."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        try:
            return typed(self._values[name])
        except KeyError:
            raise AttributeError(f"there is no field `{name}`; there are: {', '.join(self._values)}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"`{name}` cannot be set: judged inputs do not change")

    def __getitem__(self, key: str) -> Any:
        return typed(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Frozen({self._values!r})"


def typed(value: Any) -> Any:
    """Return the same JSON, to be read by attributes: `typed(desired.effective).rollout.steps`. Its type is the schema's
    model, which callers name for the type checker: `endpoint: Endpoint = typed(...)`."""
    if isinstance(value, Mapping):
        return value if isinstance(value, Frozen) else Frozen(value)
    if isinstance(value, list | tuple):
        return tuple(typed(inner) for inner in value)
    return value


def plain(value: Any) -> Any:
    """Return what `typed` reads as dictionaries and lists again."""
    if isinstance(value, Mapping):
        return {name: plain(value[name]) for name in value}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def effective_json(model: BaseModel) -> Any:
    """Return a judged model as JSON with every default filled in: durations in seconds, sizes in bytes, shares from 0 to 1,
    rates as {number, seconds}, dates as ISO text."""
    return json.loads(json.dumps(model.model_dump(mode="python", by_alias=True), default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON")
