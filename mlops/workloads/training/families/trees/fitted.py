"""Keep grown trees.

Lives here: FittedTrees.
Not here: growing them (grow), their graph (graph).
Law: what is kept is LightGBM's own text, which anything that reads LightGBM's models reads; never a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import numpy.typing as npt
import onnx

from mlops.metrics.task import Task
from mlops.workloads.stage import write_json
from mlops.workloads.training.families.family import ExactTerms, Fitted
from mlops.workloads.training.families.trees.graph import trees_to_onnx
from mlops.workloads.training.families.trees.terms import tree_terms

if TYPE_CHECKING:
    from mlops.workloads.training.explanation import TrainRows

_TREES, _LABEL = "trees.txt", "label.json"


class FittedTrees(Fitted):
    """`text`: LightGBM's model. `width`: the numbers of a row. `center` and `scale`: what a regression's sum of trees is multiplied by, and moved by."""

    def __init__(
        self, text: str, task: Task, *, width: int, center: float = 0.0, scale: float = 1.0,
        logged: Sequence[Mapping[str, float]] = (), summary: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.text, self._task, self.width = text, task, width
        self.center, self.scale = center, scale
        self.booster = lightgbm.Booster(model_str=text)
        self.logged, self.summary = logged, summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        predicted = np.asarray(self.booster.predict(x, num_threads=1))
        if self._task is Task.REGRESSION:
            predicted = predicted * self.scale + self.center
        return predicted.astype(np.float32)

    def sums(self, x: npt.NDArray[np.float32], *, trees: int | None = None) -> npt.NDArray[np.float64]:
        """Return what the trees, or the first of them, sum up to, `[N, K]`: logits, or a standardised label; of a forest the mean."""
        summed = np.asarray(self.booster.predict(x, num_threads=1, raw_score=True, num_iteration=trees or -1))
        if "average_output" in self.text.partition("\nTree=")[0]:  # a raw score of LightGBM is a sum even there
            summed = summed / (trees or self.booster.current_iteration())
        return summed.reshape(len(x), -1)

    def save(self, folder: Path) -> None:
        (folder / _TREES).write_text(self.text)
        write_json(folder / _LABEL, {"center": self.center, "scale": self.scale})

    @classmethod
    def load(cls, folder: Path, task: Task, width: int) -> FittedTrees:
        label = json.loads((folder / _LABEL).read_text())
        return cls((folder / _TREES).read_text(), task, width=width, center=label["center"], scale=label["scale"])

    def exact_terms(self, rows: TrainRows) -> ExactTerms | None:
        column_of = rows.column_of()
        if column_of is None:
            return None
        terms = tree_terms([(self.booster, self.scale)], column_of)
        return ExactTerms({**terms, "base": terms["base"] + self.center}, column_of)

    def to_onnx(self, output: str) -> onnx.ModelProto:
        return trees_to_onnx(self.booster, self._task, self.width, output, center=self.center, scale=self.scale)
