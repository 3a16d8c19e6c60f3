"""What an answer holds where the package asks for more than predictions."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from mlops.config.schema.package import Package
from mlops.errors import MlopsError
from mlops.packaging.bento import api_of, stage_bento
from mlops.workloads.serving.answer import AnswerWriter, read_predictions
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.openapi import openapi
from tests.served_model import CONTRACT, GOLDEN, ask_application, write_served_model

MULTICLASS = {**CONTRACT, "task": "multiclass", "label": "kind", "classes": ["ash", "beech", "oak"]}
ROW = GOLDEN["rows"][0]


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
    package = Package.model_validate({"model": "m", "api": {"top_k": 3}})
    with pytest.raises(MlopsError, match=r"only `task: multiclass` has; this is `task: regression`"):
        stage_bento(tmp_path / "bento", "m", exported, package)
    fitting = Package.model_validate({"model": "m", "api": {"units": "minutes"}})
    stage_bento(tmp_path / "fitting", "m", exported, fitting)
    assert json.loads((tmp_path / "fitting/model/api.json").read_text())["units"] == "minutes"
    assert "units" not in api_of(Package(model="m"))
