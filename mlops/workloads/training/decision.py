"""Decide by probabilities.

Lives here: Decision, what `threshold` and `calibration` of a model come to on its validation split.
Not here: calibrating (calibration), what may be said (config.schema.decision).
Law: evaluation and export decide from the same predictions, and so alike; training knows of no decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.contracts.stage_params import EvaluateParams, ExportParams
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import failed
from mlops.workloads.training.calibration import CALIBRATORS, Calibrator

EVEN = 0.5
_DIGITS = 9


@dataclass(frozen=True)
class Decision:
    """`threshold`: from which probability the second of two classes is chosen."""

    calibrator: Calibrator | None = None
    threshold: float = EVEN

    @classmethod
    def of(cls, params: EvaluateParams | ExportParams, truth: Array, predicted: Array) -> Decision:
        """`truth` and `predicted`: of the validation split, as training left them. Raises MlopsError."""
        calibrator: Calibrator | None = None
        if params.calibration:
            if len(np.unique(truth)) < 2:
                raise failed(
                    "probabilities cannot be calibrated",
                    "The validation split holds rows of one class alone. Make it larger, or take `calibration` out.",
                )
            calibrator = CALIBRATORS[params.calibration].fit(truth, predicted)
            predicted = calibrator.apply(predicted)
        match params.threshold:
            case None:
                return cls(calibrator)
            case dict() as rule:
                return cls(calibrator, _chosen_threshold(rule, truth, predicted))
            case number:
                return cls(calibrator, float(number))

    def predictions(self, predicted: Array) -> Array:
        """Return predictions of the trained model as they are measured and served."""
        return self.calibrator.apply(predicted) if self.calibrator else predicted


def _chosen_threshold(rule: Mapping[str, Any], truth: Array, predicted: Array) -> float:
    """Return the best threshold on these rows: half-way between two values that are predicted."""
    order = np.argsort(-predicted, kind="stable")
    values, hit = predicted[order].astype(np.float64), truth[order] == 1
    last = np.flatnonzero(np.concatenate([np.diff(values) != 0, [True]]))
    right, said = hit.cumsum()[last], last + 1
    true = int(hit.sum())
    score = _scores(rule, right, said, true, len(values))
    best = int(np.argmax(score))
    if not np.isfinite(score[best]):
        most = float(np.max(right / said)) if len(said) else 0.0
        raise failed(
            "threshold cannot be chosen",
            f"No threshold has a precision of {rule['precision']:g} on the validation split; the highest is {most:.3g}. Ask for "
            "less, or say a number.",
        )
    if best == 0 and rule["by"] == "cost" and rule.get("false_negative", 1.0) * true < -score[0]:
        return 1.0
    below = values[last[best] + 1] if best + 1 < len(last) else 0.0
    return round(float((values[last[best]] + below) / 2), _DIGITS)


def _scores(rule: Mapping[str, Any], right: Array, said: Array, true: int, rows: int) -> Array:
    """Return how good it is to say true to the first `said` rows, of which `right` are."""
    if not true or true == rows:
        raise failed(
            "threshold cannot be chosen",
            "The validation split holds rows of one class alone. Make it larger, or say a number.",
        )
    match rule["by"]:
        case "f1":
            return np.asarray(2 * right / (said + true))
        case "cost":
            missed, wrong = true - right, said - right
            return np.asarray(-(rule.get("false_positive", 1.0) * wrong + rule.get("false_negative", 1.0) * missed))
        case _:
            return np.where(right / said >= rule["precision"], right / true, -np.inf)
