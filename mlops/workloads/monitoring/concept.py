"""Say whether a model has become worse, however often one looks.

Lives here: LabelledStep (what some hundred labelled rows showed), and worse_since: from which step on a model is worse.
Not here: counting misses (pairs), the evidence of one span (metrics.sequential), whether it matters (live).
Law: a model that has not changed is called worse once in 1/rate steps at most, in the mean, however many labels come.

Source: Shin, Ramdas and Rinaldo, "E-detectors" (New England Journal of Statistics in Data Science, 2023): the sum, over all
steps at which the change may have been, of the evidence since then grows by 1 a step at most in the mean, so it reaches 1/rate
after 1/rate steps at the earliest, in the mean. Evidence needs no change known beforehand, and old labels do not hide new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from mlops.metrics.sequential import evidence_of_larger

MOST_STEPS = 200
"""Steps that are looked back at; fewer terms of a sum are less evidence, never more."""
_NEGLIGIBLE = -12.0


@dataclass(frozen=True)
class LabelledStep:
    """Labelled rows that followed each other. `misses` of `trials`: as `misses_of` counts them."""

    rows: int
    misses: float
    trials: float


def worse_since(steps: Sequence[LabelledStep], reference: tuple[float, float], rate: float) -> int | None:
    """Return the place of the step from which most speaks for a model that is worse than `reference` (misses, trials); None where
    chance explains what was seen. `rate`: of false alarms, per step."""
    misses = trials = total = 0.0
    best, place = float("-inf"), None
    for number in range(len(steps) - 1, max(-1, len(steps) - 1 - MOST_STEPS), -1):
        misses, trials = misses + steps[number].misses, trials + steps[number].trials
        evidence = evidence_of_larger((misses, trials), reference, enough=_NEGLIGIBLE)
        if evidence > _NEGLIGIBLE:
            total += exp(min(evidence, 500.0))
        if evidence > best:
            best, place = evidence, number
    return place if total > 0 and log(total) >= -log(rate) else None
