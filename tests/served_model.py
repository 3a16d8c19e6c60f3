"""A small model by hand, as a server reads it: it answers with number + place, and knows what training saw."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import onnx
from onnx import TensorProto, helper

COLUMNS: list[dict[str, Any]] = [
    {"name": "number", "type": "float", "nullable": True, "seen": {"missing": True, "min": 0.0, "max": 10.0}},
    {"name": "place", "type": "int", "nullable": True, "seen": {"missing": False, "min": 1, "max": 5}},
    {"name": "color", "type": "string", "nullable": True, "seen": {"missing": True, "values": ["blue", "red"]}},
    {"name": "flag", "type": "bool", "nullable": True, "seen": {"missing": True}},
]
CONTRACT: dict[str, Any] = {
    "format": 1, "model": "m", "task": "regression", "label": "y", "classes": [], "known": ["note"],
    "columns": COLUMNS, "outputs": [{"name": "prediction", "type": "float", "shape": [None]}],
}  # fmt: skip
API: dict[str, Any] = {"max_rows": 100, "gather": True, "threads": 1}
GOLDEN = {"rows": [{"number": 1.5, "place": 2, "color": "red"}, {"number": 99.0, "place": 1}], "predictions": [3.5, 100.0],
          "tolerance": 1e-4}  # fmt: skip


def write_served_model(folder: Path, contract: dict[str, Any] | None = None, **api: Any) -> Path:
    """Write model.onnx, contract.json, golden.json and api.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {
        "number": TensorProto.DOUBLE,
        "place": TensorProto.DOUBLE,
        "color": TensorProto.STRING,
        "flag": TensorProto.DOUBLE,
    }
    inputs = [helper.make_tensor_value_info(name, kind, ["N", 1]) for name, kind in kinds.items()]
    output = helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["N"])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Add", ["number", "place"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "axes"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["prediction"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(nodes, "g", inputs, [output], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    for name, content in (("contract", contract or CONTRACT), ("golden", GOLDEN), ("api", {**API, **api})):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def ask_application(application: Any, method: str, path: str, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://x") as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


def logged_lines(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a prediction log that was closed."""
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
