"""Late labels that a table or a file of the project holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops.contracts.watcher import LabelSource
from mlops.workloads.monitoring.label_table import LabelTable
from mlops.workloads.monitoring.labels import Labels

BINARY = {"task": "binary", "label": "late", "classes": [False, True]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table_of(labels: Labels, folder: Path, uri: str, **fields: Any) -> LabelTable:
    return LabelTable(
        LabelSource(source={"uri": uri}, **{"id": "request", "value": "outcome", **fields}), labels, folder
    )


def pairs(labels: Labels) -> list[tuple[Any, Any]]:
    labels.store.commit()
    return labels.store.recent(100)


def test_labels_of_a_file_meet_their_predictions_once(project: Path) -> None:
    labels = Labels(BINARY, project)
    for number in range(4):
        labels.predicted(f"r{number}", [number / 10], at=1)
    lines = ["request,outcome", "r0,true", "r1,false", "r1,false", "r2,", "gone,true"]
    (project / "labels.csv").write_text("\n".join(lines) + "\n")
    table = table_of(labels, project, "labels.csv")
    for at in (100, 1000):
        table.read(at)
        assert table.problem is None
        assert pairs(labels) == [(0.0, True), (0.1, False)]
        counts = labels.settle(at)
        assert (counts.joined, counts.waiting, counts.refused) == (2, 0, 0)
    (project / "labels.csv").write_text("\n".join([*lines, "r3,true"]) + "\n")
    table.read(1030)
    assert len(pairs(labels)) == 2, "it is read once a minute at most"
    table.read(1060)
    assert pairs(labels)[-1] == (0.3, True)


def test_labels_of_rows_are_put_together_by_their_number(project: Path) -> None:
    labels = Labels({"task": "regression", "classes": []}, project)
    labels.predicted("a", [1, 2, 3], at=1)
    duckdb.sql(
        "COPY (SELECT * FROM (VALUES ('a', 2, 30.5), ('a', 0, 10.0)) AS t (request, place, outcome)) TO 'labels.parquet'"
    )
    table_of(labels, project, "labels.parquet", row="place").read(100)
    assert pairs(labels) == [(1, 10.0), (3, 30.5)]


def test_label_of_a_file_that_does_not_fit_is_set_aside_once(project: Path) -> None:
    labels = Labels(BINARY, project)
    for name in ("a", "b", "c"):
        labels.predicted(name, [0.5], at=1)
    (project / "labels.csv").write_text("request,outcome\na,abc\nb,true\nb,false\nc,true\n")
    table = table_of(labels, project, "labels.csv")
    for at in (100, 200, 300):
        table.read(at)
    counts = labels.settle(301)
    assert (counts.joined, counts.refused) == (1, 2)
    with_reasons = dict(labels.store._database.execute("SELECT id, reason FROM refused").fetchall())
    assert with_reasons == {
        "a": 'the label "abc" is none of the classes false, true',
        "b": "the source of labels says two different labels of one row",
    }


@pytest.mark.parametrize(
    ("uri", "fields", "says"),
    [
        ("nowhere.csv", {}, "nowhere.csv"),
        (
            "labels.csv",
            {"value": "result"},
            "`labels.value: result` is no column of `labels.csv`, which has: request, outcome",
        ),
    ],
)
def test_source_that_cannot_be_read_is_said_and_stops_nothing(
    project: Path, uri: str, fields: dict[str, Any], says: str
) -> None:
    labels = Labels(BINARY, project)
    labels.predicted("a", [0.5], at=1)
    (project / "labels.csv").write_text("request,outcome\na,true\n")
    table = table_of(labels, project, uri, **fields)
    table.read(100)
    assert table.problem is not None
    assert says in table.problem
    assert pairs(labels) == []


def test_monitor_says_its_source_of_labels() -> None:
    from pydantic import ValidationError

    from mlops.config.schema.monitor import LabelPolicy

    said = LabelPolicy.model_validate({"source": {"uri": "labels.csv"}, "id": "request", "value": "outcome"})
    assert json.loads(said.model_dump_json(exclude_defaults=True))["source"] == {"uri": "labels.csv"}
    with pytest.raises(ValidationError, match="say where labels come from"):
        LabelPolicy.model_validate({"id": "request"})
    with pytest.raises(ValidationError, match="not from a resource of the project"):
        LabelPolicy.model_validate({"source": {"uri": "dataset://flights"}})
