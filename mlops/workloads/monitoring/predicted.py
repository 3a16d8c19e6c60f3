"""Say what of a model's predictions is compared.

Lives here: compared_predictions, and the column of confidence.
Not here: which columns are compared, and as what (baseline).
Law: what the model says of training rows and what it is asked again are compared by the same values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlops.workloads.answer_row import answer_row
from mlops.workloads.monitoring.profile import PREDICTION, prediction_column

CONFIDENCE = prediction_column("confidence")
"""The probability of the most likely of several classes. Of two classes, the prediction says it itself."""


def confidence_column(contract: dict[str, Any]) -> str:
    """Return the column that says how sure the model is."""
    return CONFIDENCE if contract["task"] == "multiclass" else PREDICTION


def compared_predictions(contract: dict[str, Any], raw: list[Any]) -> dict[str, list[Any]]:
    """Return column -> what of raw predictions is compared: the probability, the number, or the most likely class; where a row
    is more than that, what its task says."""
    own = answer_row(contract)
    if own is not None:
        rows = [own.compared(values) for values in raw]
        return {prediction_column(part): [row[part] for row in rows] for part in own.kinds}
    if contract["task"] == "multiclass":
        classes = [str(contract["classes"][int(np.argmax(values))]) for values in raw]
        return {PREDICTION: classes, CONFIDENCE: [float(np.max(values)) for values in raw]}
    return {PREDICTION: [float(value) for value in raw]}
