"""Describe the interface.

Lives here: openapi, and the model's metadata in the Open Inference Protocol, version 2.
Not here: answering.
Law: made from the contract, so it says what is checked.
"""

from __future__ import annotations

from typing import Any

from mlops.workloads.answer_row import answer_row

_JSON = {
    "bool": {"type": "boolean"}, "int": {"type": "integer"}, "float": {"type": "number"}, "string": {"type": "string"},
    "date": {"type": "string", "format": "date"}, "timestamp": {"type": "string", "format": "date-time"},
    "image": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"},
}  # fmt: skip
OIP = {"bool": "BOOL", "int": "INT64", "float": "FP64", "string": "BYTES", "date": "BYTES", "timestamp": "BYTES",
       "image": "BYTES"}  # fmt: skip


def openapi(contract: dict[str, Any], version: str, most: int) -> dict[str, Any]:
    """Return the OpenAPI description. `most`: the most rows of one request."""
    row = {
        "type": "object", "additionalProperties": False,
        "properties": {column["name"]: _nullable(column) for column in contract["columns"]},
    }  # fmt: skip
    rows = {"type": "object", "required": ["rows"], "properties": {
        "rows": {"type": "array", "minItems": 1, "maxItems": most, "items": {"$ref": "#/components/schemas/Row"}}}}  # fmt: skip
    ok = {
        "description": "Predictions, in the order of the rows.",
        "content": {"application/json": {"schema": _answer(contract)}},
    }
    bad = {
        "description": "Bad rows, each with its column.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    body = {"required": True, "content": {"application/json": {"schema": {"oneOf": [
        {"$ref": "#/components/schemas/Rows"}, {"$ref": "#/components/schemas/Row"}]}}}}  # fmt: skip
    label = {"type": "object", "required": ["id", "label"], "properties": {"id": {"type": "string"}, "label": {}}}
    labels = {"type": "array", "minItems": 1, "items": label}
    feedback = {"oneOf": [label, {"type": "object", "required": ["labels"], "properties": {"labels": labels}}]}
    return {
        "openapi": "3.1.0",
        "info": {"title": contract["model"], "version": version},
        "paths": {
            "/predict": {"post": {"summary": "Predict rows.", "requestBody": body, "responses": {"200": ok, "422": bad}}},
            "/feedback": {"post": {
                "summary": "Say what the label turned out to be.", "responses": {
                    "202": {"description": "Kept."}, "207": {"description": "Kept, but for those that do not fit."},
                    "422": {"description": "Not kept, because it does not fit."}},
                "requestBody": {"required": True, "content": {"application/json": {"schema": feedback}}}}},
            "/readyz": {"get": {"summary": "Ready to answer.", "responses": {"200": {"description": "Ready."}}}},
            "/metrics": {"get": {"summary": "Prometheus metrics.", "responses": {"200": {"description": "Metrics."}}}},
        },
        "components": {"schemas": {"Row": row, "Rows": rows}},
    }  # fmt: skip


def _answer(contract: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer; where a row is more than a number or a class, with its parts."""
    own = answer_row(contract)
    if own is None:
        return {"type": "object"}
    row = own.schema()
    return {
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": row}, "version": {"type": "string"}},
    }


def _nullable(column: dict[str, Any]) -> dict[str, Any]:
    schema = _JSON[column["type"]]
    return {**schema, "type": [schema["type"], "null"]} if column["nullable"] else schema


def model_metadata(contract: dict[str, Any], version: str) -> dict[str, Any]:
    """Return what the Open Inference Protocol says of a model."""
    return {
        "name": contract["model"], "versions": [version], "platform": "onnxruntime_onnx",
        "inputs": [{"name": c["name"], "datatype": OIP[c["type"]], "shape": [-1]} for c in contract["columns"]],
        "outputs": [
            {"name": o["name"], "datatype": "FP32", "shape": [-1 if n is None else n for n in o["shape"]]}
            for o in contract["outputs"]
        ],
    }  # fmt: skip


def outputs_of(predictions: list[Any], contract: dict[str, Any], version: str, request: Any) -> dict[str, Any]:
    """Return the answer to an inference request; what is no finite number is null in it."""
    output = contract["outputs"][0]
    many = bool(predictions) and isinstance(predictions[0], list)
    data = [value for row in predictions for value in row] if many else predictions
    shape = [len(predictions), len(predictions[0])] if many else [len(predictions)]
    answer = {
        "model_name": contract["model"], "model_version": version,
        "outputs": [{"name": output["name"], "datatype": "FP32", "shape": shape, "data": data}],
    }  # fmt: skip
    return {**answer, "id": request["id"]} if isinstance(request, dict) and "id" in request else answer
