"""The graph against a second implementation in NumPy, and every task from rows to one file."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from mlops.config.schema.model import Model
from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.fit import Encoder, fit
from mlops.workloads.features.graph import Graph, build_graph
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.families.family import family_named
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model


def test_two_generations_of_processors_compute_with_the_same_kernels() -> None:
    code = "import mlops.workloads, torch; print(torch.backends.cpu.get_cpu_capability())"
    env = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() != "AVX512"


def oracle(encoder: Encoder, values: Any) -> list[list[float]]:
    """What one column becomes, row by row, in plain Python."""
    out = []
    for value in values[:, 0].tolist():
        if encoder.kind == "categorical":
            out.append(_one_hot(encoder, value))
            continue
        missing = math.isnan(value)
        number = value if missing or not encoder.clip else min(max(value, encoder.clip[0]), encoder.clip[1])
        if encoder.kind == "cyclic":
            angle = 2 * math.pi * number / encoder.period
            out.append([0.0, 0.0] if missing else [math.sin(angle), math.cos(angle)])
        elif encoder.kind == "passthrough":
            out.append([0.0 if missing else number])
        else:
            filled = encoder.fill if missing else number
            row = [(float(filled or 0.0) - encoder.center) / encoder.scale]
            out.append([*row, float(missing)] if encoder.flag else row)
    return out


def _one_hot(encoder: Encoder, value: Any) -> list[float]:
    renamed = dict(getattr(encoder, "renames", ())).get(value, value)
    if renamed in encoder.rare:
        return [*[0.0] * len(encoder.categories), 1.0]
    same = [renamed == known or (renamed != renamed and known != known) for known in encoder.categories]
    missing = [known == "" or known != known for known in encoder.categories]
    return [*map(float, same if any(same) else missing), *[0.0] * bool(encoder.rare)]


def test_graph_does_what_a_second_implementation_does(project: Path) -> None:
    prepare("rows")
    schema = json.loads((project / "data/rows/schema.json").read_text())
    types = feature_types(schema)
    encoders = fit(schema, read_columns(project / "data/rows/train.parquet", types))
    columns = {name: values.copy() for name, values in read_columns(project / "data/rows/test.parquet", types).items()}
    columns["color"][0], columns["color"][1], columns["color"][2] = "violet", "", "crimson"
    columns["size"][0] = 99.0
    columns["hour"][3] = np.nan
    got = Graph(build_graph(encoders).SerializeToString())(columns)
    expected = np.concatenate([np.array(oracle(e, columns[e.column])) for e in encoders], axis=1)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 1e-6


def test_columns_may_have_the_names_that_tensors_of_the_graph_have(project: Path) -> None:
    features = {"numeric": ["f0", "c0"], "categorical": ["f1"]}
    say_dataset(
        project, sql="SELECT number AS f0, hour AS c0, color AS f1, late FROM rows", features=features, clean={}
    )
    prepare("rows")
    say_model(project, "m", task="binary", architecture={"name": "linear"}, trainer={"max_epochs": 1})
    train("m")
    export("m")


def test_features_see_the_train_split_alone(project: Path) -> None:
    prepare("rows")
    schema = json.loads((project / "data/rows/schema.json").read_text())
    train_columns = read_columns(project / "data/rows/train.parquet", feature_types(schema))
    first = build_graph(fit(schema, train_columns)).SerializeToString(deterministic=True)
    (project / "data/rows/test.parquet").unlink()
    assert build_graph(fit(schema, train_columns)).SerializeToString(deterministic=True) == first


@pytest.mark.parametrize(
    ("task", "label", "metric", "least"),
    [("binary", "late", "test_auc", 0.85), ("multiclass", "grade", "test_accuracy", 0.6), ("regression", "delay", "test_r2", 0.6)],
)  # fmt: skip
def test_each_task_ends_as_one_file_that_predicts_raw_rows(
    project: Path, task: str, label: str, metric: str, least: float
) -> None:
    say_dataset(project, label=label)
    say_model(project, "m", task=task, optimizer={"lr": 1e-2})
    prepare("rows")
    for stage in (train, evaluate, export):
        stage("m")
    metrics = json.loads((project / "metrics/model/m.json").read_text())
    assert metrics[metric] > least
    assert set(metrics["slices"]["color"]) == {"red", "green", "blue", "crimson", "None"}
    contract = json.loads((project / "models/m/export/contract.json").read_text())
    golden = json.loads((project / "models/m/export/golden.json").read_text())
    assert any(None in row.values() for row in golden["rows"])
    session = onnxruntime.InferenceSession(
        str(project / "models/m/export/model.onnx"), providers=["CPUExecutionProvider"]
    )
    assert [given.name for given in session.get_inputs()] == [column["name"] for column in contract["columns"]]
    first = {path: path.read_bytes() for path in (project / "models/m").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("m")
    assert {path: path.read_bytes() for path in first} == first


def test_target_is_built_with_the_width_of_the_data(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "nets.py").write_text(
        "from torch import nn\n\ndef small(width, outputs, hidden):\n"
        "    return nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, outputs))\n"
    )
    monkeypatch.syspath_prepend(project)
    say_model(project, "m", task="binary", architecture={"name": "custom", "_target_": "nets.small", "hidden": 8})
    prepare("rows")
    train("m")
    export("m")
    say_model(project, "m", task="binary", architecture={"name": "custom", "_target_": "nets.small", "width_of_it": 8})
    with pytest.raises(MlopsError, match="target cannot be built"):
        train("m")


def test_label_that_does_not_fit_the_task_is_refused(project: Path) -> None:
    say_dataset(project, label="grade")
    say_model(project, "m", task="binary")
    prepare("rows")
    with pytest.raises(MlopsError, match="needs two classes"):
        train("m")


def test_category_that_training_never_had_is_predicted_as_a_missing_one(project: Path) -> None:
    (project / "rows.csv").write_text((project / "rows.csv").read_text().replace(",3,", ",,"))
    say_dataset(project)
    prepare("rows")
    schema = json.loads((project / "data/rows/schema.json").read_text())
    types = feature_types(schema)
    raw = read_columns(project / "data/rows/train.parquet", types)
    graph = Graph(build_graph(fit(schema, raw)).SerializeToString())
    few = {name: values[:2].copy() for name, values in raw.items()}
    few["color"][:, 0], few["size"][:, 0] = ["violet", ""], [3.0, np.nan]
    for name in ("number", "hour", "flag"):
        few[name][1] = few[name][0]
    unseen, missing = graph(few)
    assert unseen.tolist() == missing.tolist()


@pytest.mark.parametrize("most", [1, 2])
def test_rare_categories_share_a_slot_that_unseen_ones_do_not_have(project: Path, most: int) -> None:
    from mlops.workloads.features.encoder import RawColumn
    from mlops.workloads.features.transforms.categorical import CategoricalTransform

    texts = np.array(["a", "a", "a", "", "", "b", "c"], dtype=object)[:, None]
    numbers = np.array([1.0, 1.0, 1.0, np.nan, np.nan, 2.0, 3.0])[:, None]
    for name, kind, values in (("t", "string", texts), ("n", "float", numbers)):
        column = RawColumn(name, kind, values[:, 0], {}, None, {"max_categories": most})
        encoder = CategoricalTransform().fit(column)
        last = np.array(["z"], dtype=object) if kind == "string" else np.array([9.0])
        got = Graph(build_graph([encoder]).SerializeToString())({name: np.concatenate([values, last[None]])})
        assert got[-1].tolist() == got[3].tolist()  # unseen as missing
        assert got[5].tolist() == got[6].tolist() == [0.0] * most + [1.0]


@pytest.mark.parametrize(("deterministic", "kernels"), [(True, None), ("everywhere", "COMPATIBLE")])
def test_bits_wanted_everywhere_come_from_kernels_that_are_everywhere(
    monkeypatch: pytest.MonkeyPatch, deterministic: bool | str, kernels: str | None
) -> None:
    monkeypatch.setenv("MKL_CBWR", "")
    monkeypatch.delenv("MKL_CBWR")
    fields = {"dataset": "d", "task": "binary", "architecture": {"name": "linear"}}
    spec = Model.model_validate({**fields, "trainer": {"deterministic": deterministic}})
    family_named("linear").begin(spec, "m")
    assert os.environ.get("MKL_CBWR") == kernels


def test_convolutions_do_not_depend_on_the_width_of_the_processor() -> None:
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
