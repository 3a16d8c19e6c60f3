"""Late labels as the server receives them: judged at once, kept on the disk before the answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.prediction_log import entries_between
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.log import PredictionLog
from tests.workloads.conftest import export_linear_model

API = {"max_rows": 100, "gather": True, "threshold": 0.5, "threads": 1}
ROW = {"number": 0.5, "color": "red", "size": 2, "hour": 6, "flag": True}
NO_ID = "its id is no x-request-id of an answer: those are printable ASCII without quotes and backslashes"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_linear_model(tmp_path_factory.mktemp("feedback"), API)


def send(application: Application, body: Any, path: str = "/feedback", **how: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.post(path, json=body, **how)

    return asyncio.run(once())


def kept(folder: Path) -> list[dict[str, Any]]:
    return [entry.feedback for entry in entries_between(folder, 0, 1e12) if entry.feedback is not None]


def many(*labels: tuple[Any, Any]) -> dict[str, Any]:
    return {"labels": [{"id": name, "label": label} for name, label in labels]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"label": True}, "feedback needs id"),
        ({"id": "a"}, "feedback needs label"),
        ({}, "feedback needs id and label"),
        ([1], "feedback needs id and label"),
        ({"id": "a", "label": "abc"}, 'the label "abc" is none of the classes false, true'),
        ({"id": "a", "label": None}, "the label null is none of the classes false, true"),
        ({"id": "a", "label": []}, "it has no label"),
        ({"id": "a", "label": [True, "abc"]}, 'the label "abc" is none of the classes false, true'),
        ({"id": ["a"], "label": True}, "its id is no text; send the x-request-id of the answer"),
        ({"id": "", "label": True}, "its id is no text; send the x-request-id of the answer"),
        ({"id": "a\"b", "label": True}, NO_ID),
        ({"id": "é", "label": True}, NO_ID),
    ],
)  # fmt: skip
def test_label_that_does_not_fit_is_refused_on_receipt(model: Path, tmp_path: Path, body: Any, sentence: str) -> None:
    log = PredictionLog(tmp_path, "v1", sample=1.0, flush=0.05, keep=3600)
    answer = send(Application(model, "v1", log), body)
    log.close()
    assert (answer.status_code, answer.json()["error"]) == (422, sentence)
    assert kept(tmp_path) == []


def test_many_labels_are_kept_but_for_those_that_do_not_fit(model: Path, tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, "v1", sample=1.0, flush=0.05, keep=3600)
    application = Application(model, "v1", log)
    all_fit = send(application, many(("a", True), ("b", [False, True])))
    assert (all_fit.status_code, all_fit.json()) == (202, {"kept": 2})
    some = send(application, many(("c", True), ("d", "abc"), ("", True)))
    assert (some.status_code, some.json()["kept"], some.json()["refused"]) == (207, 1, 2)
    assert some.json()["problems"] == [
        {"place": 1, "id": "d", "problem": 'the label "abc" is none of the classes false, true'},
        {"place": 2, "id": "", "problem": "its id is no text; send the x-request-id of the answer"},
    ]
    assert send(application, many(("d", "abc"))).status_code == 422
    assert send(application, {"labels": []}).status_code == 422
    log.close()
    assert [label["id"] for label in kept(tmp_path)] == ["a", "b", "c"]


def test_label_is_on_the_disk_when_it_is_answered(model: Path, tmp_path: Path) -> None:
    """The log is flushed once a minute, and nobody waits that long for an answer."""
    log = PredictionLog(tmp_path, "v1", sample=1.0, flush=60, keep=3600)
    application = Application(model, "v1", log)
    for name in ("a", "b"):
        assert send(application, {"id": name, "label": True}).status_code == 202
        assert kept(tmp_path)[-1] == {"id": name, "label": True}
    log.close()


def test_label_that_cannot_be_written_is_not_said_to_be_kept(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.05, keep=3600)
    (tmp_path / "log").rmdir()
    (tmp_path / "log").write_text("a file where the folder was")
    answer = send(Application(model, "v1", log), {"id": "a", "label": True})
    log.close()
    assert answer.status_code == 503
    assert "send it again" in answer.json()["error"]
    assert "prediction log:" in capsys.readouterr().out


def test_labels_of_an_endpoint_meet_their_predictions(model: Path, tmp_path: Path) -> None:
    """What the server writes, the label store reads: two of three requests are labelled, one of them twice."""
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.05, keep=3600)
    application = Application(model, "v1", log)
    for name in ("a", "b", "c"):
        send(application, ROW, "/predict", headers={"x-request-id": name})
    send(application, many(("a", True), ("b", False), ("nobody", True)))
    send(application, {"id": "a", "label": True})
    log.close()
    labels = Labels(application.contract, tmp_path)
    for entry in entries_between(tmp_path / "log", 0, 1e12):
        if entry.feedback is not None:
            labels.add(entry.feedback, at=entry.at)
        else:
            labels.predicted(entry.id, [row["probability"] for row in entry.predictions], at=entry.at)
    counts = labels.settle(1e9)
    assert (counts.joined, counts.waiting, counts.refused) == (2, 1, 0)


def test_description_names_both_forms(model: Path) -> None:
    async def once() -> dict[str, Any]:
        transport = httpx.ASGITransport(Application(model, "v1"))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            read: dict[str, Any] = json.loads((await client.get("/openapi.json")).text)
            return read

    described = asyncio.run(once())
    content = described["paths"]["/feedback"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert content == {"$ref": "#/components/schemas/Feedback"}
    schemas = described["components"]["schemas"]
    one, many_at_once = schemas["Feedback"]["oneOf"]
    assert one == many_at_once["properties"]["labels"]["items"] == {"$ref": "#/components/schemas/Label"}
    assert {*schemas["Label"]["properties"]} == {"id", "label"}
