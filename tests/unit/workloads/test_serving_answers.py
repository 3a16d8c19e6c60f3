"""What an answer holds where the package asks for more than predictions."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from mlops.config.effective import typed
from mlops.config.schema.kinds import effective_of
from mlops.config.schema.package import Package
from mlops.errors import MlopsError
from mlops.packaging.bento import api_of, stage_bento
from mlops.workloads.serving.answer import AnswerWriter, read_predictions
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.explain import Explainer
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.openapi import openapi
from mlops.workloads.serving.rows import BadRows, RowReader
from tests.served_model import CONTRACT, GOLDEN, ask_application, logged_lines, write_served_model

MULTICLASS = {**CONTRACT, "task": "multiclass", "label": "kind", "classes": ["ash", "beech", "oak"]}
ROW = GOLDEN["rows"][0]


def package_of(**api: Any) -> Package:
    """Return a package as an apply reads it."""
    package: Package = typed(effective_of("package", {"model": "m", "api": api}))
    return package


def test_top_k_lists_the_most_probable_classes_in_their_order() -> None:
    writer = AnswerWriter(MULTICLASS, "v1", None, top_k=2)
    answer = json.loads(writer.write([[0.2, 0.3, 0.5], [0.4, 0.2, 0.4], None]))
    assert answer["predictions"][0]["top"] == [
        {"class": "oak", "probability": 0.5},
        {"class": "beech", "probability": 0.3},
    ]
    assert [one["class"] for one in answer["predictions"][1]["top"]] == ["ash", "oak"]
    assert answer["predictions"][1]["kind"] == "ash"
    assert answer["predictions"][2]["top"] is None
    schemas = openapi(MULTICLASS, "v1", 10, {"top_k": 2})
    jsonschema.validate(answer, {**schemas, "$ref": "#/components/schemas/Answer"})
    assert read_predictions(answer, MULTICLASS)[:2] == [[0.2, 0.3, 0.5], [0.4, 0.2, 0.4]]


def test_top_k_lists_all_classes_where_there_are_fewer() -> None:
    (row,) = json.loads(AnswerWriter(MULTICLASS, "v1", None, top_k=9).write([[0.2, 0.3, 0.5]]))["predictions"]
    assert [one["class"] for one in row["top"]] == ["oak", "beech", "ash"]


def test_answer_without_top_k_and_units_has_neither() -> None:
    answer = AnswerWriter(MULTICLASS, "v1", None).write([[0.2, 0.3, 0.5]])
    assert b"top" not in answer
    assert b"units" not in answer


def test_units_stand_in_the_answer_and_its_description(tmp_path: Path) -> None:
    application = Application(write_served_model(tmp_path / "model", units="minutes"), "v1")
    answer = ask_application(application, "POST", "/predict", json={"rows": [ROW, {"place": 9}]}).json()
    assert (answer["units"], len(answer["predictions"])) == ("minutes", 2)
    assert answer["outside"]
    described = ask_application(application, "GET", "/openapi.json").json()
    jsonschema.validate(answer, {**described, "$ref": "#/components/schemas/Answer"})
    assert described["info"]["description"] == "Predictions of `y` in minutes by the model `m` (regression)."


def test_bento_is_not_built_where_the_model_does_not_give_the_answer(tmp_path: Path) -> None:
    exported = write_served_model(tmp_path / "exported")
    package = package_of(top_k=3)
    with pytest.raises(MlopsError, match=r"only `task: multiclass` has; this is `task: regression`"):
        stage_bento(tmp_path / "bento", "m", exported, package)
    fitting = package_of(units="minutes")
    stage_bento(tmp_path / "fitting", "m", exported, fitting)
    assert json.loads((tmp_path / "fitting/model/api.json").read_text())["units"] == "minutes"
    assert "units" not in api_of(Package(model="m"))


EXPLAINED = {
    "form": "sampled",
    "scale": "prediction",
    "background": [{"number": 1, "place": 1}, {"number": 3, "place": 2}],
}


def write_explained_model(folder: Path, **api: Any) -> Path:
    write_served_model(folder, **api)
    (folder / "explain.json").write_text(json.dumps(EXPLAINED))
    return folder


def ask(application: Application, query: str, body: Any) -> httpx.Response:
    return ask_application(application, "POST", f"/predict{query}", json=body)


def test_explanation_names_what_each_column_contributed(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.05, keep=60.0)
    application = Application(write_explained_model(tmp_path / "model", explain=True), "v1", log)
    answer = ask(application, "?explain=true", {"number": 5, "place": 4}).json()
    log.close()
    assert answer["explanations"] == {
        "method": "sampled",
        "scale": "prediction",
        "rows": [
            {"score": 9, "base": 3.5, "contributions": {"number": 3.0, "place": 2.5, "color": 0.0, "flag": 0.0}},
        ],
    }
    described = ask_application(application, "GET", "/openapi.json").json()
    jsonschema.validate(answer, {**described, "$ref": "#/components/schemas/Answer"})
    assert described["paths"]["/predict"]["post"]["parameters"][0]["name"] == "explain"
    (line,) = (line for line in logged_lines(tmp_path / "log") if "q" in line)
    assert line["a"] == {name: value for name, value in answer.items() if name != "explanations"}


def test_row_without_a_prediction_has_no_explanation(tmp_path: Path) -> None:
    application = Application(write_explained_model(tmp_path / "model", explain=True, outside="accept"), "v1")
    answer = ask(application, "?explain=1", {"rows": [{"number": 5}, ROW]}).json()
    assert answer["predictions"][0]["y"] is None
    assert answer["explanations"]["rows"][0] is None
    assert answer["explanations"]["rows"][1]["score"] == 3.5


@pytest.mark.parametrize(
    ("api", "query", "rows", "status", "words"),
    [
        ({}, "?explain=true", 1, 400, "its package would say `api: {explain: true}`"),
        ({"explain": True}, "?explain=maybe", 1, 400, "`explain` is true or false"),
        ({"explain": True, "max_rows": 500}, "?explain=true", 101, 413, "101 rows, and a request that is explained"),
        ({"explain": True, "max_rows": 500}, "?explain=false", 101, 200, ""),
        ({}, "?explain=false&other=1", 1, 200, ""),
        ({}, "?other=1", 1, 200, ""),
    ],
)
def test_explanation_that_cannot_be_had_is_refused(
    tmp_path: Path, api: dict[str, Any], query: str, rows: int, status: int, words: str
) -> None:
    application = Application(write_explained_model(tmp_path / "model", **api), "v1")
    answer = ask(application, query, {"rows": [ROW] * rows})
    assert (answer.status_code, words in answer.text) == (status, True)
    assert "explanations" not in answer.json()


def test_explanations_that_take_too_long_are_refused(tmp_path: Path) -> None:
    folder = write_explained_model(tmp_path / "model", explain=True)
    explainer = Explainer(folder, CONTRACT, RowReader(CONTRACT, 100), timeout=10.0)
    explainer._timeout = -1.0
    with pytest.raises(BadRows) as caught:
        explainer.explain([(1.5, 2, "red", None)], [3.5])
    assert (caught.value.status, "send fewer rows" in caught.value.problems[0]["problem"]) == (504, True)


def test_only_so_many_explanations_wait(tmp_path: Path) -> None:
    folder = write_explained_model(tmp_path / "model", explain=True)
    explainer = Explainer(folder, CONTRACT, RowReader(CONTRACT, 100), timeout=10.0)
    row = (1.5, 2, "red", None)
    refused: list[int] = []

    async def many() -> None:
        going = []
        for _ in range(12):
            try:
                explainer.check([row])
            except BadRows as error:
                refused.append(error.status)
                continue
            going.append(asyncio.ensure_future(explainer.add_to(b"{}", [row], [3.5])))
            await asyncio.sleep(0)
        await asyncio.gather(*going)

    held = threading.Event()
    explainer._thread.submit(held.wait)

    async def held_back() -> None:
        asyncio.get_running_loop().call_later(0.1, held.set)
        await many()

    asyncio.run(held_back())
    assert refused == [429] * 4
    explainer.check([row])


def test_bento_holds_what_explains_only_where_that_is_offered(tmp_path: Path) -> None:
    exported = write_explained_model(tmp_path / "exported")
    for name, api in (("plain", {}), ("explained", {"explain": True})):
        stage_bento(tmp_path / name, "m", exported, package_of(**api))
        assert (tmp_path / name / "model/explain.json").exists() == bool(api)
    (exported / "explain.json").unlink()
    package = package_of(explain=True)
    with pytest.raises(MlopsError, match=r"export has no explain\.json"):
        stage_bento(tmp_path / "none", "m", exported, package)
