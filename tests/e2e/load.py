"""Requests at a steady rate, so that a failed one cannot hide.

Lives here: Load, a thread that posts one row after another and counts what came back.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from types import TracebackType
from typing import Any

import httpx


@dataclass
class Load:
    """Posts `row`, or several of them in turn, to `url` `rate` times a second while in its `with` block, from so many `clients`.
    `answers` counts status codes and errors; `given`: the id of a request -> the version that answered it. A request has its id from
    here: one that takes long is asked of two replicas, and is one request in both their logs."""

    url: str
    row: dict[str, Any] | Sequence[dict[str, Any]]
    headers: dict[str, str] = field(default_factory=dict)
    rate: float = 50.0
    clients: int = 4
    answers: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    given: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go, args=(index,), daemon=True) for index in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _go(self, index: int) -> None:
        rows = [self.row] if isinstance(self.row, dict) else self.row[index :: self.clients] or self.row
        bodies = cycle([json.dumps(row) for row in rows])
        numbers = count()
        every = self.clients / self.rate
        due = time.monotonic() + index * every / self.clients
        with httpx.Client(timeout=20) as client:
            while not self._stop.is_set():
                started = time.monotonic()
                name = f"load-{index}-{next(numbers)}"
                headers = {**self.headers, "x-request-id": name}
                try:
                    answer = client.post(f"{self.url}/predict", content=next(bodies), headers=headers)
                    self.answers[str(answer.status_code)] += 1
                    version = answer.headers.get("x-mlops-version", "?")
                    self.versions[version] += 1
                    self.given[name] = version
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1
                self.slowest = max(self.slowest, time.monotonic() - started)
                due += every
                self._stop.wait(max(0.0, due - time.monotonic()))

    @property
    def sent(self) -> int:
        return sum(self.answers.values())

    @property
    def failed(self) -> dict[str, int]:
        return {key: count for key, count in self.answers.items() if key != "200"}
