"""Shift traffic from one version to the next.

Lives here: Rollout: start beside, check, shift step by step, judge each, drain, stop; Fleet, what it asks of a target.
Not here: how a target runs versions and weighs traffic (local.versions, kubernetes.fleet).
Law: no step is taken before the one below it was judged; a failed step puts everything back on what was live.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlops.errors import MlopsError, ToolFailed

_ENOUGH = 20
"""Requests of a step from which its error rate and latency are judged; fewer, and the golden request judges."""
FRESH: Mapping[str, Any] = {"live": None, "next": 1, "versions": {}, "weights": {}}
"""What is told of an endpoint that has no version yet: {live, next, versions: {v3: {key, …}}, weights: {v3: 100}}."""


class Fleet(Protocol):
    """The versions of one endpoint on one target. What is told of them outlives a killed apply."""

    @property
    def name(self) -> str: ...

    def read(self) -> dict[str, Any]: ...

    def publish(self, told: Mapping[str, Any]) -> None:
        """Remember it, and have the gateway follow. Idempotent."""
        ...

    def start(self, told: dict[str, Any], version: str, replicas: int, timeout: float) -> None:
        """Have so many replicas of a told version ready, and note in `told` that they are. Raises MlopsError with the end of
        their log."""
        ...

    def shrink(self, told: dict[str, Any], version: str, replicas: int, drain: float) -> None:
        """Take replicas beyond `replicas` away, out of the gateway first."""
        ...

    def drop(self, version: str) -> None:
        """Stop all of a version that is told no more. Idempotent."""
        ...

    def strays(self, known: Collection[str]) -> list[str]:
        """Versions that run and are not told: an apply was killed between the two."""
        ...

    def counters(self, version: str) -> Mapping[str, float]:
        """{requests, failed, p99_ms}, those that are known."""
        ...

    def ask_golden(self, version: str) -> str | None:
        """Ask every replica the golden request; what is wrong with an answer."""
        ...


@dataclass(frozen=True)
class Terms:
    """How a new version takes over; times in seconds. See spec.endpoint.Rollout."""

    steps: Sequence[float]
    pause: float
    max_error_rate: float
    max_latency_ratio: float
    ready_timeout: float
    drain: float


def terms_of(inputs: Mapping[str, Any]) -> Terms:
    """Of an endpoint's inputs."""
    from mlops.config.schema.endpoint import Rollout as Said

    told = Said.model_validate(inputs.get("rollout", {}))
    return Terms(told.steps, told.pause, told.max_error_rate, told.max_latency_ratio, told.ready_timeout, told.drain)


