"""Judge how long answers take, against the live version.

Lives here: find_fault.
Not here: requests without any answer (unanswered).
Law: whatever the live version takes, be it a millisecond, is the measure. A trial is a short time in which both answered, not an
answer: a busy machine makes many answers late at once, and it makes either version late as often as the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlops.metrics.sequential import share_above
from mlops.rollout.evidence import Counts, StepEvidence
from mlops.rollout.judges.judge import Rules

_SHARES = (0.5, 0.9)
"""Which shares of the answers of an interval are compared by their time: on a busy machine a few are late for no fault of theirs."""
_FEW = 3


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    """Of two versions that are alike, either is the slower one in at most half of the intervals, whatever the load does."""
    intervals = [(mine, other) for mine, other in evidence.intervals if min(_timed(mine), _timed(other)) >= _FEW]
    found = (_slower(intervals, share, rules) for share in _SHARES)
    return next((sentence for sentence in found if sentence is not None), None)


def _slower(intervals: Sequence[tuple[Counts, Counts]], share: float, rules: Rules) -> str | None:
    ratio = rules.policy.max_latency_ratio
    trials = [(_time(mine, share), _time(other, share)) for mine, other in intervals]
    slower = [
        (mine, other) for mine, other in trials if mine + 1 > (other + 1) * ratio
    ]  # milliseconds are rounded down
    if share_above(len(slower), len(trials), rules.error / len(_SHARES)) <= 0.5:
        return None
    mine, other = slower[-1]
    return (
        f"in {len(slower)} of {len(trials)} short times {share:.0%} of its answers took more than {ratio:g} times as long as the live "
        f"version's, at last {mine:.3g} ms where those took {other:.3g} ms"
    )


def _timed(counts: Counts) -> float:
    return max(counts.within.values(), default=0.0)


def _time(counts: Counts, share: float) -> float:
    """Return the time within which the share of the answers came, as if answers were spread evenly between two bounds."""
    wanted, low, before = share * _timed(counts), 0.0, 0.0
    for bound, count in sorted(counts.within.items()):
        if count >= wanted:
            return low + (bound - low) * (wanted - before) / (count - before)
        low, before = bound, count
    return low
