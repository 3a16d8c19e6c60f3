"""Run one trial.

Lives here: Trials, which learns with given values and measures the objectives.
Not here: choosing values (study), what is kept of a trial (ledger).
Law: a trial depends on its values, the data and the seeds alone, not on the trials before it in the same process.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlops.config.schema.model import Model
from mlops.config.schema.searched import with_values
from mlops.config.schema.tuning import Tune
from mlops.metrics import metric as metrics
from mlops.metrics.table import direction_of, find_measured, headline_of, metric_named
from mlops.metrics.task import Task
from mlops.workloads.metrics.measure import compute
from mlops.workloads.stage import failed
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Examples, Family, Fit, Fitted, family_named
from mlops.workloads.training.run_log import RunLog
from mlops.workloads.training.train import Learned
from mlops.workloads.tuning.study import Direction

SEEN = ("train", "val")
"""The splits that trials see."""
SIZE = "size"
"""The objective that counts the bytes of what the family saves."""
Report = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Objective:
    """`name`: such as val_auc, or size. `direction`: maximize or minimize."""

    name: str
    direction: Direction


def objectives_of(tune: Tune, task: Task) -> tuple[Objective, ...]:
    """Return what is made best. Raises MlopsError for a metric that the task does not have."""
    if isinstance(tune.objective, dict):
        return tuple(
            Objective(_known(name, task), "maximize" if better == "max" else "minimize")
            for name, better in tune.objective.items()
        )
    headline = headline_of(task)
    if not tune.objective and headline is None:
        raise failed("nothing to search by", f"Task {task} has no first metric; say `tune.objective`.")
    name = tune.objective or f"val_{headline.name if headline else ''}"
    return (Objective(_known(name, task), "minimize" if _is_less_better(name) else "maximize"),)


def _is_less_better(name: str) -> bool:
    return name == SIZE or direction_of(name) is metrics.Direction.MIN


def _known(name: str, task: Task) -> str:
    if name != SIZE and (not name.startswith("val_") or find_measured(name, task) is None):
        raise failed(
            "objective is no metric",
            f"`tune.objective` names {name}, and task {task} measures no such thing on the validation split. Name one such as "
            f"val_{headline.name if (headline := headline_of(task)) else 'loss'}, or size.",
        )
    return name


class Reporting(RunLog):
    """Hands on what is measured after each epoch or tree, and says and writes nothing."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def say(self, line: str, fraction: float) -> None:
        pass

    def note(self, at: int, measured: Mapping[str, float]) -> None:
        self._report(at, measured)

    def write_epoch(
        self, history: Sequence[Mapping[str, float]], line: str, fraction: float, *, step: int | None = None
    ) -> None:
        self._report(len(history), history[-1])


@dataclass
class Trials:
    """`inputs`: the model's, without those of the search. `learned`: gives the examples for a model's family."""

    inputs: Mapping[str, Any]
    tune: Tune
    objectives: Sequence[Objective]
    learned: Callable[[Model], Learned]

    def run(self, chosen: Mapping[str, Any], name: str, report: Report) -> list[float]:
        """Return the value of each objective. `report`: is called by families that measure on their way. Raises MlopsError for
        values that cannot be learned with."""
        spec = Model.model_validate(with_values(self.inputs, chosen))
        learned = self.learned(spec)
        if self.tune.folds == 1:
            return self._one(spec, name, learned, report)
        values: list[list[float]] = []
        for part in _folds(learned, self.tune.folds, self.tune.seed):
            values.append(self._one(spec, name, part, _ignored))
            means = [float(np.mean(each)) for each in zip(*values, strict=True)]
            report(len(values), {one.name: mean for one, mean in zip(self.objectives, means, strict=True)})
        return means

    def _one(self, spec: Model, name: str, learned: Learned, report: Report) -> list[float]:
        family = family_named(spec.architecture.name)
        family.begin(spec, name)
        train, val = learned.examples["train"], learned.examples["val"]
        with tempfile.TemporaryDirectory(prefix="mlops-trial-") as folder:
            checkpoint = Checkpoint(Path(folder) / "checkpoint", lambda: b"")
            log = Reporting(report)
            encoded = learned.encoded
            fitted = family.fit(
                Fit(spec, train, val, learned.classes, encoded.columns, checkpoint, encoded.pictures, log)
            )
            assert fitted is not None
            predicted = fitted.predict(val.x)
            if not np.isfinite(predicted).all():
                raise failed("prediction is not a number", f"The model answers NaN or infinity. {family.advice}")
            return [self._measured(one, fitted, val, predicted, Path(folder)) for one in self.objectives]

    @staticmethod
    def _measured(objective: Objective, fitted: Fitted, val: Examples, predicted: Any, folder: Path) -> float:
        if objective.name == SIZE:
            out = folder / "saved"
            out.mkdir()
            fitted.save(out)
            return float(sum(path.stat().st_size for path in out.iterdir()))
        value = compute(metric_named(objective.name.partition("_")[2]), val.measured, predicted)
        if not math.isfinite(value):
            raise failed("objective is not a number", f"{objective.name} cannot be computed for this trial.")
        return value


def _ignored(step: int, measured: Mapping[str, float]) -> None:
    """Take no notice: a fold's epochs are not those of the whole."""


def _folds(learned: Learned, count: int, seed: int) -> Iterator[Learned]:
    """Yield folds of the train split, each once as what is measured."""
    train = learned.examples["train"]
    order = np.random.default_rng(seed).permutation(len(train.x))
    parts = np.array_split(order, count)
    for index, part in enumerate(parts):
        rest = np.concatenate([*parts[:index], *parts[index + 1 :]])
        yield replace(learned, examples={"train": _some(train, np.sort(rest)), "val": _some(train, np.sort(part))})


def _some(examples: Examples, rows: Any) -> Examples:
    truth = None if examples.truth is None else examples.truth[rows]
    weights = None if examples.weights is None else examples.weights[rows]
    return Examples(examples.x[rows], examples.y[rows], truth, weights)


def data_for(spec: Model, root: Path) -> Callable[[Model], Learned]:
    """Return what gives the train and the validation examples of a model; those of equal encodings are made once."""
    data = PreparedData.open(spec.dataset, root)
    known: dict[Any, Learned] = {}

    def give(model: Model) -> Learned:
        family, weighed_by = family_named(model.architecture.name), model.loss.row_weights if model.loss else None
        own = model.architecture.model_dump_json() if type(family).encode is not Family.encode else ""
        key = (model.architecture.encodings(), weighed_by, model.levels, own)
        if key not in known:
            known[key] = Learned.of(model, family, data, SEEN)
        return known[key]

    return give
