"""Judge how long answers take, against the live version.

Lives here: find_fault.
Not here: requests without any answer (unanswered).
Law: only what both answered at the same time is compared, because the load makes latencies too; whatever the live version takes, be it a millisecond, is the measure; the shares of slow answers are compared, at every
bound that was counted, so that no shape of latencies is assumed.
"""

from __future__ import annotations

from mlops.rollout.evidence import Counts, StepEvidence
from mlops.rollout.judges.judge import Rules
from mlops.rollout.sequential import is_larger

_TAIL = 0.01
"""Answers in a hundred that may be slow without being evidence: a p99 is compared."""


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    mine, other, ratio = evidence.warm, evidence.meanwhile, rules.policy.max_latency_ratio
    bounds = sorted(mine.within)
    for bound in bounds:
        # A gateway that counts whole milliseconds rounds them down.
        against = max((at for at in other.within if (at + 1) * ratio <= bound + 1), default=None)
        if against is None:
            continue
        slow, usual = _slower(mine, bound), _slower(other, against)
        if is_larger(slow, usual, rules.error / len(bounds), _TAIL):
            return (
                f"{slow[0] / slow[1]:.1%} of its answers took longer than {bound:g} ms, and {usual[0] / usual[1]:.1%} of the live "
                f"version's longer than {against:g} ms: more than {ratio:g} times as long"
            )
    return None


def _slower(counts: Counts, bound: float) -> tuple[float, float]:
    """Return the answers that took longer, and all whose time was taken."""
    total = max(max(counts.within.values(), default=0.0), counts.answered)
    return total - counts.within[bound], total
