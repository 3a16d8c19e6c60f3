"""The baseline that is written from training rows and a model, and the watcher that reads it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper

from mlops.contracts.codec import convert, decode
from mlops.contracts.watcher import BaselineFile, WatcherConfig
from mlops.monitoring.findings import is_newer, lines_of, open_findings
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.watcher import Watcher

COLUMNS = {"temp": "float", "carrier": "string", "weekday": "int"}
START = 1_700_000_000.0


def rows(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {"temp": chance.gauss(0, 1), "carrier": chance.choice("ABC"), "weekday": chance.randint(1, 7)}
        for _ in range(count)
    ]


def config_of(tmp_path: Path) -> WatcherConfig:
    """Write a data set and a model that answers with the sigmoid of `temp`."""
    made = rows(1, 5000)
    columns = {name: [row[name] for row in made] for name in COLUMNS}
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    features = {"categorical": ["carrier", "weekday"], "numeric": ["temp"]}
    listed = [{"name": name, "type": kind, "nullable": True} for name, kind in COLUMNS.items()]
    (tmp_path / "schema.json").write_text(json.dumps({"columns": listed, "features": features}))
    contract = {
        "task": "binary", "label": "late", "classes": [False, True], "columns": listed, "outputs": [{"name": "probability"}],
    }  # fmt: skip
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    types = {"string": TensorProto.STRING}
    inputs = [
        helper.make_tensor_value_info(name, types.get(kind, TensorProto.DOUBLE), [None, 1]) for name, kind in COLUMNS.items()
    ]  # fmt: skip
    output = helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Cast", ["temp"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Squeeze", ["cast", "axes"], ["flat"]),
        helper.make_node("Sigmoid", ["flat"], ["probability"]),
    ]
    graph = helper.make_graph(nodes, "model", inputs, [output], [axes])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "model.onnx"
    )
    return convert(WatcherConfig, {
        "monitor": "monitor.m", "log_dir": str(tmp_path / "log"), "baseline_dir": str(tmp_path / "baseline"),
        "out_dir": str(tmp_path / "out"), "window": 10, "min_rows": 200, "drift": {}, "on_finding": "propose",
        "contract": str(tmp_path / "contract.json"), "schema": str(tmp_path / "schema.json"), "profile": "",
        "baseline_digest": "b1", "metrics": {},
    })  # fmt: skip


def write_log(tmp_path: Path, at: float, asked: list[dict[str, Any]]) -> None:
    folder = tmp_path / "log"
    folder.mkdir(exist_ok=True)
    lines = []
    for number, row in enumerate(asked):
        answer = {"predictions": [{"probability": 1 / (1 + 2.718281828 ** -row["temp"]), "late": False}]}
        lines.append(json.dumps({"t": at + number * 0.001, "v": "v1", "id": f"{at}-{number}", "q": row, "a": answer}))
    (folder / f"v1-1-{int(at * 1e9)}.jsonl").write_text("\n".join(lines) + "\n")


def test_baseline_holds_what_training_held_in_each_column(tmp_path: Path) -> None:
    write_baseline(config_of(tmp_path))
    written = decode(BaselineFile, (tmp_path / "baseline/baseline.json").read_bytes())
    assert written.columns is not None
    assert written.columns["weekday"].values == ("1", "2", "3", "4", "5", "6", "7")
    assert written.columns["carrier"].values == ("A", "B", "C")
    assert (written.columns["temp"].known, written.columns["temp"].values) == (5000, None)
    assert abs((written.columns["(prediction)"].mean or 0) - 0.5) < 0.02


def test_watcher_finds_a_new_category_and_names_it(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    asked = rows(2, 1000)
    write_log(tmp_path, START, [row | {"weekday": float(row["weekday"])} for row in asked])
    write_log(
        tmp_path,
        START + 10,
        [row | ({"carrier": "ZZ"} if number % 33 == 0 else {}) for number, row in enumerate(asked)],
    )
    watching = Watcher(config)
    assert watching.tick(START + 13)
    assert open_findings(tmp_path / "out", "b1") == []
    assert watching.tick(START + 23)
    (finding,) = open_findings(tmp_path / "out", "b1")
    assert finding["kind"] == "quality"
    assert lines_of(finding) == ["1 of 4 columns moved, most: carrier (never seen 0.03: ZZ); 1,000 rows"]


def test_baseline_before_this_version_is_compared_by_distributions_alone(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    path = tmp_path / "baseline/baseline.json"
    written = json.loads(path.read_text())
    del written["columns"], written["calibration"]
    path.write_text(json.dumps(written))
    asked = [row | ({"carrier": "ZZ"} if number % 33 == 0 else {}) for number, row in enumerate(rows(2, 1000))]
    write_log(tmp_path, START, asked)
    write_log(tmp_path, START + 10, [row | {"temp": row["temp"] + 1} for row in asked])
    watching = Watcher(config)
    assert watching.tick(START + 13)
    assert open_findings(tmp_path / "out", "b1") == []
    assert watching.tick(START + 23)
    (finding,) = open_findings(tmp_path / "out", "b1")
    assert finding["kind"] == "drift"
    assert {column["name"] for column in finding["columns"]} == {"temp", "(prediction)"}


def test_later_state_of_a_finding_is_newer() -> None:
    first, extended, cleaner = {"windows": 1, "clean": 2}, {"windows": 2}, {"windows": 2, "clean": 3}
    assert is_newer(extended, first)
    assert is_newer(cleaner, extended)
    assert not is_newer(first, extended)
    assert not is_newer(extended, extended)
