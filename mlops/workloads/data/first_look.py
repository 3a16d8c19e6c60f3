"""Take a first look at what a data set can predict: python -m mlops.workloads.data.first_look REQUEST ANSWER.

Lives here: first_look, measure_prepared, and the process that answers `mlops init`.
Not here: training a model of the project (workloads.training), proposing gates (scaffold).
Law: the rows are prepared, split and encoded as the stages do it; a linear model that is too small to be wrong about tells what a
gate may ask for.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mlops.contracts.survey import FirstLook, FirstLookRequest, SurveyProblem
from mlops.errors import MlopsError
from mlops.metrics.task import Task
from mlops.workloads.data.answer import answer_request
from mlops.workloads.data.prepare import prepare
from mlops.workloads.data.sources.source import Place, newest_fingerprint
from mlops.workloads.features.columns import feature_types, image_forms, read_columns
from mlops.workloads.features.fit import fit
from mlops.workloads.features.graph import Graph, build_graph

_NAME = "looked-at"
_MOST_ROWS = 50_000
_METRICS = {Task.BINARY: "auc", Task.MULTICLASS: "accuracy", Task.REGRESSION: "r2"}
_Array = npt.NDArray[Any]


def first_look(request: FirstLookRequest) -> FirstLook:
    """Return what a linear model reaches. Raises MlopsError where the data set cannot be prepared."""
    task = Task(request.task)
    fingerprints = {
        name: newest_fingerprint(source, Place.of(Path(), Path()))
        for name, source in request.dataset["sources"].items()
    }
    with tempfile.TemporaryDirectory() as scratch:
        here = Path.cwd()
        params = Path(scratch) / "params/dataset" / f"{_NAME}.json"
        params.parent.mkdir(parents=True)
        params.write_text(json.dumps({"prepare": {**request.dataset, "fingerprint": fingerprints}}))
        secrets = here / ".mlops" / "secrets"
        if secrets.is_dir():
            (Path(scratch) / ".mlops").mkdir()
            (Path(scratch) / ".mlops" / "secrets").symlink_to(secrets)
        os.chdir(scratch)
        try:
            prepare(_NAME, root=Path(scratch))
        finally:
            os.chdir(here)
        return measure_prepared(Path(scratch) / "data" / _NAME, task)


def measure_prepared(folder: Path, task: Task) -> FirstLook:
    """Return what a linear model reaches on a prepared data set. `folder`: data/NAME."""
    schema = json.loads((folder / "schema.json").read_text())
    types = feature_types(schema)
    train = read_columns(folder / "train.parquet", types, image_forms(schema))
    transform = Graph(build_graph(fit(schema, train)).SerializeToString())
    x, x_test = transform(train), transform(read_columns(folder / "test.parquet", types, image_forms(schema)))
    labels = {part: pq.read_table(folder / f"{part}.parquet", columns=[schema["label"]])[schema["label"]]
              for part in ("train", "val", "test")}  # fmt: skip
    rows = {part: len(column) for part, column in labels.items()}
    y, y_test = labels["train"].to_numpy(zero_copy_only=False), labels["test"].to_numpy(zero_copy_only=False)
    if len(x) > _MOST_ROWS:
        chosen = np.random.default_rng(7).choice(len(x), _MOST_ROWS, replace=False)
        x, y = x[chosen], y[chosen]
    value, error, trivial = (
        _regression(x, y, x_test, y_test) if task is Task.REGRESSION else _classes(task, x, y, x_test, y_test)
    )
    return FirstLook(
        metric=f"test_{_METRICS[task]}", value=value, error=error, trivial=trivial, width=int(x.shape[1]), rows=rows
    )


def _classes(task: Task, x: _Array, y: _Array, x_test: _Array, y_test: _Array) -> tuple[float, float, float]:
    """Return value, standard error, and what the most frequent class alone reaches."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    texts, texts_test = y.astype(str), y_test.astype(str)
    model = LogisticRegression(max_iter=300).fit(x, texts)
    if task is Task.BINARY:
        positive = texts_test == model.classes_[1]
        value = float(roc_auc_score(positive, model.predict_proba(x_test)[:, 1]))
        return value, _auc_error(value, int(positive.sum()), int((~positive).sum())), 0.5
    value = float((model.predict(x_test) == texts_test).mean())
    most = max(np.unique(texts, return_counts=True)[1]) / len(texts)
    return value, math.sqrt(max(value * (1 - value), 0.01) / len(texts_test)), float(most)


def _regression(x: _Array, y: _Array, x_test: _Array, y_test: _Array) -> tuple[float, float, float]:
    from sklearn.linear_model import Ridge

    y, y_test = y.astype(np.float64), y_test.astype(np.float64)
    residuals = np.square(y_test - Ridge(alpha=1.0).fit(x, y).predict(x_test))
    spread = np.square(y_test - y_test.mean())
    chance = np.random.default_rng(7)
    draws = [chance.integers(0, len(y_test), len(y_test)) for _ in range(200)]
    shares = [1 - residuals[draw].sum() / max(spread[draw].sum(), 1e-300) for draw in draws]
    return float(1 - residuals.sum() / spread.sum()), float(np.std(shares)), 0.0


def _auc_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area under the curve: Hanley and McNeil, Radiology 143 (1982)."""
    first, second = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (first - auc**2) + (negatives - 1) * (second - auc**2)
    return math.sqrt(max(variance, 0.0) / max(1, positives * negatives))


def _answer(request: FirstLookRequest) -> FirstLook:
    try:
        return first_look(request)
    except MlopsError as error:
        return FirstLook(
            problems=tuple(SurveyProblem(summary=one.summary, detail=one.detail) for one in error.problems)
        )


if __name__ == "__main__":
    answer_request(FirstLookRequest, _answer)
