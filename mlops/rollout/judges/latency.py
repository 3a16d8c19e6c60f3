"""Judge how long answers take, against the live version.

Lives here: find_fault.
Not here: requests without any answer (unanswered).
Law: whatever the live version takes, be it a millisecond, is the measure. A trial is a short time in which both answered, not an
answer: a busy machine makes many answers late at once, and it makes either version late as often as the other.
"""

from __future__ import annotations

from mlops.metrics.sequential import share_above
from mlops.rollout.evidence import Counts, StepEvidence
from mlops.rollout.judges.judge import Rules

_SHARE = 0.9
"""Which share of the answers of an interval is compared by its time."""
_FEW = 3


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    """Of two versions that are alike, either is the slower one in at most half of the intervals, whatever the load does."""
    ratio = rules.policy.max_latency_ratio
    trials = [
        (_least(mine), _most(other)) for mine, other in evidence.intervals if min(_timed(mine), _timed(other)) >= _FEW
    ]
    slower = [
        (mine, other) for mine, other in trials if mine + 1 > (other + 1) * ratio
    ]  # whole milliseconds are rounded down
    if share_above(len(slower), len(trials), rules.error) <= 0.5:
        return None
    mine, other = slower[-1]
    return (
        f"in {len(slower)} of {len(trials)} short times its answers took more than {ratio:g} times as long as the live version's, "
        f"at last more than {mine:g} ms where those took at most {other:g} ms"
    )


def _timed(counts: Counts) -> float:
    return max(counts.within.values(), default=0.0)


def _most(counts: Counts) -> float:
    """Return the bound within which the share of the answers lies."""
    return min(bound for bound, count in counts.within.items() if count >= _SHARE * _timed(counts))


def _least(counts: Counts) -> float:
    """Return the bound beyond which the slowest answer of the share lies."""
    return max((bound for bound, count in counts.within.items() if count < _SHARE * _timed(counts)), default=0.0)
