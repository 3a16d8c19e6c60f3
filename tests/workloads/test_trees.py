"""Trees: columns as codes, what they learn, and the graph that predicts what they predict."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.config.schema.families.encoding import Encoding
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.fit import fit
from mlops.workloads.features.graph import Graph, build_graph, encoded_columns
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model

TASKS = [("binary", "late", "test_auc", 0.85), ("multiclass", "grade", "test_accuracy", 0.6), ("regression", "delay", "test_r2", 0.6)]  # fmt: skip
SMALL = {"boosted_trees": {"trees": 60, "patience": 20}, "random_forest": {"trees": 20}}


def model(root: Path, architecture: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Train, measure and export; return the metrics."""
    say_model(root, "m", **{"task": "binary", "trainer": {"seed": 3}, "architecture": architecture, **changes})
    for stage in (train, evaluate, export):
        stage("m")
    metrics: dict[str, Any] = json.loads((root / "metrics/model/m.json").read_text())
    return metrics


def summary(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "models/m/train/summary.json").read_text())
    return content


def strange_rows(root: Path) -> dict[str, Any]:
    """Return the test split with values that training never had, and missing ones where it had none."""
    types = feature_types(json.loads((root / "data/rows/schema.json").read_text()))
    columns = {name: values.copy() for name, values in read_columns(root / "data/rows/test.parquet", types).items()}
    columns["color"][0], columns["color"][1], columns["size"][2] = "violet", "", 99.0
    columns["flag"][3] = columns["hour"][4] = columns["number"][5] = columns["size"][6] = np.nan
    return columns


def test_codes_are_numbers_as_they_are_and_nan_where_missing(project: Path) -> None:
    prepare("rows")
    schema = json.loads((project / "data/rows/schema.json").read_text())
    encoders = fit(schema, read_columns(project / "data/rows/train.parquet", feature_types(schema)))
    columns = strange_rows(project)
    columns["hour"][7] = 25.0
    got = Graph(build_graph(encoders, (Encoding.CODES,)).SerializeToString())(columns)
    coded = encoded_columns(encoders, (Encoding.CODES,))
    assert [(column.column, column.codes) for column in coded] == [
        ("number", 0), ("color", 4), ("size", 4), ("hour", 0), ("flag", 0),
    ]  # fmt: skip
    number, color, size, hour, flag = got.T
    raw = columns["number"][:, 0]
    assert np.array_equal(np.isnan(number), np.isnan(raw))
    known = ~np.isnan(raw)
    assert np.abs(number[known] - np.clip(raw[known], -2, 2)).max() < 1e-6
    codes = {"": 0.0, "blue": 1.0, "green": 2.0, "red": 3.0, "crimson": 3.0, "violet": 0.0}
    assert color.tolist() == [codes[value] for value in columns["color"][:, 0]]
    assert size[2] == size[6] == 3.0
    assert hour[7] == 1.0
    assert math.isnan(hour[4])
    assert math.isnan(flag[3])


@pytest.mark.parametrize("family", sorted(SMALL))
@pytest.mark.parametrize(("task", "label", "metric", "least"), TASKS)
def test_exported_trees_predict_strange_rows_as_the_library_does(
    project: Path, family: str, task: str, label: str, metric: str, least: float
) -> None:
    from mlops.workloads.training.description import Description
    from mlops.workloads.training.families.family import family_named

    say_dataset(project, label=label)
    prepare("rows")
    metrics = model(project, {"name": family, **SMALL[family]}, task=task)
    assert metrics[metric] > least
    folder = project / "models/m/train"
    fitted = family_named(family).load(folder, Description.read(folder))
    columns = strange_rows(project)
    expected = fitted.predict(Graph((folder / "features.onnx").read_bytes())(columns))
    got = Graph((project / "models/m/export/model.onnx").read_bytes())(columns)
    assert np.abs(got - expected).max() < 1e-5
    first = {path: path.read_bytes() for path in (project / "models/m").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("m")
    assert {path: path.read_bytes() for path in first} == first
