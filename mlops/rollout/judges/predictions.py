"""Judge the distribution of predictions against the live version's.

Lives here: find_fault.
Not here: row by row (agreement).
Law: both answered the same rows, so that other traffic is no evidence; what must not happen is that most rows get one answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlops.metrics.sequential import is_larger
from mlops.rollout.evidence import ModelOutput, StepEvidence
from mlops.rollout.judges.judge import Rules

_MORE = 0.25
"""By how much the share of the most frequent answer may be beyond the live version's: a model that is surer of itself repeats
itself more."""


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    """Compare the most frequent answers, to three digits; those of a model that looks at its rows differ there."""
    total = len(evidence.pairs)
    mine = _most_frequent(pair.candidate for pair in evidence.pairs)
    usual = _most_frequent(pair.live for pair in evidence.pairs)
    if not total or not is_larger((mine, total), (usual, total), rules.error, _MORE):
        return None
    return f"it gives one and the same answer to {mine} of {total} rows, and the live version at most to {usual}"


def _most_frequent(answers: Iterable[ModelOutput]) -> int:
    return max(Counter(tuple(f"{number:.3g}" for number in answer) for answer in answers).values(), default=0)
