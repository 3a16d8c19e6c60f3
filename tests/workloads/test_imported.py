"""Models that were trained elsewhere: pinned, joined with features or columns, refused where they cannot be read."""

from __future__ import annotations

import hashlib
import http.server
import json
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skl2onnx
import skops.io
from onnx import TensorProto, helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mlops.errors import MlopsError
from mlops.sources.model_file import model_fingerprint
from mlops.sources.source import FileDigests
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset
from tests.workloads.vector_project import ModelLife, raw_rows

FEATURES = {"numeric": ["number"], "passthrough": ["flag"]}
WIDTH = 3
"""The number, whether it is missing, and the flag."""


@pytest.fixture
def life(project: Path) -> ModelLife:
    say_dataset(project, features=FEATURES, clean={})
    prepare("rows")
    return ModelLife(project)


def fitted(estimator: Any, *, label: str = "late") -> Any:
    """Fit on three numbers, as somebody else did elsewhere."""
    chance = np.random.default_rng(5)
    x = chance.normal(size=(200, WIDTH)).astype(np.float32)
    y = x[:, 0] > 0.2 if label == "late" else x[:, 0] * 2 + 1
    return estimator.fit(x, y)


def write_onnx(path: Path, estimator: Any, *, opset: int = 18, zipmap: bool = False) -> Path:
    options = {} if isinstance(estimator, LinearRegression) else {id(estimator): {"zipmap": zipmap}}
    model = skl2onnx.to_onnx(
        estimator, initial_types=[("input", FloatTensorType([None, WIDTH]))], options=options,
        target_opset={"": opset, "ai.onnx.ml": 3},
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def import_model(life: ModelLife, uri: str, *, task: str = "binary", **architecture: Any) -> dict[str, Any]:
    """Run the stages of a model that is imported, pinned as a plan does it."""
    sha256 = architecture.get("sha256")
    pinned = {"architecture.uri": model_fingerprint(uri, sha256, root=life.project, digests=FileDigests())}
    given = {"name": "imported", "uri": uri, **architecture}
    return life.make(task=task, architecture=given, trainer=None, fingerprint=pinned)


def test_onnx_file_lives_from_its_digest_to_a_golden_answer(life: ModelLife) -> None:
    estimator = fitted(LogisticRegression())
    write_onnx(life.project / "brought/late.onnx", estimator)
    metrics = import_model(life, "brought/late.onnx")
    assert metrics["test_auc"] > 0.7
    assert metrics["baselines"]["trivial"]["test_auc"] == 0.5
    assert life.golden_difference() < 1e-4
    columns = PreparedData.open("rows").columns("test")
    x = Graph((life.project / "models/m/train/features.onnx").read_bytes())(columns)
    served = Graph((life.export_folder / "model.onnx").read_bytes())(columns)
    assert np.abs(served - estimator.predict_proba(x)[:, 1]).max() < 1e-5
    (answer,) = life.post("/predict", {"number": None, "flag": True})["predictions"]
    assert list(answer) == ["probability", "late"]
    rows = raw_rows(
        life.project, "train", [*(column["name"] for column in life.contract["columns"]), "late"], count=200
    )
    status = life.watch(rows, [row.pop("late") for row in rows], metrics=metrics)
    assert (status["rows"], status["labels"]["joined"]) == (200, 200)


def test_regression_file_of_an_older_opset_is_converted(life: ModelLife) -> None:
    say_dataset(life.project, features=FEATURES, clean={}, label="delay")
    prepare("rows")
    write_onnx(life.project / "old.onnx", fitted(LinearRegression(), label="delay"), opset=12)
    assert import_model(life, "old.onnx", task="regression")["test_r2"] < 1
    assert life.golden_difference() < 1e-4


def test_newer_opset_is_refused_with_the_one_to_export(life: ModelLife) -> None:
    path = write_onnx(life.project / "new.onnx", fitted(LogisticRegression()))
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("Identity", ["probabilities"], ["same"]))
    model.graph.output.append(helper.make_tensor_value_info("same", TensorProto.FLOAT, ["N", 2]))
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = 21
    path.write_bytes(model.SerializeToString())
    with pytest.raises(MlopsError, match="needs version 21 of the operators of"):
        import_model(life, "new.onnx")


def test_skops_file_is_read_where_its_types_are_trusted(life: ModelLife) -> None:
    estimator = fitted(make_pipeline(StandardScaler(), LogisticRegression()))
    skops.io.dump(estimator, life.project / "late.skops")
    assert import_model(life, "late.skops")["test_auc"] > 0.7
    assert life.golden_difference() < 1e-4
    assert {path.name for path in (life.project / "models/m/train").glob("model.*")} == {"model.onnx"}


def test_skops_file_with_a_type_that_nobody_trusts_is_refused(life: ModelLife) -> None:
    estimator = fitted(make_pipeline(FunctionTransformer(np.abs), LogisticRegression()))
    estimator.steps[0] = ("own", FunctionTransformer(json.dumps))
    skops.io.dump(estimator, life.project / "late.skops")
    with pytest.raises(MlopsError, match="holds types that are not trusted: json"):
        import_model(life, "late.skops")


