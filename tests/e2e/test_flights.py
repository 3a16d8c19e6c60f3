"""The reference project on real data: what it reaches, that one file holds it all, and that December is noticed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import family_named
from tests.e2e.conftest import KEY, Workplace


def rows_of(place: Workplace, split: str, count: int, since: str | None = None) -> list[dict[str, Any]]:
    """Rows as clients would send them, of all the split's time and in no order."""
    folder = place.root / "data/flights"
    schema = json.loads((folder / "schema.json").read_text())
    table = pq.read_table(folder / f"{split}.parquet")
    if since:
        table = table.filter(pc.greater_equal(table["date"].cast("string"), since))
    chosen = np.random.default_rng(11).choice(table.num_rows, count, replace=False)
    return table.take(chosen).select(list(feature_types(schema))).to_pylist()


def send(place: Workplace, rows: list[dict[str, Any]]) -> None:
    url = place.status()["endpoint.delay"]["url"]
    with httpx.Client(headers={"x-api-key": KEY}) as client:
        for start in range(0, len(rows), 100):
            assert client.post(f"{url}/predict", json={"rows": rows[start : start + 100]}).status_code == 200


def until_windows(place: Workplace, count: int, deadline: float = 60) -> dict[str, Any]:
    """The monitor's status once it has judged `count` windows."""
    path = place.root / ".mlops/run/dev/monitors/delay/status.json"
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        try:
            told: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            told = {"windows": 0}
        if told["windows"] >= count:
            return told
        time.sleep(0.2)
    raise AssertionError(f"no {count} windows within {deadline} s: {told}")


@pytest.fixture(scope="module")
def watched(flights: Workplace) -> Workplace:
    """The same, with short windows."""
    flights.edit("conf/env/dev.yaml", "window: 1m", "window: 3s")
    flights.mlops("apply", "--yes")
    return flights


def test_the_model_reaches_what_was_promised(flights: Workplace) -> None:
    shown = json.loads(flights.run("dvc", "metrics", "show", "--json").stdout)
    assert shown[""]["data"]["metrics/model/delay.json"]["data"]["test_auc"] >= 0.684


def test_without_changes_the_plan_is_empty(flights: Workplace) -> None:
    flights.mlops("plan", "--detailed-exitcode", code=0)
    assert json.loads(flights.run("dvc", "status", "--json").stdout) == {}


def test_one_file_predicts_raw_rows_as_training_does(flights: Workplace) -> None:
    folder = flights.root / "models/delay"
    schema = json.loads((flights.root / "data/flights/schema.json").read_text())
    columns = {
        k: v[:5000].copy()
        for k, v in read_columns(flights.root / "data/flights/test.parquet", feature_types(schema)).items()
    }
    columns["carrier"][::7] = "ZZ"
    columns["origin"][::11] = ""
    columns["temp"][::5] = np.nan
    columns["hour"][::13] = np.nan
    columns["weekday"][::17] = 9
    description = Description.read(folder / "train")
    fitted = family_named(description.architecture["name"]).load(folder / "train", description)
    features = Graph((folder / "train/features.onnx").read_bytes())(columns)
    expected = fitted.predict(features)
    session = onnxruntime.InferenceSession(str(folder / "export/model.onnx"), providers=["CPUExecutionProvider"])
    assert np.abs(session.run(None, columns)[0] - expected).max() < 1e-4


def test_without_a_key_nobody_is_answered(flights: Workplace) -> None:
    url = flights.status()["endpoint.delay"]["url"]
    assert httpx.post(f"{url}/predict", json={"carrier": "UA"}).status_code == 401
    assert KEY not in "".join(p.read_text(errors="replace") for p in (flights.root / "params").rglob("*.json"))
    assert KEY.encode() not in (flights.root / ".mlops/state.db").read_bytes()


def test_invoke_sends_real_rows(flights: Workplace) -> None:
    answer = json.loads(flights.mlops("invoke", "endpoint.delay", "--rows", "docs/flights.json", "--json").stdout)
    assert [0 < p["probability"] < 1 for p in answer["predictions"]] == [True, True, True]


def test_rows_like_those_it_learned_from_are_no_drift_and_december_is(watched: Workplace) -> None:
    before = until_windows(watched, 0)["windows"]
    send(watched, rows_of(watched, "train", 3000))
    seen = until_windows(watched, before + 1)
    assert "no finding" in watched.status()["monitor.delay"]["text"]
    send(watched, rows_of(watched, "test", 3000, since="2013-12-01"))
    until_windows(watched, seen["windows"] + 1)
    status = watched.status()["monitor.delay"]
    assert status["state"] == "changed"
    assert "temp (KS" in " ".join(status["attention"])
    plan = watched.plan()
    assert plan["changes"] == []
    attention = next(item for item in plan["attention"] if item["address"] == "monitor.delay")
    assert "drift" in attention["summary"]
    assert any("dataset.flights.split" in command for command in attention["commands"])
    patch = watched.root / ".mlops/proposals/monitor.delay.patch"
    watched.run("git", "apply", "--check", str(patch))
    watched.mlops("ack", "monitor.delay", "--reason", "it is winter")
    assert watched.plan()["attention"] == []
    assert "no finding" in watched.status()["monitor.delay"]["text"]


def test_no_path_of_this_machine_stands_in_what_is_shared(flights: Workplace) -> None:
    shared = [flights.root / "dvc.lock", *(flights.root / "params").rglob("*"), *(flights.root / "models").rglob("*")]
    files = [path for path in shared if path.is_file()]
    assert files
    assert not [path for path in files if str(flights.root).encode() in Path(path).read_bytes()]
