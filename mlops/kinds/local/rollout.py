"""Shift traffic from one version to the next.

Lives here: Rollout: start beside, check, shift step by step, judge each, drain, stop.
Not here: processes (versions), the gateway's documents (tools.envoy).
Law: no step is taken before the one below it was judged; a failed step puts everything back on what was live.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, ToolFailed
from mlops.kinds.local.versions import Versions
from mlops.tools.unix_http import ask

_ENOUGH = 20
"""Requests of a step from which its error rate and latency are judged; fewer, and the golden request judges."""


@dataclass(frozen=True)
class Terms:
    """How a new version takes over; times in seconds. See spec.endpoint.Rollout."""

    steps: Sequence[float]
    pause: float
    max_error_rate: float
    max_latency_ratio: float
    ready_timeout: float
    drain: float


@dataclass
class Rollout:
    versions: Versions
    terms: Terms
    say: Callable[[str, float | None], None]

    def converge(self, key: str, bento: str, replicas: int, gate: Mapping[str, Any]) -> tuple[str, str]:
        """Make the version with `key` live on `replicas` processes behind `gate` (key, rate).

        The live version's name, and a note. Raises MlopsError; then what was live is live.
        """
        told = self.versions.read()
        told |= gate
        live = told["live"]
        if live and told["versions"].get(live, {}).get("key") == key:
            self._clear(told, keep=(live,))
            return live, self._scale(told, live, bento, replicas)
        candidate = next((v for v, one in told["versions"].items() if one["key"] == key and v != live), None)
        self._clear(told, keep=(live, candidate))
        if candidate is None:
            candidate = f"v{told['next']}"
            told["next"] += 1
            told["versions"][candidate] = {"key": key, "bento": bento, "sockets": []}
            self.versions.write(told)
        return candidate, self._roll(told, live, candidate, replicas)

    def _clear(self, told: dict[str, Any], keep: tuple[str | None, ...]) -> None:
        """Stop versions that an interrupted apply left behind."""
        for version in [v for v in told["versions"] if v not in keep]:
            told["weights"].pop(version, None)
            del told["versions"][version]
            self._publish(told)
            self.versions.drop(version)
        for version in self.versions.strays(told["versions"]):
            self.versions.drop(version)

    def _publish(self, told: Mapping[str, Any]) -> None:
        self.versions.write(told)
        self.versions.host.publish()

    def _sockets(self, version: str, replicas: int) -> list[str]:
        return [str(self.versions.socket(version, index)) for index in range(replicas)]

    def _start(self, version: str, bento: str, replicas: int) -> None:
        self.say(f"starting {version}", 0.1)
        for index in range(replicas):
            self.versions.put(version, index, bento)
        self.versions.wait_ready(version, range(replicas), self.terms.ready_timeout)

    def _scale(self, told: dict[str, Any], live: str, bento: str, replicas: int) -> str:
        one = told["versions"][live]
        before = len(one["sockets"])
        self._start(live, one.get("bento", bento), replicas)
        one["sockets"] = self._sockets(live, replicas)
        told["weights"] = {live: 100}
        self._publish(told)
        if before > replicas:
            time.sleep(min(self.terms.drain, 1.0))
        for index in range(replicas, max(before, replicas)):
            self.versions.take(live, index)
        return f"{live}, {before} → {replicas} replicas" if before != replicas else f"{live} stays, {replicas} replicas"

    def _roll(self, told: dict[str, Any], live: str | None, candidate: str, replicas: int) -> str:
        one = told["versions"][candidate]
        try:
            self._start(candidate, one["bento"], replicas)
            one["sockets"] = self._sockets(candidate, replicas)
            told["weights"] = {live: 100, candidate: 0} if live else {candidate: 100}
            self._publish(told)
            requests = self._shift(told, live, candidate) if live else 0.0
        except (MlopsError, OSError) as error:
            self._back(told, live, candidate)
            if isinstance(error, OSError):
                raise ToolFailed.of("rollout failed", f"{candidate} of {self.versions.name}: {error}") from error
            raise
        told["live"], told["weights"] = candidate, {candidate: 100}
        self._publish(told)
        if live:
            self.say(f"draining {live}", 0.95)
            time.sleep(self.terms.drain)
            del told["versions"][live]
            self._publish(told)
            self.versions.drop(live)
        return (
            f"{candidate} live, golden request answered, {requests:.0f} requests while shifting, 0 failed"
            if live
            else (f"{candidate} live, golden request answered")
        )

    def _back(self, told: dict[str, Any], live: str | None, candidate: str) -> None:
        told["versions"].pop(candidate, None)
        told["weights"] = {live: 100} if live else {}
        with contextlib.suppress(ToolFailed):
            self._publish(told)
        self.versions.drop(candidate)
        self.versions.write(told)

    def _shift(self, told: dict[str, Any], live: str, candidate: str) -> float:
        requests = 0.0
        for number, share in enumerate(self.terms.steps, 1):
            percent = round(share * 100)
            self.say(f"{candidate} takes {percent}%", 0.2 + 0.7 * number / len(self.terms.steps))
            before = self._counters(candidate)
            told["weights"] = {live: 100 - percent, candidate: percent}
            self._publish(told)
            time.sleep(self.terms.pause)
            requests += self._judge(live, candidate, percent, before)
        return requests

    def _counters(self, version: str) -> dict[str, float]:
        return self.versions.host.gateway.counters(f"{self.versions.name}-{version}")

    def _judge(self, live: str, candidate: str, percent: int, before: Mapping[str, float]) -> float:
        """The requests that the candidate answered in this step. Raises MlopsError with the evidence."""
        after = self._counters(candidate)
        total = after.get("upstream_rq_total", 0.0) - before.get("upstream_rq_total", 0.0)
        failed = after.get("upstream_rq_5xx", 0.0) - before.get("upstream_rq_5xx", 0.0)
        if total < _ENOUGH:
            self._golden(candidate, percent)
        if total and failed / total > self.terms.max_error_rate:
            raise _failed(candidate, percent, f"{failed:.0f} of {total:.0f} requests failed ({failed / total:.1%}), and at most "
                          f"{self.terms.max_error_rate:.1%} may")  # fmt: skip
        mine, other = after.get("p99_ms"), self._counters(live).get("p99_ms")
        if total >= _ENOUGH and mine and other and mine > max(other, 10.0) * self.terms.max_latency_ratio:
            raise _failed(candidate, percent, f"its p99 is {mine:.0f} ms and the live version's {other:.0f} ms, more than "
                          f"{self.terms.max_latency_ratio:g} times")  # fmt: skip
        return total

    def _golden(self, candidate: str, percent: int) -> None:
        """Ask every replica the golden request again, as a client would."""
        bento = Path(self.versions.read()["versions"][candidate]["bento"])
        rows = json.loads((bento / "golden.json").read_text())["rows"]
        body = json.dumps({"rows": rows}).encode()
        for index, _ in enumerate(self.versions.read()["versions"][candidate]["sockets"]):
            status, answer = ask(self.versions.socket(candidate, index), "/predict", body=body, timeout=10.0)
            if status != 200:
                raise _failed(
                    candidate, percent, f"the golden request got {status}: {answer[:200].decode(errors='replace')}"
                )


def _failed(candidate: str, percent: int, evidence: str) -> MlopsError:
    return MlopsError.of(
        "rollout step failed",
        f"{candidate} at {percent}%: {evidence}. Traffic is back on what was live. Look at its log before the next apply.",
    )