@dataclass
class Rollout:
    fleet: Fleet
    terms: Terms
    say: Callable[[str, float | None], None]

    def converge(self, key: str, body: Mapping[str, Any], replicas: int, gate: Mapping[str, Any]) -> tuple[str, str]:
        """Make the version with `key` live on `replicas` replicas. `body`: what the target must know of it. `gate`: what it
        must know of all versions.

        The live version's name, and a note. Raises MlopsError; then what was live is live.
        """
        told = self.fleet.read()
        told |= gate
        live = told["live"]
        if live and told["versions"].get(live, {}).get("key") == key:
            self._clear(told, keep=(live,))
            return live, self._scale(told, live, replicas)
        candidate = next((v for v, one in told["versions"].items() if one["key"] == key and v != live), None)
        self._clear(told, keep=(live, candidate))
        if candidate is None:
            candidate = f"v{told['next']}"
            told["next"] += 1
            told["versions"][candidate] = {"key": key, **body}
        return candidate, self._roll(told, live, candidate, replicas)

    def _clear(self, told: dict[str, Any], keep: tuple[str | None, ...]) -> None:
        """Stop versions that an interrupted apply left behind."""
        for version in [v for v in told["versions"] if v not in keep]:
            told["weights"].pop(version, None)
            del told["versions"][version]
            self.fleet.publish(told)
            self.fleet.drop(version)
        for version in self.fleet.strays(told["versions"]):
            self.fleet.drop(version)

    def _scale(self, told: dict[str, Any], live: str, replicas: int) -> str:
        before = told["versions"][live].get("replicas", replicas)
        self.say(f"starting {live}", 0.1)
        self._start(told, live, replicas)
        told["weights"] = {live: 100}
        self.fleet.publish(told)
        self.fleet.shrink(told, live, replicas, min(self.terms.drain, 1.0))
        return f"{live}, {before} → {replicas} replicas" if before != replicas else f"{live} stays, {replicas} replicas"

    def _start(self, told: dict[str, Any], version: str, replicas: int) -> None:
        self.fleet.start(told, version, replicas, self.terms.ready_timeout)
        told["versions"][version]["replicas"] = replicas

    def _roll(self, told: dict[str, Any], live: str | None, candidate: str, replicas: int) -> str:
        requests = 0.0
        try:
            self.say(f"starting {candidate}", 0.1)
            self._start(told, candidate, replicas)
            if live:
                told["weights"] = {live: 100, candidate: 0}
                self.fleet.publish(told)
                requests = self._shift(told, live, candidate)
        except (MlopsError, OSError) as error:
            self._back(told, live, candidate)
            if isinstance(error, OSError):
                raise ToolFailed.of("rollout failed", f"{candidate} of {self.fleet.name}: {error}") from error
            raise
        told["live"], told["weights"] = candidate, {candidate: 100}
        self.fleet.publish(told)
        if not live:
            return f"{candidate} live, golden request answered"
        self.say(f"draining {live}", 0.95)
        time.sleep(self.terms.drain)
        del told["versions"][live]
        self.fleet.publish(told)
        self.fleet.drop(live)
        return f"{candidate} live, golden request answered, {requests:.0f} requests while shifting, 0 failed"

    def _back(self, told: dict[str, Any], live: str | None, candidate: str) -> None:
        told["versions"].pop(candidate, None)
        told["weights"] = {live: 100} if live else {}
        with contextlib.suppress(ToolFailed):
            self.fleet.publish(told)
        self.fleet.drop(candidate)

    def _shift(self, told: dict[str, Any], live: str, candidate: str) -> float:
        requests = 0.0
        for number, share in enumerate(self.terms.steps, 1):
            percent = round(share * 100)
            self.say(f"{candidate} takes {percent}%", 0.2 + 0.7 * number / len(self.terms.steps))
            before = self.fleet.counters(candidate)
            told["weights"] = {live: 100 - percent, candidate: percent}
            self.fleet.publish(told)
            time.sleep(self.terms.pause)
            requests += self._judge(live, candidate, percent, before)
        return requests

    def _judge(self, live: str, candidate: str, percent: int, before: Mapping[str, float]) -> float:
        """The requests that the candidate answered in this step. Raises MlopsError with the evidence."""
        after = self.fleet.counters(candidate)
        total = after.get("requests", 0.0) - before.get("requests", 0.0)
        failed = after.get("failed", 0.0) - before.get("failed", 0.0)
        if total < _ENOUGH and (evidence := self.fleet.ask_golden(candidate)):
            raise _failed(candidate, percent, evidence)
        if total and failed / total > self.terms.max_error_rate:
            raise _failed(candidate, percent, f"{failed:.0f} of {total:.0f} requests failed ({failed / total:.1%}), and at most "
                          f"{self.terms.max_error_rate:.1%} may")  # fmt: skip
        mine, other = after.get("p99_ms"), self.fleet.counters(live).get("p99_ms")
        if total >= _ENOUGH and mine and other and mine > max(other, 10.0) * self.terms.max_latency_ratio:
            raise _failed(candidate, percent, f"its p99 is {mine:.0f} ms and the live version's {other:.0f} ms, more than "
                          f"{self.terms.max_latency_ratio:g} times")  # fmt: skip
        return total


def _failed(candidate: str, percent: int, evidence: str) -> MlopsError:
    return MlopsError.of(
        "rollout step failed",
        f"{candidate} at {percent}%: {evidence}. Traffic is back on what was live. Look at its log before the next apply.",
    )
