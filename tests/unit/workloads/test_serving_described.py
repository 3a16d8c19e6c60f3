"""What the interface says of itself: OpenAPI, the page of documentation, and what browsers of other origins may read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mlops.workloads.serving.app import Application
from mlops.workloads.serving.auth_middleware import KeyRequired
from mlops.workloads.serving.cross_origin import CrossOrigin, with_cross_origin
from mlops.workloads.serving.server_settings import KeyFile
from tests.served_model import GOLDEN, ask_application, write_served_model

ORIGIN = {"origin": "https://app.example.com"}
PREFLIGHT = {**ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Application:
    return Application(write_served_model(tmp_path_factory.mktemp("served")), "v7")


@pytest.fixture(scope="module")
def described(served: Application) -> dict[str, Any]:
    description: dict[str, Any] = ask_application(served, "GET", "/openapi.json").json()
    return description


def judge(described: dict[str, Any], name: str, value: Any) -> None:
    jsonschema.validate(value, {**described, "$ref": f"#/components/schemas/{name}"})


def test_every_address_is_described_and_answered(served: Application, described: dict[str, Any]) -> None:
    paths = ask_application(served, "GET", "/nothing").json()["paths"]
    other_spellings = {"/", "/v1/models/m/versions/7", "/v1/models/m/versions/v7"}
    missing = {path for path in paths if path not in described["paths"]} - other_spellings
    assert all(path.startswith("/v1/models/m/versions/") for path in missing)
    for path, verbs in described["paths"].items():
        for verb, operation in verbs.items():
            status = ask_application(served, verb.upper(), path, json={}).status_code
            assert str(status) in operation["responses"] or status == 200, path


def test_answers_and_errors_fit_their_schemas(served: Application, described: dict[str, Any]) -> None:
    rows = {"rows": [*GOLDEN["rows"], {"place": 9, "color": "violet"}]}
    judge(described, "Rows", rows)
    answer = ask_application(served, "POST", "/predict", json=rows).json()
    judge(described, "Answer", answer)
    assert answer["outside"]
    judge(described, "Error", ask_application(served, "POST", "/predict", json={"number": "x"}).json())
    tensors = [{"name": "place", "shape": [1], "datatype": "INT64", "data": [2]}]
    judge(described, "InferRequest", {"inputs": tensors})
    inferred = ask_application(served, "POST", "/v2/models/m/infer", json={"inputs": tensors})
    judge(described, "InferAnswer", inferred.json())
    with pytest.raises(jsonschema.ValidationError, match=r"should be non-empty|too few properties"):
        judge(described, "Row", {})


def test_examples_are_golden_rows_and_their_answers(served: Application, described: dict[str, Any]) -> None:
    operation = described["paths"]["/predict"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples["one row"]["value"] == GOLDEN["rows"][0]
    assert examples["rows"]["value"] == {"rows": GOLDEN["rows"]}
    answer = ask_application(served, "POST", "/predict", json=examples["rows"]["value"]).json()
    del answer["outside"]
    assert operation["responses"]["200"]["content"]["application/json"]["example"] == answer
    assert described["components"]["schemas"]["Row"]["properties"]["number"]["description"] == "Training saw 0 to 10."


def test_key_is_a_security_scheme_and_health_needs_none(described: dict[str, Any]) -> None:
    assert described["components"]["securitySchemes"]["key"]["name"] == "x-api-key"
    assert {"key": []} in described["security"]
    assert described["paths"]["/readyz"]["get"]["security"] == []
    assert "security" not in described["paths"]["/predict"]["post"]


def test_page_is_served_without_the_key_and_loads_nothing_from_elsewhere(served: Application, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key")
    keyed = KeyRequired(served, KeyFile(tmp_path / "key"))
    for path in ("/", "/docs"):
        answer = ask_application(keyed, "GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"(https?:)?//[a-z]|@import|<script src|<link rel=.stylesheet", answer.text.replace("//v", ""))
    assert "number" not in re.findall(r"[a-z]+", answer.text.partition("<main>")[2].partition("</main>")[0])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_without_origins_no_page_may_read_an_answer(served: Application, method: str) -> None:
    assert with_cross_origin(served, ()) is served
    answer = ask_application(served, method, "/predict", headers=PREFLIGHT)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_named_origin_may_ask_and_another_may_not(served: Application, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key")
    crossed = CrossOrigin(KeyRequired(served, KeyFile(tmp_path / "key")), ["https://app.example.com"])
    asked = ask_application(crossed, "OPTIONS", "/predict", headers=PREFLIGHT)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, ORIGIN["origin"])
    assert "x-api-key" in asked.headers["access-control-allow-headers"]
    row = json.dumps({"place": 2})
    answer = ask_application(crossed, "POST", "/predict", content=row, headers={**ORIGIN, "x-api-key": "a-key"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN["origin"])
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    denied = ask_application(crossed, "POST", "/predict", content=row, headers=ORIGIN)
    assert (denied.status_code, denied.headers["access-control-allow-origin"]) == (401, ORIGIN["origin"])
    for headers in ({**PREFLIGHT, "origin": "https://evil.example"}, {"origin": "https://evil.example"}):
        method = "OPTIONS" if len(headers) > 1 else "POST"
        refused = ask_application(crossed, method, "/predict", content=row, headers=headers)
        assert "access-control-allow-origin" not in refused.headers
    everyone = CrossOrigin(served, ["*"])
    assert ask_application(everyone, "GET", "/readyz", headers=ORIGIN).headers["access-control-allow-origin"] == "*"
