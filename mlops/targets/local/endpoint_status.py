"""Say how an endpoint on this machine is doing.

Lives here: status_of, and replicas_of, how many should run of what is live.
Not here: deciding what to do about it (engine).
Law: what is said is what its replicas answer now, and what clients got in the last minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops.context.status import Status
from mlops.engine.resource import Record
from mlops.errors import MlopsError
from mlops.rollout.state import RolloutState
from mlops.targets.local.host import GATEKEEPER
from mlops.targets.local.ongoing import ongoing_rollout
from mlops.targets.local.recent_answers import AnswerCount, recent_answers
from mlops.targets.local.versions import Versions
from mlops.tools.unix_http import ask

FAILING = 0.01
"""Share of the last ten seconds' answers that are errors, from which on an endpoint is failing whatever its replicas say."""
_COUNT = re.compile(r'^mlops_requests_total\{.*status="(\d+)"\} (\d+)$', re.MULTILINE)
_BUCKET = re.compile(r'^mlops_request_seconds_bucket\{.*le="([^"]+)"\} (\d+)$', re.MULTILINE)


@dataclass(frozen=True)
class _Counts:
    """`p99`: the bound below which 99 % of the answers took."""

    answers: int
    errors: int
    p99: str


def status_of(versions: Versions, record: Record) -> Status:
    url = record.outputs.get("url")
    try:
        state = versions.read()
        live = state.live
    except MlopsError as error:
        return Status(error.problems[0].detail, "failed", url)
    if live is None:
        return Status("no version is live; repair it: mlops apply", "missing", url)
    wanted = replicas_of(state, record)
    ready = sum(versions.is_ready(live, index) for index in range(wanted))
    minute, now = recent_answers(versions.host.sockets / f"{GATEKEEPER}.sock", versions.name)
    is_failing = now.share >= FAILING
    health = "down" if not ready else "degraded" if ready < wanted else "failing" if is_failing else "healthy"
    counts = _counted(versions, live, wanted)
    text = (
        f"{live}  {health}  {ready}/{wanted} replicas  {counts.answers:,} answered  p99 {counts.p99}  "
        f"{counts.errors} errors"
    )
    rollout = ongoing_rollout(state)
    is_given_up = rollout is not None and not rollout.is_running
    tone = "missing" if ready < wanted else "failed" if is_failing or is_given_up else "ok"
    return Status(text, tone, url, _attention(minute, versions.name), rollout)


def replicas_of(state: RolloutState, record: Record) -> int:
    """Return how many replicas of what is live should run; what was recorded is of another version while one rolls out."""
    live = state.live_version
    if live is not None and live.replicas is not None and record.outputs.get("version") != state.live:
        return live.replicas
    return int(record.outputs.get("replicas", 1))


def _attention(minute: AnswerCount, endpoint: str) -> tuple[str, ...]:
    if not minute.errors:
        return ()
    return (
        f"{minute.errors:,} of {minute.count:,} answers in the last minute were errors (5xx); look: mlops logs endpoint.{endpoint}",
    )


def _counted(versions: Versions, live: str, replicas: int) -> _Counts:
    """Add up what all replicas have counted."""
    answers = errors = 0
    buckets: dict[str, int] = {}
    for index in range(replicas):
        try:
            text = ask(versions.socket(live, index), "/metrics", timeout=1.0)[1].decode()
        except OSError:
            continue
        for status, count in _COUNT.findall(text):
            answers += int(count)
            errors += int(count) if status.startswith("5") else 0
        for bound, count in _BUCKET.findall(text):
            buckets[bound] = buckets.get(bound, 0) + int(count)
    total = buckets.get("+Inf", 0)
    bound = next((bound for bound, count in buckets.items() if total and count >= 0.99 * total), None)
    p99 = "-" if bound is None else "> 2.5 s" if bound == "+Inf" else f"≤ {float(bound) * 1000:g} ms"
    return _Counts(answers, errors, p99)
