"""Measure with late labels.

Lives here: Labels, which joins feedback with predictions and measures.
Not here: comparing columns (drift).
Law: a metric is given with the number of labelled rows it stands on, and not at all below a few hundred.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

FEWEST = 200
"""Labelled rows below which nothing is measured."""
_REMEMBERED = 200_000
_WINDOW = 5_000
_WORSE = {"auc": 0.05, "accuracy": 0.05, "mae": 0.2}
"""How much worse than at training is a finding: a difference for shares, a ratio for errors."""


class Labels:
    """Joins late labels with what was predicted. `path`: where labelled pairs are kept over a restart."""

    def __init__(self, contract: dict[str, Any], path: Path) -> None:
        self._contract = contract
        self._path = path
        self._seen: OrderedDict[str, list[Any]] = OrderedDict()
        self._pairs: deque[list[Any]] = deque(maxlen=_WINDOW)
        try:
            self._pairs.extend(json.loads(path.read_text()))
        except (OSError, ValueError):
            pass

    def predicted(self, request_id: str, values: list[Any]) -> None:
        """Remember what was predicted."""
        self._seen[request_id] = values
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def add(self, feedback: dict[str, Any]) -> None:
        """Join a late label with its prediction, where that is remembered."""
        values = self._seen.get(str(feedback.get("id")))
        labels = feedback.get("label")
        labels = labels if isinstance(labels, list) else [labels]
        if values is not None and len(values) == len(labels):
            self._pairs.extend([value, label] for value, label in zip(values, labels, strict=True))

    def keep(self) -> None:
        """Write the labelled pairs down."""
        temporary = self._path.with_suffix(".part")
        temporary.write_text(json.dumps(list(self._pairs)))
        temporary.replace(self._path)

    def measure(self) -> dict[str, float]:
        """Return {"rows": n} and, from enough rows, the task's metric."""
        live: dict[str, float] = {"rows": float(len(self._pairs))}
        if len(self._pairs) < FEWEST:
            return live
        match self._contract["task"]:
            case "binary":
                truth = np.array([label == self._contract["classes"][1] for _, label in self._pairs])
                if 0 < truth.sum() < len(truth):
                    live["auc"] = _auc(truth, np.array([value for value, _ in self._pairs]))
            case "multiclass":
                live["accuracy"] = float(np.mean([str(value) == str(label) for value, label in self._pairs]))
            case _:
                live["mae"] = float(np.mean([abs(float(value) - float(label)) for value, label in self._pairs]))
        return {name: round(value, 4) for name, value in live.items()}

    def worse(self, live: dict[str, float], training: dict[str, Any]) -> str | None:
        """Return the metric that is worse than at training by more than chance and habit allow."""
        for name, bound in _WORSE.items():
            before = training.get(f"test_{name}")
            if name in live and before is not None:
                fell = live[name] / before - 1 if name == "mae" else before - live[name]
                if fell > bound:
                    return name
        return None


def _auc(truth: Any, score: Any) -> float:
    """The Mann-Whitney form of the area under the ROC curve (Hanley and McNeil, 1982)."""
    ranks = rankdata(score)
    positive = int(truth.sum())
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive)))
