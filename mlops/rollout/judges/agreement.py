"""Judge whether a new version says what the live one says, row by row.

Lives here: find_fault.
Not here: answers that are all the same (predictions).
Law: both answered the same rows; only a wholly other answer counts, because a model that was trained again is meant to differ.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import pstdev

from mlops.metrics.sequential import share_above
from mlops.rollout.evidence import Pair, StepEvidence
from mlops.rollout.judges.judge import Rules

_MOVED = 0.5
"""By how much a probability of another answer differs, or its place in the order of all rows: where few rows are probable at all,
such as frauds, no probability moves by a half."""
_SPREADS = 2.0
"""By how many standard deviations of all answers any other number does."""


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    """Several numbers that are no probabilities, such as those of a cluster, have no order that a new training keeps."""
    pairs, least = (
        [pair for pair in evidence.pairs if pair.is_probability or _is_single(pair)],
        rules.policy.min_agreement,
    )
    numbers = [pair for pair in pairs if not pair.is_probability]
    spread = max(_spread([pair.live[0] for pair in numbers]), _spread([pair.candidate[0] for pair in numbers]))
    moved = (
        _moved([pair.live[0] for pair in pairs], [pair.candidate[0] for pair in pairs])
        if _are_ordered(pairs)
        else set()
    )
    others = sum(_differs(pair, spread) or index in moved for index, pair in enumerate(pairs))
    if share_above(others, len(pairs), rules.error) <= 1 - least:
        return None
    return f"it gives a wholly other answer than the live version to {others} of {len(pairs)} rows, and may to {1 - least:.0%}"


def _is_single(pair: Pair) -> bool:
    return len(pair.live) == len(pair.candidate) == 1


def _are_ordered(pairs: Sequence[Pair]) -> bool:
    return all(pair.is_probability and _is_single(pair) for pair in pairs)


def _moved(usual: Sequence[float], mine: Sequence[float]) -> set[int]:
    """Return the rows whose place in the order moved by more than that share of all rows."""
    places = zip(_places(usual), _places(mine), strict=True)
    return {index for index, (one, other) in enumerate(places) if abs(one - other) > _MOVED}


def _places(numbers: Sequence[float]) -> list[float]:
    """Return for each the share of the numbers that lie below it, those like it counted half."""
    ordered = sorted(numbers)
    return [(bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 / len(ordered) for one in numbers]


def _spread(numbers: Sequence[float]) -> float:
    return pstdev(numbers) if len(numbers) > 1 else 0.0


def _differs(pair: Pair, spread: float) -> bool:
    if len(pair.candidate) != len(pair.live):
        return True
    most = max((abs(one - other) for one, other in zip(pair.candidate, pair.live, strict=True)), default=0.0)
    return most > (_MOVED if pair.is_probability else max(_SPREADS * spread, 1e-9))
