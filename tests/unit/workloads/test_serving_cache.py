"""Rows that were asked before are answered without the model, and like the others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mlops.config.schema.package import Package
from mlops.packaging.bento import api_of
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.cache import CachedModel
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.rows import BadRows
from tests.served_model import ask_application, logged_lines, write_served_model

REQUESTS: list[Any] = [
    {"number": 5, "place": 2},
    {"number": 5.0, "place": 2},
    {"rows": [{"number": 1, "place": 1}, {"number": 5, "place": 2}, {"number": 5, "place": 2, "color": "red"}]},
    {"rows": [{"number": 1, "place": 1}, {"place": None, "color": "blue"}]},
    {"place": None, "color": "blue"},
    {"number": 5, "place": 2, "note": "left aside"},
    {"rows": [{"number": float(number), "place": 1} for number in range(70)]},
]


class Counted:
    """A model that adds up numbers, counts its rows, and cannot compute negative ones."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def predict(self, rows: list[Any]) -> list[Any]:
        bad = [{"row": place, "column": None, "problem": "negative"} for place, row in enumerate(rows) if row[0] < 0]
        if bad:
            raise BadRows(bad)
        self.asked += rows
        return [None if row[0] == 0 else row[0] + 1 for row in rows]


def ask(cached: CachedModel, *rows: Any) -> list[Any]:
    return asyncio.run(cached.predict(list(rows)))


def cached_model(most: int) -> tuple[CachedModel, Counted]:
    model = Counted()
    return CachedModel(model, most), model  # type: ignore[arg-type]


def test_answers_have_equal_bytes_with_and_without_a_cache(tmp_path: Path) -> None:
    plain = Application(write_served_model(tmp_path / "plain"), "v1")
    cached = Application(write_served_model(tmp_path / "cached", cache=3), "v1")
    for body in [*REQUESTS, *REQUESTS]:
        answers = [ask_application(one, "POST", "/predict", json=body).content for one in (plain, cached)]
        assert answers[0] == answers[1]
    text = ask_application(cached, "GET", "/metrics").text
    counts = {line.split("{")[0]: int(line.split()[-1]) for line in text.splitlines() if line.startswith("mlops_cache")}
    assert counts["mlops_cache_hits_total"] > 0
    assert counts["mlops_cache_hits_total"] + counts["mlops_cache_misses_total"] == 2 * (9)
    assert "mlops_cache" not in ask_application(plain, "GET", "/metrics").text


def test_row_is_asked_once_and_the_one_not_asked_for_longest_is_let_go() -> None:
    cached, model = cached_model(2)
    assert ask(cached, (1.0,), (2.0,), (1.0,)) == [2.0, 3.0, 2.0]
    assert ask(cached, (1.0,), (3.0,)) == [2.0, 4.0]
    assert model.asked == [(1.0,), (2.0,), (1.0,), (3.0,)]
    assert ask(cached, (1.0,), (2.0,)) == [2.0, 3.0]
    assert model.asked[4:] == [(2.0,)]
    assert (cached.hits, cached.misses) == (2, 5)


def test_prediction_that_is_no_number_is_kept_too() -> None:
    cached, model = cached_model(9)
    assert [ask(cached, (0.0,)), ask(cached, (0.0,))] == [[None], [None]]
    assert len(model.asked) == 1


def test_values_of_other_types_are_other_rows() -> None:
    cached, model = cached_model(9)
    ask(cached, (1.0, None), (1.0, ""), (1.0, 0.0), (1.0, -0.0), (1.0, False), (1.0, "0"))
    assert ask(cached, (1.0, 0.0)) == [2.0]
    assert len(model.asked) == 6


def test_bad_row_is_named_by_its_place_in_the_request_and_not_kept() -> None:
    cached, _ = cached_model(9)
    ask(cached, (1.0,), (2.0,))
    for _ in range(2):
        with pytest.raises(BadRows) as caught:
            ask(cached, (1.0,), (2.0,), (-1.0,), (3.0,))
        assert caught.value.problems[0]["row"] == 2


def test_cached_answer_is_logged_and_a_probe_asks_the_model(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.05, keep=60.0)
    application = Application(write_served_model(tmp_path / "model", cache=10), "v1", log)
    for headers in ({}, {}, {"x-mlops-probe": "1"}):
        assert ask_application(application, "POST", "/predict", json=REQUESTS[0], headers=headers).status_code == 200
    log.close()
    lines = [line for line in logged_lines(tmp_path / "log") if "q" in line]
    assert len(lines) == 2
    assert lines[0]["a"] == lines[1]["a"]
    assert 'mlops_cache_hits_total{model="m",version="v1"} 1' in ask_application(application, "GET", "/metrics").text


def test_other_protocols_share_the_cache(tmp_path: Path) -> None:
    application = Application(write_served_model(tmp_path / "model", cache=10), "v1")
    for _ in range(2):
        body = {"instances": [{"number": 5, "place": 2}]}
        assert ask_application(application, "POST", "/v1/models/m:predict", json=body).json() == {"predictions": [7.0]}
    assert ask_application(application, "POST", "/predict", json=REQUESTS[0]).json()["predictions"] == [{"y": 7}]
    assert 'mlops_cache_hits_total{model="m",version="v1"} 2' in ask_application(application, "GET", "/metrics").text


def test_number_of_kept_rows_is_written_with_a_unit() -> None:
    package = Package.model_validate({"model": "m", "api": {"cache": "10k"}})
    assert (package.api.cache, api_of(package)["cache"]) == (10_000, 10_000)
    assert json.loads(package.model_dump_json())["api"]["cache"] == "10k"
    assert "cache" not in api_of(Package(model="m"))
    for bad in ("0", "10 dozen", -5, "2M", True):
        with pytest.raises(ValueError, match=r"not a number of things|greater than|less than"):
            Package.model_validate({"model": "m", "api": {"cache": bad}})
