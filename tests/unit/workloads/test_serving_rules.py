"""What a row must hold, and what of it is flagged or refused because training saw nothing like it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.workloads.serving.app import Application
from tests.served_model import CONTRACT, ask_application, write_served_model

INSIDE = {"number": 5, "place": 2, "color": "red"}


def served(tmp_path: Path, **api: Any) -> Application:
    return Application(write_served_model(tmp_path / "model", **api), "v1")


def predict(application: Application, body: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    answer = ask_application(application, "POST", "/predict", json=body, **more)
    return answer.status_code, answer.json()


def test_row_without_any_value_is_refused_by_default(tmp_path: Path) -> None:
    application = served(tmp_path)
    for row in ({}, {"number": None, "flag": None}, {"note": "x"}):
        status, answer = predict(application, {"rows": [INSIDE, row]})
        assert (status, answer["problems"][0]["row"]) == (422, 1)
        assert "needs one at least: number, place, color, flag" in answer["problems"][0]["problem"]


@pytest.mark.parametrize("outside", ["flag", "accept"])
def test_row_without_any_value_is_refused_where_each_column_may_be_missing(tmp_path: Path, outside: str) -> None:
    columns = [{**column, "seen": {"missing": True}} for column in CONTRACT["columns"]]
    folder = write_served_model(tmp_path / "model", {**CONTRACT, "columns": columns}, outside=outside)
    assert predict(Application(folder, "v1"), {})[0] == 422
    assert predict(Application(folder, "v1"), {"flag": False})[0] == 200


@pytest.mark.parametrize(
    ("required", "missing"),
    [("all", ["color", "flag"]), (["color"], ["color"]), ("none", []), (["place"], []), ("any", [])],
)
def test_columns_that_are_required_must_have_a_value(tmp_path: Path, required: Any, missing: list[str]) -> None:
    application = served(tmp_path, required=required)
    status, answer = predict(application, {"number": 5, "place": 2, "color": None})
    assert status == (422 if missing else 200)
    assert [problem["column"] for problem in answer.get("problems", ())] == missing
    if missing:
        assert answer["problems"][0]["problem"] == "is missing, and is required"


def test_row_without_any_value_is_answered_where_nothing_is_required(tmp_path: Path) -> None:
    assert predict(served(tmp_path, required="none"), {})[0] == 200


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        ({"number": 11.5}, "number", "is 11.5, and training saw 0 to 10"),
        ({"number": -1e9}, "number", "is -1000000000.0, and training saw 0 to 10"),
        ({"place": 400}, "place", "is 400, and training saw 1 to 5"),
        ({"place": None}, "place", "is missing, and training always had it"),
        ({"color": "violet"}, "color", 'is "violet", which training did not see'),
    ],
)
def test_value_far_outside_is_flagged_or_refused_or_accepted(
    tmp_path: Path, row: dict[str, Any], column: str, problem: str
) -> None:
    rows = {"rows": [INSIDE, {**INSIDE, **row}]}
    status, answer = predict(served(tmp_path), rows)
    assert (status, answer["outside"]) == (200, [{"row": 1, "column": column, "problem": problem}])
    status, refused = predict(served(tmp_path, outside="refuse"), rows)
    assert (status, refused["problems"]) == (422, answer["outside"])
    status, accepted = predict(served(tmp_path, outside="accept"), rows)
    assert (status, accepted["predictions"]) == (200, answer["predictions"])
    assert "outside" not in accepted


def test_values_near_the_training_range_are_not_flagged(tmp_path: Path) -> None:
    application = served(tmp_path)
    rows = [{**INSIDE, "number": number} for number in (-1, 0, 10, 11)] + [{**INSIDE, "color": None}]
    status, answer = predict(application, {"rows": rows})
    assert (status, set(answer)) == (200, {"predictions", "version"})


def test_large_requests_are_judged_like_small_ones(tmp_path: Path) -> None:
    application = served(tmp_path)
    padded = json.dumps({"rows": [INSIDE] * 90 + [{**INSIDE, "color": "violet"}] * 10}).encode() + b" " * 2**17
    answer = ask_application(application, "POST", "/predict", content=padded).json()
    assert [place["row"] for place in answer["outside"]] == list(range(90, 100))
    many = {"rows": [{**INSIDE, "color": "violet", "number": 900}] * 100}
    assert len(predict(application, many)[1]["outside"]) == 20
    text = ask_application(application, "GET", "/metrics").text
    assert 'mlops_outside_rows_total{model="m",version="v1"} 20' in text


def test_probe_and_golden_rows_are_not_judged(tmp_path: Path) -> None:
    application = served(tmp_path, outside="refuse", required="all")
    asked = {"rows": [{"number": 99.0, "place": 1}]}
    assert predict(application, asked)[0] == 422
    assert predict(application, asked, headers={"x-mlops-probe": "golden"})[0] == 200
