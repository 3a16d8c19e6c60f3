"""Describe the interface as OpenAPI 3.1.

Lives here: openapi: every path, what it takes and answers, with examples from the golden rows.
Not here: answering (app), the page that shows it (docs_page).
Law: made from the contract, so it says what is checked; its addresses are relative, so that it holds behind a gateway.
"""

from __future__ import annotations

import json
from typing import Any

from mlops.contracts.names import ENDPOINT_HEADER, KEY_HEADER
from mlops.workloads.answer_row import answer_row
from mlops.workloads.serving.explain import MOST_EXPLAINED

_TYPES: dict[str, dict[str, Any]] = {
    "bool": {"type": "boolean"}, "int": {"type": "integer"}, "float": {"type": "number"}, "string": {"type": "string"},
    "date": {"type": "string", "format": "date"}, "timestamp": {"type": "string", "format": "date-time"},
    "image": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"},
}  # fmt: skip
_NUMBER = {"type": ["number", "null"]}
EXAMPLE_ROWS = 2
"""How many golden rows the description shows."""
_EXAMPLE_BYTES = 4_000
_SHOWN_VALUES = 20
_ERRORS = {
    400: "The body is no JSON, or not of the form that is expected.", 401: "The key is missing or wrong.",
    408: "The body did not arrive in time.", 413: "The body is too large, or has too many rows.",
    415: "The content-encoding is unknown.", 422: "Rows that cannot be predicted, each with its column.",
    429: "Too many requests.", 500: "A defect of the service.", 503: "No replica is ready.", 504: "The answer took too long.",
}  # fmt: skip
_Described = dict[str, Any]
_EXPLAIN: _Described = {
    "name": "explain", "in": "query", "schema": {"type": "boolean", "default": False},
    "description": f"Say what each column contributed to each prediction; of {MOST_EXPLAINED} rows at most.",
}  # fmt: skip
_EXPLANATIONS: _Described = {
    "type": "object", "description": "Where `explain=true` asks for them.", "properties": {
        "method": {"enum": ["exact", "sampled"]},
        "scale": {"type": "string", "description": "What is explained: log-odds or logits before calibration, or what is predicted."},
        "rows": {"type": "array", "items": {
            "type": ["object", "null"], "description": "Base and contributions add up to the score.", "properties": {
                "of": {"description": "The class whose score it is, the predicted one."}, "score": {"type": "number"},
                "base": {"type": "number", "description": "The score that is expected where no column is known."},
                "contributions": {"type": "object", "additionalProperties": {"type": "number"}}}}}}}  # fmt: skip


def openapi(
    contract: _Described, version: str, most: int, api: _Described | None = None, golden: _Described | None = None,
    answer: _Described | None = None,
) -> _Described:  # fmt: skip
    """Return the description. `most`: the most rows of one request. `api`: api.json. `golden`: golden.json. `answer`: what its
    first rows are answered with."""
    rows = _example_rows(golden or {"rows": []})
    model = contract["model"]
    about_explaining = {"parameters": [_EXPLAIN]} if (api or {}).get("explain") else {}
    paths = {
        "/predict": {"post": about_explaining | _post(
            "Predict rows.", _body({"oneOf": [_ref("Rows"), _ref("Row")]}, {"one row": rows[:1], "rows": rows and [{"rows": rows}]}),
            _ok("Predictions, in the order of the rows.", _ref("Answer"), answer if rows else None))},
        "/feedback": {"post": _post(
            "Say what the label turned out to be.", _body(_ref("Feedback"), {}),
            {"202": {"description": "Kept.", **_json({"type": "object", "properties": {"kept": {"type": "boolean"}}})},
             "207": {"description": "Kept, but for those that do not fit.", **_json({"type": "object"})},
             "503": {"description": "Not kept: the prediction log cannot be written.", **_json(_ref("Error"))}})},
        **_inference_paths(f"/v2/models/{model}", version), **_tensorflow_paths(f"/v1/models/{model}"),
        "/v2": _get("What the server is, in the Open Inference Protocol."),
        "/v2/health/live": _get("Whether the process runs.", is_open=True),
        "/v2/health/ready": _get("Whether it is ready to answer.", is_open=True),
        "/healthz": _get("Whether the process runs.", is_open=True), "/livez": _get("Whether the process runs.", is_open=True),
        "/readyz": _get("Whether it is ready to answer; 503 before it ends.", is_open=True),
        "/metrics": _get("Counters and times, for Prometheus.", "text/plain", is_open=True),
        "/openapi.json": _get("This description."),
        "/docs": _get("A page that shows this description, also at `/`.", "text/html", is_open=True),
    }  # fmt: skip
    key = {
        "type": "apiKey", "in": "header", "name": KEY_HEADER,
        "description": "Needed where the endpoint has `auth`. Health, readiness, metrics and the page need none.",
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": model, "version": version, "description": _about(contract, api or {})},
        "servers": [{"url": "."}],
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {"securitySchemes": {"key": key}, "schemas": _schemas(contract, most, api or {})},
    }


