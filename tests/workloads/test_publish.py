"""Publishing to MLflow: a real tracking store, with its registry, in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper

from mlops.workloads.publish_to_mlflow import DIGEST_TAG, publish

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # MLflow's own use of SQLAlchemy
]


def exported(folder: Path) -> Path:
    """Write a graph that doubles what it is given."""
    folder.mkdir()
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", value[:1], value[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "model.onnx"
    )
    return folder


def test_version_is_published_once_and_its_names_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MLflow keeps files of runs beside the database
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    def asked(digest: str, *aliases: str) -> dict[str, Any]:
        folder = str(exported(tmp_path / f"{digest}-{len(list(tmp_path.iterdir()))}"))
        return {
            "uri": uri, "model": "late", "digest": digest, "params": {"trainer.max_epochs": "3", "long": "x" * 900},
            "metrics": {"test_auc": 0.9}, "tags": {"mlops.data": "d1"}, "aliases": list(aliases), "description": "Late or not.",
            "summary": "Train it", "folder": folder,
        }  # fmt: skip

    assert publish(asked("aaaa", "champion"))["is_new"] is True
    assert publish(asked("bbbb", "challenger"))["version"] == "2"
    again = publish(asked("bbbb", "champion"))
    assert (again["version"], again["is_new"]) == ("2", False)

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    champion = client.get_model_version_by_alias("late", "champion")
    assert (champion.version, champion.tags[DIGEST_TAG], champion.tags["mlops.data"]) == (2, "bbbb", "d1")
    run = client.get_run(str(champion.run_id)).data
    assert (run.metrics, run.params["trainer.max_epochs"]) == ({"test_auc": 0.9}, "3")
    folder = Path(str(champion.source))
    assert "loader_module: mlflow.onnx" in (folder / "MLmodel").read_text()
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (doubled,) = session.run(None, {"x": np.array([1.5], np.float32)})
    assert doubled.tolist() == [3.0]
