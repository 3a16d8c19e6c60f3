"""Keep what clients of the last minute got.

Lives here: RecentAnswers, of all endpoints of a stack; recent_answers, which asks the process that keeps them.
Not here: counting (the gateway), saying how an endpoint is doing (endpoint_status).
Law: what counts is what the gateway answered, so that a request no replica ever saw counts too.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops.tools.unix_http import ask

PATH = "/recent"
_SECONDS, _NOW = 60.0, 10.0
_TO_ANSWER = 1.0


@dataclass(frozen=True)
class AnswerCount:
    """`errors`: those of 5xx among `count`."""

    count: int = 0
    errors: int = 0

    @property
    def share(self) -> float:
        return self.errors / self.count if self.count else 0.0


@dataclass
class RecentAnswers:
    _seen: dict[str, dict[str, AnswerCount]] = field(default_factory=dict)
    _added: dict[str, deque[tuple[float, AnswerCount]]] = field(default_factory=dict)

    def add(self, endpoint: str, counted: Mapping[str, AnswerCount], now: float) -> None:
        """`counted`: cluster -> what the gateway has answered from it since it started, or since the cluster came."""
        seen = self._seen.get(endpoint)
        self._seen[endpoint] = dict(counted)
        added = self._added.setdefault(endpoint, deque())
        while added and added[0][0] <= now - _SECONDS:
            added.popleft()
        if seen is None:  # what was answered before this process began is of no known time
            return
        count = errors = 0
        for cluster, one in counted.items():
            before = seen.get(cluster, AnswerCount())
            before = before if one.count >= before.count else AnswerCount()  # the gateway was started anew
            count += one.count - before.count
            errors += one.errors - before.errors
        if count:
            added.append((now, AnswerCount(count, max(0, errors))))

    def keep_only(self, endpoints: set[str]) -> None:
        for known in (self._seen, self._added):
            for gone in known.keys() - endpoints:
                del known[gone]

    def text(self, now: float) -> str:
        """Return JSON, endpoint -> [answers and errors of the last minute, those of the last ten seconds]."""
        found = {}
        for endpoint, added in list(self._added.items()):
            parts = [[one for at, one in list(added) if at > now - seconds] for seconds in (_SECONDS, _NOW)]
            found[endpoint] = [[sum(one.count for one in part), sum(one.errors for one in part)] for part in parts]
        return json.dumps(found)


def recent_answers(socket: Path, endpoint: str) -> tuple[AnswerCount, AnswerCount]:
    """Return what the process at `socket` keeps of an endpoint: the last minute, and its last ten seconds; nothing where it does
    not answer."""
    try:
        minute, now = json.loads(ask(socket, PATH, timeout=_TO_ANSWER)[1])[endpoint]
        return AnswerCount(*minute), AnswerCount(*now)
    except (OSError, ValueError, TypeError, KeyError):
        return AnswerCount(), AnswerCount()
