"""The application in this process: what it answers, what it refuses, and that gathering changes no answer."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest
from onnx import TensorProto, helper

from mlops.workloads.serving.answer import AnswerWriter
from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.rows import BadRows, RowReader
from mlops.workloads.serving.structure import Structure, structure_of
from tests.workloads.conftest import export_linear_model

API = {"max_rows": 100, "gather": True, "threshold": 0.5, "threads": 1}
ROW = {"number": 0.5, "color": "red", "size": 2, "hour": 6, "flag": True}
DATATYPES = {"number": "FP64", "color": "BYTES", "size": "INT64", "hour": "INT32", "flag": "BOOL"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_linear_model(tmp_path_factory.mktemp("serving"), API)


def ask(application: Application, method: str, path: str, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://x") as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


def test_a_bare_row_and_many_rows_are_answered_alike(model: Path) -> None:
    application = Application(model, "v1")
    one = ask(application, "POST", "/predict", json=ROW).json()
    many = ask(
        application, "POST", "/predict", json={"rows": [ROW, {"flag": True, "color": None}, {"flag": True}]}
    ).json()
    assert one["predictions"][0] == many["predictions"][0]
    assert len(many["predictions"]) == 3
    assert many["predictions"][1] == many["predictions"][2]
    assert one["version"] == "v1"


def test_gathered_requests_get_the_answers_they_would_get_alone(model: Path) -> None:
    application = Application(model, "v1")
    rows = [{**ROW, "number": number / 10} for number in range(40)]

    async def together() -> list[Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://x") as client:
            answers = await asyncio.gather(*(client.post("/predict", json=row) for row in rows))
            return [answer.json()["predictions"][0]["probability"] for answer in answers]

    alone = [ask(application, "POST", "/predict", json=row).json()["predictions"][0]["probability"] for row in rows]
    assert asyncio.run(together()) == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize(
    ("body", "status", "column", "words"),
    [
        ('{"number": "many"}', 422, "number", "must be a number"),
        ('{"size": 2.5}', 422, "size", "a whole number"),
        ('{"flag": 1}', 422, "flag", "true or false"),
        ('{"colour": "red"}', 422, "colour", "did you mean color"),
        ('{"rows": [{"color": 5}, {"color": "red"}]}', 422, "color", "must be text"),
        ('{"rows": []}', 422, "rows", "at least one row"),
        ('{"rows": [5]}', 422, None, "object"),
        ('{"rows": ' + json.dumps([{}] * 101) + "}", 413, "rows", "101 rows"),
        ("{", 400, None, "not JSON"),
        ("[1, 2]", 422, None, "object"),
        ('{"number": 1e999}', 400, None, "JSON"),
    ],
)
def test_a_bad_body_is_refused_with_its_column(
    model: Path, body: str, status: int, column: str | None, words: str
) -> None:
    answer = ask(Application(model, "v1"), "POST", "/predict", content=body)
    assert answer.status_code == status
    (problem,) = answer.json()["problems"][:1]
    assert problem["column"] == column
    assert words in problem["problem"]


def test_the_label_and_other_known_columns_may_be_sent(model: Path) -> None:
    plain = ask(Application(model, "v1"), "POST", "/predict", json=ROW).json()
    more = ask(Application(model, "v1"), "POST", "/predict", json={**ROW, "late": True, "grade": "a"})
    assert more.json() == plain


def test_the_open_inference_protocol_gives_the_same(model: Path) -> None:
    application = Application(model, "v1")
    inputs = [{"name": k, "shape": [1], "datatype": DATATYPES[k], "data": [v]} for k, v in ROW.items()]
    inferred = ask(application, "POST", "/v2/models/m/infer", json={"id": "7", "inputs": inputs}).json()
    plain = ask(application, "POST", "/predict", json=ROW).json()["predictions"][0]["probability"]
    assert inferred["outputs"][0]["data"] == pytest.approx([plain])
    assert inferred["id"] == "7"
    assert ask(application, "GET", "/v2/models/m").json()["inputs"][0] == {
        "name": "number",
        "datatype": "FP64",
        "shape": [-1],
    }
    assert ask(application, "POST", "/v2/models/m/infer", json={}).status_code == 400


def test_health_metrics_openapi_and_unknown_paths(model: Path) -> None:
    application = Application(model, "v1")
    ask(application, "POST", "/predict", json=ROW)
    ask(application, "POST", "/predict", json={"flag": 1})
    assert ask(application, "GET", "/readyz").status_code == 200
    text = ask(application, "GET", "/metrics").text
    assert 'mlops_requests_total{model="m",version="v1",status="200"} 1' in text
    assert 'status="422"} 1' in text
    assert "mlops_request_seconds_count" in text
    paths = ask(application, "GET", "/openapi.json").json()["paths"]
    assert "/predict" in paths
    assert ask(application, "GET", "/nothing").status_code == 404
    assert ask(application, "GET", "/predict").status_code == 405


def test_a_model_that_answers_its_golden_rows_otherwise_does_not_start(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    golden = json.loads((tmp_path / "model/golden.json").read_text())
    golden["predictions"][3] += 0.01
    (tmp_path / "model/golden.json").write_text(json.dumps(golden))
    with pytest.raises(GoldenFailed, match="golden request was answered wrongly"):
        Application(tmp_path / "model", "v1")


def test_requests_and_feedback_stand_in_the_log(model: Path, tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.05, keep=3600)
    application = Application(model, "v1", log)
    body = json.dumps(ROW, indent=1)
    answer = ask(application, "POST", "/predict", content=body, headers={"x-request-id": "abc"})
    assert answer.headers["x-request-id"] == "abc"
    assert ask(application, "POST", "/feedback", json={"id": "abc", "label": True}).status_code == 202
    assert ask(application, "POST", "/feedback", json={"label": True}).status_code == 422
    ask(application, "POST", "/predict", json=ROW, headers={"x-request-id": 'a"b'})
    log.close()
    segments = sorted((tmp_path / "log").iterdir())  # one, or more where this takes longer than a segment
    lines = [json.loads(line) for path in segments for line in path.read_text().splitlines()]
    counted = [line["n"] for line in lines if "n" in line]
    assert sum(line["200"] for line in counted) == 2
    lines = [line for line in lines if "n" not in line]
    assert {path.suffix for path in segments} == {".jsonl"}
    assert (lines[0]["id"], lines[0]["q"], lines[0]["a"]) == ("abc", ROW, answer.json())
    assert lines[1]["f"] == {"id": "abc", "label": True}
    assert lines[2]["id"] != 'a"b'


def test_flushed_lines_survive_a_crash(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, "v1", sample=1.0, flush=0.05, keep=3600)
    log.offer("r1", b"{}", b"{}")
    end = time.monotonic() + 5
    while not (files := list(tmp_path.glob("*.open"))) or not files[0].stat().st_size:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert json.loads(files[0].read_text())["id"] == "r1"
    log.close()


def test_dates_are_read_as_days_and_times_as_microseconds() -> None:
    columns = [{"name": "day", "type": "date", "nullable": True}, {"name": "at", "type": "timestamp", "nullable": True}]
    reader = RowReader({"columns": columns, "label": "y"}, 10)
    rows = reader.read(b'{"rows": [{"day": "1970-01-03", "at": "1970-01-01T00:00:01"}, {}]}')
    inputs = reader.inputs(rows)
    assert inputs["day"][0, 0] == 2
    assert inputs["at"][0, 0] == 1_000_000
    with pytest.raises(BadRows) as raised:
        reader.read(b'{"day": "yesterday"}')
    assert raised.value.problems[0]["problem"] == 'must be a date such as 2013-12-31, and is "yesterday"'


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers 1 / number, and that cannot compute a batch in which `place` is no place of a list of three."""
    folder = tmp_path_factory.mktemp("fragile")
    table = helper.make_tensor("table", TensorProto.DOUBLE, [3], [0.0, 0.0, 0.0])
    one = helper.make_tensor("one", TensorProto.DOUBLE, [1], [1.0])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Cast", ["place"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["nothing"]),
        helper.make_node("Div", ["one", "number"], ["quotient"]),
        helper.make_node("Add", ["quotient", "nothing"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "axes"], ["prediction"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N", 1]) for name in ("number", "place")]
    output = helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["N"])
    graph = helper.make_graph(nodes, "g", inputs, [output], [table, one, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    columns = [
        {"name": "number", "type": "float", "nullable": True},
        {"name": "place", "type": "int", "nullable": True},
    ]
    contract = {
        "model": "m", "task": "regression", "label": "y", "classes": [], "columns": columns,
        "outputs": [{"name": "prediction", "type": "float", "shape": [None]}],
    }  # fmt: skip
    golden = {"rows": [{"number": 2.0, "place": 1}], "predictions": [0.5], "tolerance": 1e-4}
    for name, content in (("contract", contract), ("golden", golden), ("api", API)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("gather", [True, False])
def test_row_that_breaks_its_batch_harms_its_own_request_alone(fragile: Path, tmp_path: Path, gather: bool) -> None:
    folder = tmp_path / "model"
    shutil.copytree(fragile, folder)
    (folder / "api.json").write_text(json.dumps({**API, "gather": gather}))
    application = Application(folder, "v1")
    good = [{"number": number, "place": 0} for number in range(1, 9)]
    bodies: list[Any] = [*good, {"rows": [good[0], {"number": 1, "place": 7}]}, {"rows": good[:3]}]

    async def together() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://x") as client:
            return await asyncio.gather(*(client.post("/predict", json=body) for body in bodies))

    answers = asyncio.run(together())
    assert [answer.status_code for answer in answers] == [200] * 8 + [422, 200]
    assert [answer.json()["predictions"] for answer in answers[:8]] == [
        [{"y": pytest.approx(1 / number)}] for number in range(1, 9)
    ]
    assert answers[8].json()["problems"] == [{"row": 1, "column": None, "problem": "the model cannot compute this row"}]


def test_row_that_breaks_a_large_request_is_named(fragile: Path) -> None:
    rows = [{"number": 1, "place": 0}] * 90 + [{"number": 1, "place": -9}]
    answer = ask(Application(fragile, "v1"), "POST", "/predict", json={"rows": rows})
    assert (answer.status_code, [problem["row"] for problem in answer.json()["problems"]]) == (422, [90])


def test_model_that_computes_nothing_is_a_defect(fragile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    application = Application(fragile, "v1")

    def fail(rows: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(application._model._predictor, "predict", fail)
    for path, body in (
        ("/predict", {"number": 1}),
        ("/v2/models/m/infer", {"inputs": [{"name": "number", "data": [1]}]}),
    ):
        answer = ask(application, "POST", path, json=body)
        assert (answer.status_code, answer.json()) == (500, {"error": "internal error; see the log of the service"})


def test_prediction_that_is_no_finite_number_is_null(fragile: Path) -> None:
    application = Application(fragile, "v1")
    rows = [{"number": 0, "place": 0}, {"number": 4, "place": 0}, {"number": None, "place": 0}]
    answer = ask(application, "POST", "/predict", json={"rows": rows})
    assert answer.json()["predictions"] == [{"y": None}, {"y": 0.25}, {"y": None}]
    assert ask(application, "POST", "/predict", json=rows[0]).json()["predictions"] == [{"y": None}]
    inputs = [{"name": "number", "data": [0.0, 4.0]}, {"name": "place", "data": [0, 0]}]
    inferred = ask(application, "POST", "/v2/models/m/infer", json={"inputs": inputs})
    assert inferred.json()["outputs"][0]["data"] == [None, 0.25]


@pytest.mark.parametrize(
    ("task", "classes", "predictions", "rows"),
    [
        ("binary", [False, True], [None, 0.75], [{"probability": None, "y": None}, {"probability": 0.75, "y": True}]),
        (
            "multiclass", ["a", "b"], [[None, None], [0.25, 0.75]],
            [{"y": None, "probabilities": {"a": None, "b": None}}, {"y": "b", "probabilities": {"a": 0.25, "b": 0.75}}],
        ),
    ],
)  # fmt: skip
def test_row_without_a_prediction_has_no_class(
    task: str, classes: list[Any], predictions: list[Any], rows: list[Any]
) -> None:
    writer = AnswerWriter({"task": task, "label": "y", "classes": classes}, "v1", 0.5)
    assert json.loads(writer.write(predictions))["predictions"] == rows


def test_structure_counts_nothing_inside_strings() -> None:
    text = json.dumps({"rows": [{"a": 'x",{[\\'}, {"b": [1, 2, {"c": "\\\\"}]}]}).encode()
    assert structure_of(text) == Structure(depth=5, objects=4, values=10)
    padded = b'{"a": "' + b'\\"{[,' * 200_000 + b'", "b": [1, 2]}'
    assert structure_of(padded) == Structure(depth=2, objects=1, values=5)


@pytest.mark.parametrize(
    ("contract", "package", "threshold"),
    [({}, None, 0.5), ({"threshold": 0.2}, None, 0.2), ({"threshold": 0.2}, 0.9, 0.9)],
)
def test_class_is_answered_by_the_threshold_of_the_model_or_the_package(
    contract: dict[str, float], package: float | None, threshold: float
) -> None:
    writer = AnswerWriter({"task": "binary", "label": "late", "classes": ["no", "yes"], **contract}, "v1", package)
    below, at = json.loads(writer.write([threshold - 0.01, threshold]))["predictions"]
    assert (below["late"], at["late"]) == ("no", "yes")


def test_application_reads_the_threshold_of_the_contract(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    contract = json.loads((copy / "contract.json").read_text())
    (copy / "contract.json").write_text(json.dumps({**contract, "threshold": 0.0}))
    (copy / "api.json").write_text(json.dumps({key: value for key, value in API.items() if key != "threshold"}))
    answer = ask(Application(copy, "v1"), "POST", "/predict", json={**ROW, "number": -2}).json()["predictions"][0]
    assert answer["late"] is True
