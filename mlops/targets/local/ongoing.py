"""Say what goes on with an endpoint while no apply works on it.

Lives here: begun, which waits until a rollout begins; rollout_attention, what a plan says of it; ongoing_rollout, what its status says.
Not here: carrying a rollout on (controller, rollout).
Law: what is said stands in the endpoint's file; it is a fact of the world, and no change of a plan.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from mlops.address import Address
from mlops.context.status import OngoingRollout
from mlops.engine.resource import Attention, Record
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.state import Reversal, Rolling, RolloutState
from mlops.targets.local.controller import controller_program
from mlops.targets.local.host import end_of
from mlops.targets.local.versions import Versions

_FOLLOW = "mlops status --watch"
_TO_BEGIN = 60.0
"""Seconds that a controller has to begin; it takes one or two."""


def begun(versions: Versions, version: str) -> str:
    """Wait until the first part of a rollout has begun, and return a note. Raises MlopsError where it has failed by then."""
    until, program = time.monotonic() + _TO_BEGIN, controller_program(versions)
    while (rolling := (state := versions.read()).rolling) is not None:
        if rolling.begun is not None:
            return f"{_where(state, rolling)}; it goes on by itself: {_FOLLOW}"
        if time.monotonic() > until:
            raise ToolFailed.of(
                "controller does not start",
                f"Nothing carries on the rollout of {version}, and what was live is live. The end of its log ({program.log}):\n"
                f"{end_of(program.log)}",
            )
        time.sleep(0.1)
        versions.host.supervisor.put(program)  # one that found nothing to do may have been ending
    if (back := state.reversal) is not None and back.from_version == version:
        raise MlopsError.of(
            "rollout step failed",
            f"{back.why}. Traffic is back on {back.to_version}. Look at its log before the next apply.",
        )
    return f"{version} live"


def rollout_attention(address: Address, versions: Versions, record: Record) -> tuple[Attention, ...]:
    try:
        state = versions.read()
    except MlopsError:
        return ()
    return tuple(_attention(address, state, record))


def _attention(address: Address, state: RolloutState, record: Record) -> Iterator[Attention]:
    if (rolling := state.rolling) is not None:
        given_up = f"An apply that changes the version gives {rolling.candidate} up; `mlops rollback {address} --now` does so too."
        yield Attention(
            address, f"{address} rolls {rolling.candidate} out", (f"{_where(state, rolling)}.", given_up), commands=(_FOLLOW,)
        )  # fmt: skip
    if (back := state.reversal) is not None and back.to_version == state.live != record.outputs.get("version"):
        did = f"the guard of {address} took traffic back" if back.was_live else f"the rollout of {address} gave up"
        lines = (
            f"At {_at(back.at)} {back.from_version} was found bad: {back.why}.",
            f"{back.to_version} has all traffic since.",
        )
        keep = f"mlops rollback {address}"
        yield Attention(address, did, lines, "To keep what is live, roll back; an apply tries again.", (keep,))


def ongoing_rollout(state: RolloutState) -> OngoingRollout | None:
    if state.rolling is not None:
        return OngoingRollout(_where(state, state.rolling))
    if (back := state.reversal) is not None and back.to_version == state.live:
        return OngoingRollout(_gave_up(back), is_running=False)
    return None


def _where(state: RolloutState, rolling: Rolling) -> str:
    version, of = rolling.candidate, f"part {rolling.part} of {rolling.parts}"
    if rolling.begun is None:
        return f"{version} is ready, and takes over by {rolling.strategy}"
    if state.routing is not None and state.routing.mirrored:
        takes = "gets copies of requests"
    else:
        takes = f"takes {state.weights.get(version, 0)}%"
    return f"{version} {takes} since {_at(rolling.begun)}, {of} by {rolling.strategy}"


def _gave_up(back: Reversal) -> str:
    return f"{back.from_version} was found bad at {_at(back.at)}: {back.why}"


def _at(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
