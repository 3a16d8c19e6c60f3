"""Judge how long answers take, against the live version.

Lives here: find_fault.
Not here: requests without any answer (unanswered).
Law: whatever the live version takes, be it a millisecond, is the measure. A trial is a short time in which both answered, not an
answer: a busy machine makes many answers late at once, and it makes either version late as often as the other.
"""

from __future__ import annotations

from mlops.rollout.evidence import Counts, StepEvidence
from mlops.rollout.judges.judge import Rules
from mlops.rollout.sequential import share_above

_SHARE = 0.9
"""Which share of the answers of an interval is compared by its time."""
_FEW = 3


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    """Of two versions that are alike, either is the slower one in at most half of the intervals, whatever the load does."""
    ratio = rules.policy.max_latency_ratio
    trials = [
        (_time(mine), _time(other)) for mine, other in evidence.intervals if min(_timed(mine), _timed(other)) >= _FEW
    ]
    slower = [
        (mine, other) for mine, other in trials if mine + 1 > (other + 1) * ratio
    ]  # whole milliseconds are rounded down
    if share_above(len(slower), len(trials), rules.error) <= 0.5:
        return None
    mine, other = slower[-1]
    return (
        f"in {len(slower)} of {len(trials)} short times its answers took more than {ratio:g} times as long as the live version's, "
        f"at last {mine:.3g} ms where those took {other:.3g} ms"
    )


def _timed(counts: Counts) -> float:
    return max(counts.within.values(), default=0.0)


def _time(counts: Counts) -> float:
    """Return the time within which the share of the answers came, as if answers were spread evenly between two bounds."""
    wanted, low, before = _SHARE * _timed(counts), 0.0, 0.0
    for bound, count in sorted(counts.within.items()):
        if count >= wanted:
            return low + (bound - low) * (wanted - before) / (count - before)
        low, before = bound, count
    return low
