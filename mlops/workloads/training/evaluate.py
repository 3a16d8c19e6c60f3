"""Measure a model.

Lives here: evaluate, the whole of the stage: measured, what it writes of metrics, and analysed, what of single rows and columns.
Not here: the parts (training.evaluation), judging (kinds).
Law: measures what is served: what training predicted on the val and test splits, as the model's decision changes it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import family_spec
from mlops.contracts.codec import convert
from mlops.contracts.stage_params import EvaluateParams
from mlops.metrics.baseline import BASELINES
from mlops.metrics.table import headline_of
from mlops.workloads.features.fit import fit as fit_encoders
from mlops.workloads.features.graph import Graph, build_graph
from mlops.workloads.metrics.intervals import drawn_rows
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import read_params, say, write_json
from mlops.workloads.training.data import PreparedData, truth_of
from mlops.workloads.training.decision import EVEN, Decision
from mlops.workloads.training.description import Description
from mlops.workloads.training.evaluation.baselines import Splits, baselines_of, sampled_columns
from mlops.workloads.training.evaluation.importance import SHUFFLED_ROWS, importance_of
from mlops.workloads.training.evaluation.own_metrics import own_metrics_of
from mlops.workloads.training.evaluation.plots import plots_of
from mlops.workloads.training.evaluation.row_loss import row_losses, worst_rows
from mlops.workloads.training.evaluation.slices import Measuring, sliced
from mlops.workloads.training.evaluation.weak_slices import weak_slices
from mlops.workloads.training.families.family import family_named
from mlops.workloads.training.predictions import predictions_of
from mlops.workloads.training.unlabelled import trained_truth


@dataclass(frozen=True)
class Evaluated:
    """Truth and predictions of the splits that are measured, and what they are measured by."""

    data: PreparedData
    folder: Path
    description: Description
    measuring: Measuring
    decision: Decision
    truth: Mapping[str, Array]
    predicted: Mapping[str, Array]

    @classmethod
    def of(cls, name: str, params: EvaluateParams, root: Path) -> Evaluated:
        folder = root / "models" / name / "train"
        description = Description.read(folder)
        task = description.task
        data = PreparedData.open(description.dataset, root)
        table = pq.read_table(folder / "predictions.parquet")
        truth = {split: _truth(description, data, split, folder) for split in ("val", "test")}
        raw = {split: predictions_of(table, split) for split in truth}
        decision = Decision.of(params, truth["val"], raw["val"])
        measuring = Measuring(task, decision.threshold, own_metrics_of(params.metrics, task))
        predicted = {split: decision.predictions(values) for split, values in raw.items()}
        return cls(data, folder, description, measuring, decision, truth, predicted)


def evaluate(name: str, *, root: Path = Path()) -> None:
    """Write metrics/model/NAME.json and plots/model/NAME/."""
    params = convert(EvaluateParams, read_params("model", name)["evaluate"])
    with threadpool_limits(limits=1):  # sums are added up in one order, whatever the number of cores
        evaluated = Evaluated.of(name, params, root)
        say("measuring", 0.1)
        metrics = measured(evaluated, params)
        say("looking for what it is bad at", 0.6)
        drawn = analysed(evaluated)
    write_json(root / "metrics" / "model" / f"{name}.json", metrics)
    plots = root / "plots" / "model" / name
    shutil.rmtree(plots, ignore_errors=True)
    plots.mkdir(parents=True)
    if logged := json.loads((evaluated.folder / "history.json").read_text()):
        write_json(plots / "loss.json", logged)
    for plot, points in drawn.items():
        write_json(plots / f"{plot}.json", points)
    say("measured", 1.0)


def measured(evaluated: Evaluated, params: EvaluateParams) -> dict[str, Any]:
    """Return metrics of the splits, and of the test split their intervals, slices, and baselines."""
    measuring, truth, predicted = evaluated.measuring, evaluated.truth["test"], evaluated.predicted["test"]
    metrics: dict[str, Any] = {}
    for split in ("val", "test"):
        values = measuring.values(evaluated.truth[split], evaluated.predicted[split], split=split)
        metrics |= {f"{split}_{key}": value for key, value in values.items()}
    intervals = measuring.intervals(truth, predicted, values)
    metrics["intervals"] = {f"test_{key}": bounds for key, bounds in intervals.items()}
    if measuring.threshold != EVEN:
        metrics["threshold"] = measuring.threshold
    if params.slices:
        metrics |= sliced(evaluated.data.raw("test"), params.slices, measuring, truth, predicted)
    if measuring.task in BASELINES:
        metrics["baselines"] = baselines_of(_splits(evaluated), measuring)
    return {key: value for key, value in metrics.items() if value != {}}


def analysed(evaluated: Evaluated) -> dict[str, list[dict[str, Any]]]:
    """Return plot's name -> its points, of the test split."""
    measuring, truth, predicted = evaluated.measuring, evaluated.truth["test"], evaluated.predicted["test"]
    classes = list(evaluated.description.classes)
    found = plots_of(measuring.task, truth, predicted, classes=classes, threshold=measuring.threshold)
    losses = row_losses(measuring.task, truth, predicted)
    if losses is not None:
        raw = evaluated.data.raw("test")
        found["weak_slices"] = weak_slices(raw, evaluated.data.types, losses)
        found["worst_rows"] = worst_rows(losses, truth, predicted, classes=classes, threshold=measuring.threshold)
    found["importance"] = _importance(evaluated)
    return {name: points for name, points in found.items() if points}


def _importance(evaluated: Evaluated) -> list[dict[str, Any]]:
    headline, features = headline_of(evaluated.measuring.task), evaluated.folder / "features.onnx"
    if headline is None or not features.exists() or not evaluated.measuring.task.is_labelled:
        return []
    fitted = family_named(evaluated.description.architecture["name"]).load(evaluated.folder, evaluated.description)
    graph = Graph(features.read_bytes())
    rows = drawn_rows(len(evaluated.truth["test"]), SHUFFLED_ROWS)

    def predict(columns: Mapping[str, Array]) -> Array:
        return evaluated.decision.predictions(fitted.predict(graph(columns)))

    return importance_of(
        sampled_columns(evaluated.data, "test", rows), evaluated.truth["test"][rows], predict, headline,
        threshold=evaluated.measuring.threshold,
    )  # fmt: skip


def _splits(evaluated: Evaluated) -> Splits:
    classes = list(evaluated.description.classes)
    train = truth_of(evaluated.measuring.task, evaluated.data, "train", classes)
    return Splits(evaluated.data, _amounts(evaluated), train, evaluated.truth["test"], len(classes))


def _amounts(evaluated: Evaluated) -> bytes:
    """Return the graph of the model's features as amounts, which a linear model can add up; empty where it has none."""
    described, file = evaluated.description.architecture, evaluated.folder / "features.onnx"
    if not file.exists():
        return b""
    encodings = family_spec(described["name"]).model_validate(described).encodings()
    if encodings == (Encoding.AMOUNTS,):
        return file.read_bytes()
    encoders = fit_encoders(evaluated.data.schema, evaluated.data.columns("train"))
    content: bytes = build_graph(encoders).SerializeToString(deterministic=True)
    return content


def _truth(description: Description, data: PreparedData, split: str, folder: Path) -> Array:
    if description.task.is_labelled:
        return truth_of(description.task, data, split, list(description.classes))
    return trained_truth(description.task, data, split, folder)
