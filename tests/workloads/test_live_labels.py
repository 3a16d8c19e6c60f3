"""What late labels say of a model: in windows, by slice, with intervals; and what is said before they come."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from mlops.address import Address
from mlops.contracts.codec import decode
from mlops.contracts.watcher import BaselineFile, DriftTests, WatcherConfig
from mlops.engine.resource import Record
from mlops.metrics.task import Task
from mlops.monitoring.findings import open_findings, watched_status
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.concept import LabelledStep, worse_since
from mlops.workloads.monitoring.estimate import estimated_metric
from mlops.workloads.monitoring.pairs import dispersion_of, misses_of
from mlops.workloads.monitoring.watcher import Watcher
from tests.workloads.test_baseline import COLUMNS, START, config_of

RATE = 0.01
WINDOW = 600


def labelled(chance: random.Random, temp: float, *, odds: float = 0.0, flipped: bool = False) -> bool:
    is_late = chance.random() < 1 / (1 + math.exp(-2 * temp - odds))
    return is_late != flipped


def rows(seed: int, count: int, **how: Any) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        row = {"temp": chance.gauss(0, 1), "carrier": chance.choice("ABC"), "weekday": chance.randint(1, 7)}
        made.append({**row, "late": labelled(chance, row["temp"], **how)})
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> WatcherConfig:
    """A data set with labels, a model that answers with the sigmoid of `temp`, and its baseline."""
    folder = tmp_path_factory.mktemp("live")
    config = config_of(folder)
    for split, seed in (("train", 1), ("val", 2), ("test", 3)):
        made = rows(seed, 5000)
        columns = {name: [row[name] for row in made] for name in (*COLUMNS, "late")}
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    test = rows(3, 5000)
    truth = np.array([float(row["late"]) for row in test])
    misses, trials = misses_of(Task.BINARY, truth, np.array([row["temp"] for row in test]), None)
    config = structs.replace(
        config, metrics={"test_auc": 1 - misses / trials}, drift=DriftTests(false_alarms=RATE), slices=("carrier",)
    )
    write_baseline(config)
    return config


class Life:
    """A watcher whose log is written window by window."""

    def __init__(self, config: WatcherConfig, folder: Path) -> None:
        self.config = structs.replace(config, log_dir=str(folder / "log"), out_dir=str(folder / "out"))
        self.folder, self.number = folder, 0
        (folder / "log").mkdir()

    def window(self, *, labels: bool = True, seed: int = 0, **how: Any) -> dict[str, Any]:
        """Write a window of requests with their labels, and return the status after it; each has a watcher of its own."""
        at = START + 10 * self.number
        self.number += 1
        lines = []
        for place, row in enumerate(rows(1000 * seed + self.number, WINDOW, **how)):
            asked = {name: row[name] for name in COLUMNS}
            answer = {"predictions": [{"probability": 1 / (1 + math.exp(-row["temp"])), "late": False}]}
            moment = at + place * 0.01
            lines.append({"t": moment, "v": "v1", "id": f"{self.number}-{place}", "q": asked, "a": answer})
            if labels:
                lines.append({"t": moment, "v": "v1", "f": {"id": f"{self.number}-{place}", "label": row["late"]}})
        path = self.folder / f"log/v1-1-{int(at * 1e9)}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert Watcher(self.config).tick(at + 13)
        status: dict[str, Any] = json.loads((self.folder / "out/status.json").read_text())
        return status

    def kinds(self) -> list[str]:
        return [finding["kind"] for finding in open_findings(self.folder / "out", "b1")]

    def text(self) -> str:
        record = Record(address=Address("monitor", "m"), inputs={}, outputs={"digest": "b1"})
        status = watched_status(self.folder / "out", record)
        return " ".join([status.text, *status.attention])


def test_reference_is_of_rows_that_the_model_did_not_learn_from(project: WatcherConfig) -> None:
    written = decode(BaselineFile, (Path(project.baseline_dir) / "baseline.json").read_bytes())
    reference = written.reference
    assert reference is not None
    assert 1 - reference.misses / reference.trials == pytest.approx(0.86, abs=0.03)
    assert reference.bins is not None
    assert sum(reference.bins.counts) == 5000
    assert sum(reference.right) == sum(row["late"] for row in rows(2, 5000))
    assert reference.labels is not None


def test_estimate_stands_in_the_status_until_labels_come(project: WatcherConfig, tmp_path: Path) -> None:
    life = Life(project, tmp_path)
    status = life.window(labels=False)
    value, low, high = status["estimated"]["auc"]
    assert low < value < high
    assert value == pytest.approx(0.86, abs=0.04)
    assert "estimated auc 0.8" in life.text()
    assert "0 labels yet" in life.text()
    measured = life.window()
    assert measured["live"]["rows"] == WINDOW
    low, high = measured["intervals"]["auc"]
    assert low < measured["live"]["auc"] < high
    assert "estimated" not in life.text()
    assert f"({WINDOW} labelled rows)" in life.text()


def test_labelled_rows_are_in_one_window_each_and_in_their_slice(project: WatcherConfig, tmp_path: Path) -> None:
    life = Life(project, tmp_path)
    for _ in range(3):
        status = life.window()
    assert [window["rows"] for window in status["live_windows"]] == [WINDOW] * 3
    assert all(window["intervals"]["auc"] for window in status["live_windows"])
    assert {*status["live_slices"]} == {"carrier=A", "carrier=B", "carrier=C"}
    assert sum(window["rows"] for window in status["live_slices"].values()) == 3 * WINDOW
    (tmp_path / "out/status.json").unlink()  # as a watcher that was killed: all windows are read again
    for number in range(3):
        Watcher(life.config).tick(START + 10 * number + 13)
    again = json.loads((tmp_path / "out/status.json").read_text())
    assert again["live_windows"] == status["live_windows"]
    assert again["live"] == status["live"]


def test_flip_of_the_labels_is_found_in_its_first_window_and_closes(project: WatcherConfig, tmp_path: Path) -> None:
    life = Life(project, tmp_path)
    for _ in range(4):
        life.window()
        assert life.kinds() == []
    life.window(flipped=True)
    assert life.kinds() == ["concept"]
    (finding,) = open_findings(tmp_path / "out", "b1")
    assert finding["columns"][0]["statistic"] < 0.3  # of the labels since the change, not of all
    for _ in range(4):
        life.window()
    assert life.kinds() == []


def test_other_labels_than_those_of_training_are_found(project: WatcherConfig, tmp_path: Path) -> None:
    life = Life(project, tmp_path)
    for _ in range(3):
        life.window()
    assert life.kinds() == []
    life.window(odds=2.0)
    assert "labels" in life.kinds()
    assert "(label)" in life.text()


def test_model_that_has_not_changed_is_rarely_called_worse() -> None:
    """At each look, a look after every 200 labels; the fixed rule of 0.05 said so in 14 % of them."""
    chance = np.random.default_rng(5)
    alarms = looks = 0
    for _ in range(40):
        steps: list[LabelledStep] = []
        for _ in range(40):
            steps.append(LabelledStep(200, float(chance.binomial(40, 0.31)), 40))
            looks += 1
            if worse_since(steps, (310.0, 1000.0), RATE) is not None:
                alarms += 1
                steps = []
    assert alarms / looks <= RATE


def test_misses_of_days_that_differ_count_for_less() -> None:
    chance = np.random.default_rng(7)
    alike = [(float(chance.binomial(40, 0.3)), 40.0) for _ in range(320)]
    assert dispersion_of(alike) < 1.6
    shares = np.repeat(np.clip(chance.normal(0.3, 0.1, 20), 0.05, 0.9), 16)
    assert dispersion_of([(float(chance.binomial(40, share)), 40.0) for share in shares]) > 10
    assert dispersion_of(alike[:5]) == 1


def test_pairs_are_of_one_time() -> None:
    """Of two halves, one with high scores and more of the second class, the order across halves says nothing of the model."""
    truth = np.array([0, 1] * 100 + [1] * 200, dtype=float)
    scores = np.array([0.3, 0.2] * 100 + [0.9] * 200)
    assert misses_of(Task.BINARY, truth, scores, None) == (100.0, 100.0)


def test_worse_model_is_found_however_long_it_was_good() -> None:
    chance = np.random.default_rng(6)
    steps = [LabelledStep(1000, float(chance.binomial(200, 0.31)), 200) for _ in range(150)]
    assert worse_since(steps, (1550.0, 5000.0), RATE) is None
    looks = []
    while len(looks) < 3 and (not looks or looks[-1] is None):
        steps.append(LabelledStep(1000, float(chance.binomial(200, 0.5)), 200))
        looks.append(worse_since(steps, (1550.0, 5000.0), RATE))
    assert looks[-1] is not None
    assert looks[-1] >= 148


def test_estimate_follows_rows_that_are_harder() -> None:
    """Of rows whose scores are all near the middle, the model is less often right, and needs no label to say so."""
    seen, right = [100] * 10, [5, 10, 20, 30, 45, 55, 70, 80, 90, 95]
    usual = estimated_metric(Task.BINARY, np.array([50] * 10), right, seen)
    harder = estimated_metric(Task.BINARY, np.array([0, 0, 0, 0, 250, 250, 0, 0, 0, 0]), right, seen)
    assert usual is not None
    assert harder is not None
    assert usual[0] > 0.8
    assert harder[0] < 0.6
    assert estimated_metric(Task.REGRESSION, np.array([50] * 10), right, seen) is None
