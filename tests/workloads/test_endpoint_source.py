"""Reading the prediction log of an endpoint, and its feedback, as a source."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.sources.endpoint import EndpointSource
from mlops.errors import MlopsError
from tests.workloads.reading import fingerprint, read

NOON = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC).timestamp()
WINDOW = {"since": "2024-03-01", "until": "2024-03-02"}
LOG = ".mlops/run/dev/local/endpoints/delay/log"


def asked(at: float, name: str, *numbers: float, version: str = "v3") -> dict[str, Any]:
    rows = [{"number": number, "color": "red"} for number in numbers]
    answers = [{"probability": number / 10, "late": number > 5} for number in numbers]
    return {"t": at, "v": version, "id": name, "q": {"rows": rows}, "a": {"predictions": answers, "version": version}}


def labelled(at: float, name: str, label: Any) -> dict[str, Any]:
    return {"t": at, "v": "v3", "f": {"id": name, "label": label}}


def write_log(folder: Path, lines: list[dict[str, Any]], name: str = "v3-1-1709251200000000000.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines) + "{cut off")


LINES = [
    asked(NOON - 86400, "yesterday", 1),
    asked(NOON + 1, "two", 2, 9),
    asked(NOON, "one", 7),
    asked(NOON + 86400, "tomorrow", 1),
    labelled(NOON + 60, "one", False),
    labelled(NOON + 90, "one", True),
    labelled(NOON + 90, "two", [False, None]),
    labelled(NOON + 90, "nobody", True),
]


def test_predictions_of_the_window_are_rows_in_order_of_time(tmp_path: Path) -> None:
    write_log(tmp_path / LOG, LINES)
    columns, rows = read(tmp_path, {"uri": "endpoint://delay/predictions", **WINDOW})
    assert [column.split()[0] for column in columns] == [
        "number", "color", "predicted_probability", "predicted_late", "request_id", "request_row", "request_time",
        "request_version",
    ]  # fmt: skip
    assert "request_time TIMESTAMP" in columns
    assert [(row[0], row[2], row[3], row[4], row[5]) for row in rows] == [
        (7, 0.7, True, "one", 0), (2, 0.2, False, "two", 0), (9, 0.9, True, "two", 1),
    ]  # fmt: skip


def test_feedback_is_the_rows_with_their_last_label(tmp_path: Path) -> None:
    write_log(tmp_path / LOG, LINES)
    source = {
        "uri": "endpoint://delay/feedback",
        **WINDOW,
        "columns": ["number", "label"],
        "types": {"number": "float"},
    }
    assert read(tmp_path, source) == (["number DOUBLE", "label BOOLEAN"], [(7.0, True), (2.0, False)])


def test_late_labels_count_until_the_time_that_is_said(tmp_path: Path) -> None:
    write_log(tmp_path / LOG, [*LINES, labelled(NOON + 2 * 86400, "two", [True, True])])
    source = {"uri": "endpoint://delay/feedback", **WINDOW, "columns": ["number", "label"]}
    assert read(tmp_path, {**source, "labels_until": "2024-03-04"})[1] == [(7, True), (2, True), (9, True)]
    assert len(read(tmp_path, source)[1]) == 2


def test_fingerprint_stays_while_the_log_grows_outside_the_window(tmp_path: Path) -> None:
    write_log(tmp_path / LOG, LINES)
    source = {"uri": "endpoint://delay/predictions", **WINDOW}
    first = fingerprint(tmp_path, source)
    write_log(tmp_path / LOG, [asked(NOON + 90000, "later", 3)], "v4-2-1709341200000000000.jsonl")
    assert fingerprint(tmp_path, source) == first
    write_log(tmp_path / LOG, LINES[:2])
    write_log(tmp_path / LOG, LINES[2:], "v3-9-1709251200000000001.open")
    assert fingerprint(tmp_path, source) == first, "segments and replicas play no part"
    write_log(tmp_path / LOG, LINES[1:2])
    assert fingerprint(tmp_path, {**source, "until": "2024-03-01T12:00:01"}) != first


def test_log_of_another_environment_or_folder_is_read_where_it_is_said(tmp_path: Path) -> None:
    write_log(tmp_path / LOG.replace("/dev/", "/prod/"), LINES[:2])
    write_log(tmp_path / "copied", LINES)
    source = {"uri": "endpoint://delay/predictions", **WINDOW}
    assert len(read(tmp_path, {**source, "environment": "prod"})[1]) == 2
    assert len(read(tmp_path, {**source, "log": "copied"})[1]) == 3


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"uri": "endpoint://other/predictions"}, "no prediction log of the endpoint other"),
        ({"environment": "prod"}, "the environment prod on this machine has no prediction log"),
        ({"since": "2023-01-01", "until": "2023-01-02"}, "holds no predictions from 2023-01-01 until 2023-01-02"),
        ({"until": "2999-01-01"}, "`until` lies in the future"),
    ],
)
def test_log_that_is_not_there_is_said_at_once(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    write_log(tmp_path / LOG, LINES)
    with pytest.raises(MlopsError, match=says):
        fingerprint(tmp_path, {"uri": "endpoint://delay/predictions", **WINDOW, **fields})


def test_column_of_the_requests_with_a_name_of_the_log_is_refused(tmp_path: Path) -> None:
    line = asked(NOON, "one", 1)
    line["q"]["rows"][0]["request_id"] = "mine"
    write_log(tmp_path / LOG, [line])
    with pytest.raises(MlopsError, match="have a column `request_id`"):
        fingerprint(tmp_path, {"uri": "endpoint://delay/predictions", **WINDOW})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"uri": "endpoint://delay"}, "endpoint://NAME/predictions"),
        ({"since": "yesterday"}, "`yesterday` is no time"),
        ({"until": "2024-03-01"}, "ends before it begins"),
        ({"labels_until": "2024-03-09"}, "predictions alone have no labels"),
        ({"uri": "endpoint://delay/feedback", "labels_until": "2024-03-01"}, "labels come after predictions"),
    ],
)
def test_window_that_cannot_be_is_an_error_of_the_spec(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        EndpointSource.model_validate({"uri": "endpoint://delay/predictions", **WINDOW, **fields})
