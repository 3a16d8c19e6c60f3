"""Compare two versions by what came of their answers.

Lives here: LabelledAnswer, score_of (what it was worth), Comparison (what the outcomes prove so far), and candidate_share, by which a
bandit gives clients to versions.
Not here: the moves of traffic (strategies), where labels come from (the targets' fleets).
Law: outcomes are compared in pairs, one of each version in the order in which they came, so that what changes with time changes
both; the difference is decided by a confidence sequence and by nothing else, however clients were given to versions.

Source of the bandit: Thompson, "On the likelihood that one unknown probability exceeds another" (1933); Agrawal and Goyal,
"Analysis of Thompson sampling for the multi-armed bandit problem" (2012), for outcomes between 0 and 1.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from mlops.rollout.confidence_sequence import ConfidenceSequence

if TYPE_CHECKING:
    from mlops.config.schema.experiment import Experiment

_DRAWS = 1000
_LEAST_SHARE = 0.05
"""Share of the clients that the worse version keeps in a bandit: without outcomes it could never be found better."""
_OF_MODEL = ("probability", "probabilities")


@dataclass(frozen=True)
class LabelledAnswer:
    """`predictions`: the rows of an answer. `label`: what somebody said of it later; a list where it is one of each row."""

    version: str
    predictions: Sequence[Any]
    label: Any


class ExperimentVerdict(Enum):
    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"


def score_of(answered: LabelledAnswer, experiment: Experiment) -> float | None:
    """Return what an answer was worth, from 0 to 1: the mean over its rows, because those of one client are alike. None where the
    label is not of the sort that is compared."""
    labels = answered.label if isinstance(answered.label, list) else [answered.label] * len(answered.predictions)
    if not labels or len(labels) != len(answered.predictions):
        return None
    scores = [_score(row, label, experiment) for row, label in zip(answered.predictions, labels, strict=True)]
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None


def _score(row: Any, label: Any, experiment: Experiment) -> float | None:
    least, most = experiment.range
    if experiment.outcome == "label":
        number = _number(label)
        return None if number is None else (min(max(number, least), most) - least) / (most - least)
    said = [value for name, value in row.items() if name not in _OF_MODEL] if isinstance(row, Mapping) else []
    if len(said) != 1 or said[0] is None or label is None:
        return None
    if experiment.outcome == "correct":
        return float(_text(said[0]) == _text(label))
    mine, wanted = _number(said[0]), _number(label)
    return None if mine is None or wanted is None else 1 - min(abs(mine - wanted) / (most - least), 1.0)


def _number(value: Any) -> float | None:
    """Return a finite number; None for all else."""
    number = float(value) if isinstance(value, int | float) else None
    return number if number is not None and abs(number) < float("inf") else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    text = f"{value:g}" if isinstance(value, int | float) else str(value).strip().lower()
    return {"true": "1", "false": "0"}.get(text, text)


@dataclass
class _Arm:
    count: int = 0
    total: float = 0.0
    waiting: deque[float] = field(default_factory=deque)
    """Scores without a partner."""

    def add(self, score: float) -> None:
        self.count += 1
        self.total += score
        self.waiting.append(score)


@dataclass
class Comparison:
    """`live`, `candidate`: names of the versions."""

    experiment: Experiment
    live: str
    candidate: str
    arms: dict[str, _Arm] = field(init=False)
    sequence: ConfidenceSequence = field(init=False)

    def __post_init__(self) -> None:
        self.arms = {self.live: _Arm(), self.candidate: _Arm()}
        self.sequence = ConfidenceSequence(self.experiment.false_decision)

    def add(self, answered: LabelledAnswer) -> None:
        """Take one outcome; what belongs to neither version is none."""
        arm = self.arms.get(answered.version)
        score = score_of(answered, self.experiment)
        if arm is None or score is None:
            return
        arm.add(score)
        mine, other = self.arms[self.candidate].waiting, self.arms[self.live].waiting
        while mine and other:
            self.sequence.add((mine.popleft() - other.popleft() + 1) / 2)

    @property
    def difference(self) -> tuple[float, float]:
        """Between what the candidate's mean outcome lies above the live version's, in units of the outcome."""
        unit = self._unit
        return (2 * self.sequence.low - 1) * unit, (2 * self.sequence.high - 1) * unit

    @property
    def _unit(self) -> float:
        if self.experiment.outcome == "correct":
            return 1.0
        least, most = self.experiment.range
        return most - least

    def verdict(self) -> ExperimentVerdict | None:
        """Return what is proven; None where it is nothing yet."""
        low, high = self.difference
        if low > 0:
            return ExperimentVerdict.BETTER
        if high < 0:
            return ExperimentVerdict.WORSE
        least = self.experiment.indifference
        return ExperimentVerdict.EQUAL if -least <= low and high <= least and least else None

    def sentence(self) -> str:
        """Say what was found, in numbers."""
        means = [
            f"{arm.total / arm.count:.4g} in {arm.count}" if arm.count else "none yet" for arm in self.arms.values()
        ]
        low, high = self.difference
        return (
            f"outcomes of {self.live}: {means[0]}, of {self.candidate}: {means[1]}; the difference lies between {low:+.3g} and "
            f"{high:+.3g}, but for {self.experiment.false_decision:.1%}"
        )


def candidate_share(comparison: Comparison, drawn: random.Random) -> float:
    """Return the share of clients that Thompson sampling gives the candidate: how probable it is that its mean outcome is the larger
    one, by Beta distributions that begin flat."""
    live, candidate = comparison.arms[comparison.live], comparison.arms[comparison.candidate]

    def draw(arm: _Arm) -> float:
        return drawn.betavariate(1 + arm.total, 1 + arm.count - arm.total)

    share = sum(draw(candidate) > draw(live) for _ in range(_DRAWS)) / _DRAWS
    return min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