def write_mlflow(folder: Path, flavours: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(f"artifact_path: model\nflavors:\n{flavours}")


def test_mlflow_folder_is_read_by_its_onnx_flavour(life: ModelLife) -> None:
    folder = life.project / "mlruns/model"
    write_onnx(folder / "model.onnx", fitted(LogisticRegression()))
    write_mlflow(folder, "  onnx:\n    data: model.onnx\n    onnx_version: 1.17.0\n")
    assert import_model(life, "mlruns/model")["test_auc"] > 0.7


def test_mlflow_folder_is_read_where_scikit_learn_was_stored_as_skops(life: ModelLife) -> None:
    folder = life.project / "mlruns/model"
    write_mlflow(folder, "  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n")
    skops.io.dump(fitted(LogisticRegression()), folder / "model.skops")
    assert import_model(life, "mlruns/model")["test_auc"] > 0.7


@pytest.mark.parametrize(
    ("flavours", "why"),
    [
        ("  sklearn:\n    pickled_model: model.pkl\n", "as the pickle model.pkl, which runs whatever it holds"),
        ("  pytorch:\n    model_data: data\n", "has the flavours pytorch, and of MLflow's, onnx and sklearn"),
        ("  onnx:\n    data: ../../rows.csv\n", "which is no file in it"),
    ],
)
def test_mlflow_folder_without_a_graph_is_refused(life: ModelLife, flavours: str, why: str) -> None:
    folder = life.project / "mlruns/model"
    write_mlflow(folder, flavours)
    (folder / "model.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(MlopsError, match=why):
        import_model(life, "mlruns/model")


def test_file_with_other_bytes_than_pinned_is_not_read(life: ModelLife) -> None:
    path = write_onnx(life.project / "late.onnx", fitted(LogisticRegression()))
    import_model(life, "late.onnx")
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(MlopsError, match="has another content than params/ pins"):
        train("m")


def test_file_with_another_digest_than_the_yaml_says_is_not_read(life: ModelLife) -> None:
    write_onnx(life.project / "late.onnx", fitted(LogisticRegression()))
    with pytest.raises(MlopsError, match="sha256` says 0000"):
        import_model(life, "late.onnx", sha256="0" * 64)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, format: str, *values: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_file_behind_an_address_is_fetched_once_and_checked(life: ModelLife, tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "served/late.onnx", fitted(LogisticRegression()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with serving(path.parent) as address:
        first = import_model(life, f"{address}/late.onnx", sha256=digest)
        with pytest.raises(MlopsError, match="sha256` says 1111"):
            import_model(life, f"{address}/late.onnx", sha256="1" * 64)
        with pytest.raises(MlopsError, match="model cannot be fetched"):
            import_model(life, f"{address}/gone.onnx", sha256="1" * 64)
    assert import_model(life, f"{address}/late.onnx", sha256=digest) == first


def test_onnx_file_that_takes_columns_by_their_names(project: Path) -> None:
    say_dataset(project, sql="SELECT *, coalesce(number, 0.0) AS filled FROM rows", clean={})
    prepare("rows")
    life = ModelLife(project)
    scaled = helper.make_tensor_value_info("hour", TensorProto.FLOAT, ["N", 1])
    flag = helper.make_tensor_value_info("flag", TensorProto.DOUBLE, ["N"])
    out = helper.make_tensor_value_info("score", TensorProto.DOUBLE, ["N"])
    nodes = [
        helper.make_node("IsNaN", ["hour"], ["gone"]),
        helper.make_node("Cast", ["gone"], ["gone_number"], to=TensorProto.DOUBLE),
        helper.make_node("Flatten", ["gone_number"], ["flat"], axis=0),
        helper.make_node("Squeeze", ["gone_number", "axis"], ["one"]),
        helper.make_node("Add", ["one", "flag"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["score"]),
    ]
    axis = onnx.numpy_helper.from_array(np.array([1], dtype=np.int64), "axis")
    graph = helper.make_graph(nodes[:2] + nodes[3:], "g", [scaled, flag], [out], [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (project / "columns.onnx").write_bytes(model.SerializeToString())
    import_model(life, "columns.onnx", inputs="columns")
    assert life.golden_difference() < 1e-4
    (answer,) = life.post("/predict", {"hour": None, "flag": True})["predictions"]
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        (
            "width",
            {"features": {"numeric": ["number"]}},
            r"takes `input`, FLOAT \[N, 3\], and the features .* \[N, 2\]",
        ),
        ("columns", {"inputs": "columns"}, "takes `input`, which is no feature of the data set: number, flag"),
        ("output", {"output": "probability"}, "and its outputs are label, probabilities"),
        ("task", {"task": "regression"}, "its output has 2 numbers a row, and task regression takes 1"),
    ],
)
def test_onnx_file_that_does_not_fit_is_refused(life: ModelLife, name: str, change: dict[str, Any], why: str) -> None:
    write_onnx(life.project / "late.onnx", fitted(LogisticRegression()))
    if "features" in change:
        say_dataset(life.project, features=change["features"], clean={})
        prepare("rows")
        change = {}
    if "task" in change:
        say_dataset(life.project, features=FEATURES, clean={}, label="delay")
        prepare("rows")
    with pytest.raises(MlopsError, match=why):
        import_model(life, "late.onnx", **change)


def test_output_is_chosen_by_its_name(life: ModelLife) -> None:
    path = write_onnx(life.project / "late.onnx", fitted(LogisticRegression()))
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("Neg", ["probabilities"], ["negative"]))
    model.graph.output.append(helper.make_tensor_value_info("negative", TensorProto.FLOAT, ["N", 2]))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(MlopsError, match="which of its outputs is the prediction cannot be known"):
        import_model(life, "late.onnx")
    assert import_model(life, "late.onnx", output="probabilities")["test_auc"] > 0.7


def test_file_that_is_no_model_is_refused(life: ModelLife) -> None:
    (life.project / "late.onnx").write_text("nothing")
    with pytest.raises(MlopsError, match="is no ONNX model"):
        import_model(life, "late.onnx")
    (life.project / "late.skops").write_text("nothing")
    with pytest.raises(MlopsError, match="is no skops file"):
        import_model(life, "late.skops")
