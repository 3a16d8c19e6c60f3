"""Preparing data: what is written, what stops it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.config.schema.dataset import Dataset
from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.data.splits.split import split_rows
from mlops.workloads.data.splits.time import back
from tests.workloads.conftest import say_dataset


def test_prepare_puts_each_row_into_one_split_and_repeats_its_bytes(project: Path) -> None:
    prepare("rows")
    first = {path.name: path.read_bytes() for path in (project / "data/rows").iterdir()}
    counts = [pq.read_table(project / f"data/rows/{part}.parquet").num_rows for part in ("train", "val", "test")]
    assert sum(counts) == 900
    assert [round(count / 900, 2) for count in counts] == [0.7, 0.1, 0.2]
    prepare("rows")
    assert {path.name: path.read_bytes() for path in (project / "data/rows").iterdir()} == first


def test_prepare_writes_the_columns_that_patterns_mean(project: Path) -> None:
    say_dataset(project, features={"numeric": "num*", "categorical": "*", "except": ["c*_2"]}, clean={})
    with pytest.raises(MlopsError, match=r"`c\*_2` of `features.except` fits no column"):
        prepare("rows")
    say_dataset(project, features={"numeric": "num*", "categorical": "*"}, clean={})
    prepare("rows")
    features = json.loads((project / "data/rows/schema.json").read_text())["features"]
    assert features["numeric"] == ["number"]
    assert "color" in features["categorical"]
    assert "late" not in features["categorical"]


def test_profile_describes_the_train_split(project: Path) -> None:
    prepare("rows")
    profile = json.loads((project / "data/rows/profile.json").read_text())
    assert profile["rows"]["result"] == 900
    assert set(dict(profile["columns"]["color"]["most"])) == {"red", "green", "blue", "crimson"}
    assert profile["columns"]["number"]["missing"] > 0


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"expect": [{"column": "number", "between": [0, 1]}]}, "`number` is not between 0 and 1 in"),
        ({"expect": [{"column": "color", "not_null": True}]}, "`color` is missing in"),
        ({"expect": [{"rows": {"min": 1000}}]}, "There are 900 rows, and at least 1,000"),
        ({"expect": [{"column": "shape", "not_null": True}]}, "`shape` is checked"),
        ({"expect": [{"column": "color", "among": ["red", "green", "blue"]}]}, "'crimson'"),
        ({"expect": [{"column": "color", "matches": "[a-c].*"}]}, "a match of"),
        ({"sql": "SELECT nothing FROM rows"}, "DuckDB says"),
        ({"sql": "SELECT * FROM rows WHERE number > 100"}, "no row is left"),
        ({"sql": "SELECT * FROM rows WHERE late"}, "nothing can be learned"),
        ({"label": "early"}, "`early` of `label`"),
        ({"features": {"numeric": ["color"]}}, "`color` is text"),
        ({"split": {"by": "time", "column": "number", "val": "1 day", "test": "1 day"}}, "is no time"),
    ],
)
def test_prepare_stops_with_a_sentence_where_something_does_not_hold(
    project: Path, changes: dict[str, Any], sign: str
) -> None:
    say_dataset(project, **changes)
    with pytest.raises(MlopsError) as raised:
        prepare("rows")
    assert sign in " ".join(f"{p.summary} {p.detail}" for p in raised.value.problems)
    assert not (project / "data/rows").exists()


def test_prepare_refuses_a_source_that_moved_since_the_plan(project: Path) -> None:
    with (project / "rows.csv").open("a") as file:
        file.write("1,red,1,1,true,true,a,1\n")
    with pytest.raises(MlopsError, match="another content than params/ pins"):
        prepare("rows")


@pytest.mark.parametrize(
    ("day", "period", "expected"),
    [("2014-01-01", "3 months", "2013-10-01"), ("2013-10-01", "1 month", "2013-09-01"), ("2012-03-31", "1 month", "2012-02-29"),
     ("2013-03-10", "2 weeks", "2013-02-24"), ("2013-03-10", "1 year", "2012-03-10")],
)  # fmt: skip
def test_back_counts_periods_by_the_calendar(day: str, period: str, expected: str) -> None:
    assert back(dt.date.fromisoformat(day), period).isoformat() == expected


def test_split_by_time_leaves_no_gap_and_no_overlap() -> None:
    days = [dt.date(2013, 1, 1) + dt.timedelta(days=n) for n in range(365)]
    table = pa.table({"date": pa.array(days, pa.date32()), "x": list(range(365)), "y": [n % 2 for n in range(365)]})
    inputs = {"sources": {"t": {"uri": "t.csv"}}, "label": "y", "features": {"numeric": ["x"]},
            "split": {"by": "time", "column": "date", "val": "1 month", "test": "3 months"}}  # fmt: skip
    parts = split_rows(table, Dataset.model_validate(inputs))
    ends = {
        name: (rows["date"][0].as_py().isoformat(), rows["date"][-1].as_py().isoformat())
        for name, rows in parts.items()
    }
    assert ends == {
        "train": ("2013-01-01", "2013-08-31"), "val": ("2013-09-01", "2013-09-30"), "test": ("2013-10-01", "2013-12-31")
    }  # fmt: skip


def test_stratified_split_keeps_the_proportions() -> None:
    table = pa.table({"x": list(range(1000)), "y": [n < 100 for n in range(1000)]})
    inputs = {"sources": {"t": {"uri": "t.csv"}}, "label": "y", "features": {"numeric": ["x"]},
            "split": {"by": "random", "val": "10%", "test": "20%", "stratify": True}}  # fmt: skip
    parts = split_rows(table, Dataset.model_validate(inputs))
    assert {name: sum(rows["y"].to_pylist()) for name, rows in parts.items()} == {"train": 70, "val": 10, "test": 20}
