"""Describe the model in the Open Inference Protocol, version 2.

Lives here: server_metadata and model_metadata.
Not here: the description of all paths (openapi), answering.
Law: made from the contract, so it says what is checked.
"""

from __future__ import annotations

from typing import Any

from mlops.workloads.serving.open_inference import EXTENSIONS

_DATATYPES = {"bool": "BOOL", "int": "INT64", "float": "FP64", "string": "BYTES", "date": "BYTES", "timestamp": "BYTES",
       "image": "BYTES"}  # fmt: skip


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": "mlops", "version": version, "extensions": EXTENSIONS}


def model_metadata(contract: dict[str, Any], version: str) -> dict[str, Any]:
    return {
        "name": contract["model"], "versions": [version], "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": column["name"], "datatype": _DATATYPES[column["type"]], "shape": [-1]}
            for column in contract["columns"]
        ],
        "outputs": [
            {"name": o["name"], "datatype": "FP32", "shape": [-1 if n is None else n for n in o["shape"]]}
            for o in contract["outputs"]
        ],
    }  # fmt: skip
