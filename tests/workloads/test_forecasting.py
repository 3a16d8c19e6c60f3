"""Forecasts of windows of series: made without leakage, learned, measured against the naive ones, served and watched."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from mlops.config.schema.dataset import Dataset
from mlops.errors import MlopsError
from mlops.metrics.table import metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.metrics.measure import compute
from mlops.workloads.metrics.truth import as_measured
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.rescore import rescore
from tests.workloads.conftest import say_dataset
from tests.workloads.vector_project import ModelLife, raw_rows

WINDOW = {"time": "day", "series": ["store"], "past": 14, "ahead": 3, "season": 7, "beside": ["price"]}
FEATURES = {"numeric": ["sales_past_*", "price_past_*"], "categorical": ["store"]}
FIELDS: dict[str, Any] = {
    "sql": None,
    "label": "sales",
    "clean": {},
    "features": FEATURES,
    "window": WINDOW,
    "split": {"by": "time", "column": "day", "val": "4 weeks", "test": "6 weeks"},
}


def write_series(path: Path, days: int = 200, *, twice: bool = False) -> None:
    """A week that repeats itself, at a level that wanders; some prices, and one day of sales, are missing."""
    chance = random.Random(3)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["store", "day", "sales", "price"])
        for store, size in (("north", 20.0), ("south", 50.0)):
            level = size
            for number in range(days):
                day = dt.date(2024, 1, 1) + dt.timedelta(days=number)
                level += chance.gauss(0, 0.5)
                week = [0, 1, 2, 3, 8, 12, -4][number % 7]
                price = "" if chance.random() < 0.1 else f"{chance.uniform(1, 2):.2f}"
                sales = "" if (store, number) == ("north", 50) else f"{level + week + chance.gauss(0, 1):.3f}"
                writer.writerow([store, day, sales, price])
                if twice and number == 40:
                    writer.writerow([store, day, sales, price])


def say(project: Path, **changes: Any) -> None:
    write_series(project / "rows.csv", twice=changes.pop("twice", False))
    fields = {**FIELDS, **changes}
    say_dataset(project, **{name: value for name, value in fields.items() if value is not None})
    path = project / "params/dataset/rows.json"
    section = json.loads(path.read_text())
    for name, value in fields.items():
        if value is None:
            section["prepare"].pop(name, None)
    path.write_text(json.dumps(section))


@pytest.fixture
def life(project: Path) -> ModelLife:
    say(project)
    prepare("rows")
    return ModelLife(project)


def test_forecasting_model_lives_from_series_to_late_labels(life: ModelLife) -> None:
    metrics = life.make(
        task="forecasting", architecture={"name": "temporal", "channels": 16}, optimizer={"lr": 1e-2},
        trainer={"max_epochs": 20, "batch_size": 16}, slices=["store"],
    )  # fmt: skip
    assert metrics["test_mase"] < 1
    assert metrics["baselines"]["trivial"]["test_mase"] == 1.0
    assert metrics["baselines"]["linear"]["test_mase"] > 0
    assert len(metrics["intervals"]["test_mase"]) == 2
    assert {"test_mae", "test_rmse", "test_smape", "val_mase"} <= set(metrics)
    assert set(metrics["slices"]["store"]) == {"north", "south"}
    assert metrics["slices"]["store"]["north"]["mase"] > 0
    horizon = json.loads((life.project / "plots/model/m/horizon.json").read_text())
    assert [point["ahead"] for point in horizon] == [1, 2, 3]
    assert np.mean([point["mae"] for point in horizon]) == pytest.approx(metrics["test_mae"], abs=1e-5)
    contract = life.contract
    assert (contract["label"], contract["classes"]) == ("sales", ["sales_ahead_1", "sales_ahead_2", "sales_ahead_3"])
    assert contract["outputs"] == [{"name": "forecast", "type": "float", "shape": [None, 3]}]
    assert life.golden_difference() < 1e-4
    assert rescore(life.export_folder, "rows")["test_mase"] == pytest.approx(metrics["test_mase"], abs=1e-5)
    columns = [column["name"] for column in contract["columns"]]
    rows = raw_rows(life.project, "train", [*columns, *contract["classes"]], count=220)
    labels = [[row.pop(name) for name in contract["classes"]] for row in rows]
    status = life.watch(rows, labels, metrics=metrics)
    assert status["labels"]["joined"] == 220
    assert status["live"]["mae"] > 0
    assert "mase" not in status["live"]


def test_answer_is_a_number_for_each_step_ahead(life: ModelLife) -> None:
    life.make(task="forecasting", trainer={"max_epochs": 1})
    rows = [{"store": "unheard of", "sales_past_1": 20.0}, {"store": "unheard of"}]
    answers = life.post("/predict", {"rows": rows})["predictions"]
    assert [list(answer) for answer in answers] == [["sales"], ["sales"]]
    assert [len(answer["sales"]) for answer in answers] == [3, 3]
    assert life.feedback({"id": "a", "label": [1.0, 2.0, 3.0]}) == 202


def test_window_is_the_past_of_its_row_and_what_followed(life: ModelLife) -> None:
    with (life.project / "rows.csv").open() as file:
        sales = {(row["store"], row["day"]): float(row["sales"] or "nan") for row in csv.DictReader(file)}
    count = 0
    for split in ("train", "val", "test"):
        for row in pq.read_table(life.project / f"data/rows/{split}.parquet").to_pylist():
            count += 1
            for step in range(1, 15):
                past = sales[row["store"], str(row["day"] - dt.timedelta(days=step - 1))]
                given = row[f"sales_past_{step}"]
                assert given == past or (given is None and past != past)
            for step in range(1, 4):
                assert row[f"sales_ahead_{step}"] == sales[row["store"], str(row["day"] + dt.timedelta(days=step))]
            assert row["day_until"] == row["day"] + dt.timedelta(days=3)
            assert "sales" not in row
    assert count > 300


def test_no_value_that_a_later_split_measures_is_learned(life: ModelLife) -> None:
    parts = {name: pq.read_table(life.project / f"data/rows/{name}.parquet") for name in ("train", "val", "test")}
    first = {name: min(part["day"].to_pylist()) for name, part in parts.items()}
    assert max(parts["train"]["day_until"].to_pylist()) < first["val"]
    assert max(parts["val"]["day_until"].to_pylist()) < first["test"]


def test_naive_forecast_repeats_the_last_season(life: ModelLife) -> None:
    data = PreparedData.open("rows")
    table = data.raw("test")
    naive = data.naive("test")
    for step in (1, 2, 3):
        assert naive[:, step - 1].tolist() == table[f"sales_past_{7 - step + 1}"].to_pylist()


def test_series_with_a_time_twice_is_refused(project: Path) -> None:
    say(project, twice=True)
    with pytest.raises(MlopsError, match=r"two rows of a series \(store\) have one `day`"):
        prepare("rows")


def test_series_that_are_shorter_than_a_window_are_refused(project: Path) -> None:
    say(project, window={**WINDOW, "past": 199, "beside": []}, features={"numeric": ["sales_past_*"]})
    with pytest.raises(MlopsError, match="No series has the 202 rows of one window"):
        prepare("rows")


def test_split_that_is_no_longer_than_the_horizon_is_refused(project: Path) -> None:
    split = {"by": "time", "column": "day", "val": "2 days", "test": "6 weeks"}
    say(project, split=split)
    with pytest.raises(MlopsError, match="Every window of val reaches into a later split"):
        prepare("rows")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"split": {"by": "random"}}, "any other split would measure what was learned; split by `day`"),
        ({"split": {"by": "time", "column": "week", "val": "1 week", "test": "1 week"}}, "split by `day`"),
        ({"label": None}, "windows are made of one column"),
        ({"features": {"numeric": ["sales"]}}, r'say "sales_past_\*"'),
        ({"window": {**WINDOW, "season": 15}}, "the last season is 15 rows, and `past` keeps 14"),
        ({"window": {**WINDOW, "beside": ["store"]}}, "`store` says which series it is"),
        ({"window": {**WINDOW, "past": 0}}, "greater than or equal to 1"),
        ({"window": {**WINDOW, "ahead": 0}}, "greater than or equal to 1"),
    ],
)
def test_window_that_makes_no_sense_is_refused(changes: dict[str, Any], why: str) -> None:
    fields = {"sources": {"rows": {"uri": "rows.csv"}}, **FIELDS, **changes}
    with pytest.raises(ValidationError, match=why):
        Dataset.model_validate(fields)


NAIVE = as_measured(
    Task.FORECASTING, np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"], np.array([[2.0, 2.0], [2.0, 4.0]])
)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mase", 1.0), ("mae", 0.5), ("rmse", 0.5**0.5), ("smape", (0.0 + 2 / 3 + 2 / 7 + 0.0) / 4)],
)
def test_metric_of_forecasts_is_what_it_says(name: str, value: float) -> None:
    predicted = np.array([[1.0, 1.0], [4.0, 4.0]])
    assert compute(metric_named(name), NAIVE, predicted) == pytest.approx(value)


def test_forecast_that_nothing_naive_stands_beside_has_no_mase() -> None:
    assert np.isnan(compute(metric_named("mase"), NAIVE[:, :2], NAIVE[:, :2]))


@pytest.mark.parametrize("label", [1.0, [1.0], [1.0, 2.0, "x"], [[1.0]]])
def test_late_label_that_is_no_whole_forecast_is_set_aside(tmp_path: Path, label: Any) -> None:
    names = ["sales_ahead_1", "sales_ahead_2", "sales_ahead_3"]
    labels = Labels({"task": "forecasting", "label": "sales", "classes": names}, tmp_path)
    labels.predicted("a", [[1.0, 2.0, 3.0]])
    labels.add({"id": "a", "label": label})
    counts = labels.settle(0.0)
    assert counts.refused == 1
    assert "is no list of 3 numbers" in str(counts.reason)
