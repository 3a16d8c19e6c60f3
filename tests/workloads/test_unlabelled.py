"""Models that learn from no label: from rows to one file, measured, equal to what the library computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model

SHORT = {"max_epochs": 3, "batch_size": 64, "seed": 7}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "k_means": ("clustering", {"clusters": 3}),
    "gaussian_mixture": ("clustering", {"clusters": 3, "covariance": "full"}),
    "isolation_forest": ("anomaly", {"trees": 20, "contamination": "5%"}),
    "autoencoder": ("anomaly", {"hidden": [8], "code": 2, "contamination": "5%"}),
    "pca": ("reduction", {"components": 3}),
}


def run(root: Path, family: str, *, label: str | None = None, **architecture: Any) -> dict[str, Any]:
    """Prepare, train, evaluate and export; return the metrics."""
    task, fields = FAMILIES[family]
    say_dataset(root, label=label)
    say_model(root, "m", task=task, architecture={"name": family, **fields, **architecture}, trainer=SHORT)
    if family != "autoencoder":
        path = root / "params/model/m.json"
        sections = json.loads(path.read_text())
        del sections["train"]["trainer"]
        path.write_text(json.dumps(sections))
    prepare("rows")
    train("m")
    evaluate("m")
    export("m")
    metrics: dict[str, Any] = json.loads((root / "metrics/model/m.json").read_text())
    return metrics


def strange_rows(root: Path) -> dict[str, Any]:
    """Return columns of the test split with nulls and with categories that training never had."""
    columns = {name: values.copy() for name, values in PreparedData.open("rows").columns("test").items()}
    columns["color"][:3, 0] = ["violet", "", "indigo"]
    columns["number"][3:6, 0] = np.nan
    columns["size"][6, 0] = 99.0
    return columns


@pytest.mark.parametrize("family", FAMILIES)
def test_family_without_label_predicts_through_onnx_what_its_library_predicts(project: Path, family: str) -> None:
    metrics = run(project, family)
    assert {"test_silhouette", "test_share_flagged", "test_explained_variance"} & metrics.keys()
    assert not [name for name in metrics if "label" in name or "rand" in name]
    golden = json.loads((project / "models/m/export/golden.json").read_text())
    assert len(golden["rows"]) == 64
    content = (project / "models/m/export/model.onnx").read_bytes()
    predicted = Graph(content)(strange_rows(project))
    assert np.isfinite(predicted).all()
