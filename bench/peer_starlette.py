"""Serve the same model as a tutorial would: Starlette, JSON, one onnxruntime call a request.

Lives here: the application; MODEL in the environment is the folder with model.onnx and contract.json.
Not here: anything of mlops.
Law: what a competent user writes in an afternoon, no slower on purpose.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_FOLDER = Path(os.environ["MODEL"])
_COLUMNS = json.loads((_FOLDER / "contract.json").read_text())["columns"]
_OPTIONS = onnxruntime.SessionOptions()
_OPTIONS.intra_op_num_threads = 1
_SESSION = onnxruntime.InferenceSession(str(_FOLDER / "model.onnx"), _OPTIONS, providers=["CPUExecutionProvider"])


def _column(rows: list[dict[str, Any]], name: str, kind: str) -> Any:
    if kind == "string":
        return np.array([[row.get(name) or ""] for row in rows], dtype=object)
    return np.array([[row.get(name)] for row in rows], dtype=np.float64)


async def predict(request: Request) -> JSONResponse:
    told = await request.json()
    rows = told.get("rows", [told])
    inputs = {column["name"]: _column(rows, column["name"], column["type"]) for column in _COLUMNS}
    probabilities = _SESSION.run(None, inputs)[0].tolist()
    return JSONResponse({"predictions": [{"probability": p, "late": p >= 0.5} for p in probabilities]})


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
