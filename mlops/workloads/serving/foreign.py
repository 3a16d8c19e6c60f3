"""Say what a protocol of others gives.

Lives here: ForeignRequest, what one of them read; ForeignAnswer, what it writes; Answered, how a request was answered.
Not here: the protocols (open_inference, tf_serving), running the model (model).
Law: rows have the shape of `/predict`, so that the log, and with it drift and feedback, know one form alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.workloads.serving.rows import BadRows
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


@dataclass(frozen=True)
class Answered:
    """`request_id`: what feedback names. `status`: as over HTTP. Without `answer`, `refused` says what the client did wrong; where
    that is None too, the service has a defect."""

    request_id: str
    status: int
    answer: ForeignAnswer | None = None
    refused: BadRows | None = None


def rows_of_columns(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return rows. `columns`: name -> as many values as there are rows."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
