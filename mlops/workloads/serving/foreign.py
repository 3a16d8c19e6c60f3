"""Say what a protocol of others gives.

Lives here: ForeignRequest, what one of them read; ForeignAnswer, what it writes.
Not here: the protocols (open_inference, tf_serving), running the model (model).
Law: rows have the shape of `/predict`, so that the log, and with it drift and feedback, know one form alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.workloads.serving.seen_values import OutsidePlace

JSON_TYPE = (b"content-type", b"application/json")


@dataclass(frozen=True)
class ForeignAnswer:
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)


@dataclass(frozen=True)
class ForeignRequest:
    """`id`: what the request calls itself, or nothing. `write`: makes the answer of predictions and of what lies outside."""

    rows: list[dict[str, Any]]
    write: Callable[[list[Any], Sequence[OutsidePlace]], ForeignAnswer]
    id: str = ""


def rows_of_columns(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return rows. `columns`: name -> as many values as there are rows."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