def _schemas(contract: _Described, most: int, api: _Described) -> _Described:
    required = api.get("required", "any")
    columns = contract["columns"]
    needed = [column["name"] for column in columns] if required == "all" else required
    row: _Described = {
        "type": "object", "additionalProperties": False,
        "properties": {column["name"]: _column(column) for column in columns}
        | {name: {"description": "Of the data set, but not an input of the model; left aside."} for name in contract.get("known", ())},
    }  # fmt: skip
    row |= {"required": list(needed)} if isinstance(needed, list) else {}
    row |= {"minProperties": 1} if required == "any" else {}
    place = {"type": "object", "properties": {
        "row": {"type": ["integer", "null"], "description": "Counted from 0; null for the body as a whole."},
        "column": {"type": ["string", "null"]}, "problem": {"type": "string"}}}  # fmt: skip
    tensor = {"type": "object", "required": ["name", "shape", "datatype"], "properties": {
        "name": {"type": "string"}, "shape": {"type": "array", "items": {"type": "integer"}}, "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}}, "parameters": {"type": "object"}}}  # fmt: skip
    return {
        "Row": row,
        "Rows": {"type": "object", "required": ["rows"], "additionalProperties": False, "properties": {
            "rows": {"type": "array", "minItems": 1, "maxItems": most, "items": _ref("Row")}}},
        "Answer": {"type": "object", "required": ["predictions", "version"], "properties": {
            "predictions": {"type": "array", "items": _prediction(contract, int(api.get("top_k", 0)))},
            "version": {"type": "string"}, **_units(api), **({"explanations": _EXPLANATIONS} if api.get("explain") else {}),
            "outside": {
                "type": "array", "items": _ref("Place"),
                "description": "What of the rows lies far outside of what training saw; the first twenty places."}}},
        "Place": place,
        "Error": {"type": "object", "required": ["error"], "properties": {
            "error": {"type": "string"}, "problems": {"type": "array", "items": _ref("Place")}}},
        "Feedback": {"oneOf": [_ref("Label"), {"type": "object", "required": ["labels"], "properties": {
            "labels": {"type": "array", "minItems": 1, "items": _ref("Label")}}}]},
        "Label": {"type": "object", "required": ["id", "label"], "properties": {
            "id": {"type": ["string", "integer"], "description": "The `x-request-id` of the prediction."},
            "label": {"description": "The label; of a request with several rows, a list of one for each."}}},
        "Tensor": tensor,
        "InferRequest": {"type": "object", "required": ["inputs"], "properties": {
            "id": {"type": "string"}, "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": _ref("Tensor")}, "outputs": {"type": "array", "items": {
                "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}}}}}},
        "InferAnswer": {"type": "object", "required": ["model_name", "outputs"], "properties": {
            "model_name": {"type": "string"}, "model_version": {"type": "string"}, "id": {"type": "string"},
            "parameters": {"type": "object"}, "outputs": {"type": "array", "items": _ref("Tensor")}}},
        "Instances": {"type": "object", "properties": {
            "signature_name": {"type": "string"}, "instances": {"type": "array", "items": {}}, "inputs": {}}},
        "Outputs": {"type": "object", "properties": {"predictions": {"type": "array", "items": {}}, "outputs": {}}},
    }  # fmt: skip


def _inference_paths(base: str, version: str) -> _Described:
    paths: _Described = {}
    for path in (base, f"{base}/versions/{version}"):
        paths[path] = _get("What the model takes and gives, in the Open Inference Protocol.")
        paths[f"{path}/ready"] = _get("Whether the model is ready.", is_open=True)
        paths[f"{path}/infer"] = {"post": _post(
            "Predict, in the Open Inference Protocol; tensors as JSON, or as bytes behind it.",
            _body(_ref("InferRequest"), {}), _ok("The output.", _ref("InferAnswer")))}  # fmt: skip
    return paths


def _tensorflow_paths(base: str) -> _Described:
    return {
        base: _get("The model's versions, as TensorFlow Serving gives them."),
        f"{base}/metadata": _get("The model's signature, as TensorFlow Serving gives it."),
        f"{base}:predict": {"post": _post(
            "Predict, as TensorFlow Serving's REST interface does.", _body(_ref("Instances"), {}),
            _ok("The output, by rows or by columns.", _ref("Outputs")))},
    }  # fmt: skip


def _units(api: _Described) -> _Described:
    if "units" not in api:
        return {}
    return {"units": {"const": api["units"], "description": "The unit of the numbers that are predicted."}}


def _prediction(contract: _Described, top_k: int) -> _Described:
    """Return the schema of one prediction. `top_k`: how many classes are listed by their probability; 0: none."""
    own = answer_row(contract)
    if own is not None:
        return own.schema()
    label = contract["label"]
    match contract["task"]:
        case "binary":
            chosen = {"enum": [*contract["classes"], None]}
            return {
                "type": "object",
                "properties": {"probability": {**_NUMBER, "minimum": 0, "maximum": 1}, label: chosen},
            }
        case "multiclass":
            each = {"type": "object", "additionalProperties": {**_NUMBER, "minimum": 0, "maximum": 1}}
            chosen = {"enum": [*contract["classes"], None]}
            listed = {"type": "object", "properties": {
                "class": {"enum": contract["classes"]}, "probability": {"type": "number", "minimum": 0, "maximum": 1}}}  # fmt: skip
            words = "The classes with the highest probabilities, the highest first."
            top = {"top": {"type": ["array", "null"], "items": listed, "maxItems": top_k, "description": words}}
            properties = {label: chosen, "probabilities": each, **(top if top_k else {})}
            return {"type": "object", "properties": properties}
    return {"type": "object", "properties": {label: _NUMBER}}


def _column(column: _Described) -> _Described:
    schema = _TYPES[column["type"]]
    if column["nullable"]:
        schema = {**schema, "type": [schema["type"], "null"]}
    seen, words = column.get("seen", {}), []
    if "min" in seen:
        words.append(f"Training saw {seen['min']:.6g} to {seen['max']:.6g}.")
    if "values" in seen:
        values = ", ".join(json.dumps(value, ensure_ascii=False) for value in seen["values"][:_SHOWN_VALUES])
        more = len(seen["values"]) - _SHOWN_VALUES
        words.append(f"Training saw {values}{f' and {more} more' if more > 0 else ''}.")
    if not seen.get("missing", True):
        words.append("It was never missing.")
    return {**schema, "description": " ".join(words)} if words else schema


def _about(contract: _Described, api: _Described) -> str:
    label, units = contract["label"], api.get("units")
    named = f" of `{label}`" if isinstance(label, str) else ""
    named += f" in {units}" if units else ""
    calls = (
        f" The Open Inference Protocol is answered over gRPC too: `inference.GRPCInferenceService` at the same host and port, where "
        f"a call names the endpoint, the first part of this address, in the metadata `{ENDPOINT_HEADER}`."
        if api.get("grpc")
        else ""
    )
    return f"Predictions{named} by the model `{contract['model']}` ({contract['task']}).{calls}"


def _example_rows(golden: _Described) -> list[_Described]:
    rows = golden["rows"][:EXAMPLE_ROWS]
    return rows if len(json.dumps(rows)) <= _EXAMPLE_BYTES else []


def _ref(name: str) -> _Described:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: _Described) -> _Described:
    return {"content": {"application/json": {"schema": schema}}}


def _body(schema: _Described, examples: dict[str, list[Any]]) -> _Described:
    """Return what a request holds. `examples`: name -> the value, or nothing."""
    content = {"schema": schema}
    given = {name: {"value": values[0]} for name, values in examples.items() if values}
    return {"required": True, "content": {"application/json": {**content, **({"examples": given} if given else {})}}}


def _ok(words: str, schema: _Described, example: _Described | None = None) -> _Described:
    content: _Described = {"schema": schema, **({"example": example} if example else {})}
    headers = {
        "x-request-id": {"description": "What feedback names.", "schema": {"type": "string"}},
        "x-mlops-version": {"description": "The version that answered.", "schema": {"type": "string"}},
    }
    return {"200": {"description": words, "headers": headers, "content": {"application/json": content}}}


def _post(summary: str, body: _Described, answers: _Described) -> _Described:
    errors = {str(status): {"description": words, **_json(_ref("Error"))} for status, words in _ERRORS.items()}
    return {"summary": summary, "requestBody": body, "responses": {**answers, **errors}}


def _get(summary: str, kind: str = "application/json", *, is_open: bool = False) -> _Described:
    answer = {"200": {"description": "The answer.", "content": {kind: {"schema": {}}}}}
    return {"get": {"summary": summary, "responses": answer, **({"security": []} if is_open else {})}}
