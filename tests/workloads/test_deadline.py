"""A run of the model that takes too long is ended, and so is its request."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mlops.workloads.serving.model import Gatherer, OnnxPredictor
from mlops.workloads.serving.rows import BadRows


class Rounds:
    """Reads rows that are numbers: how often the model goes round."""

    def inputs(self, rows: list[Any]) -> dict[str, Any]:
        return {"rounds": np.asarray(max(rows), dtype=np.int64), "rows": np.asarray(rows, dtype=np.float32)}


@pytest.fixture
def predictor(tmp_path: Path) -> OnnxPredictor:
    """A model that goes round as often as its largest row says, and takes 0.5 s at most."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"]), helper.make_node("Add", ["sum", "sum"], ["more"]),
         helper.make_node("Sub", ["more", "sum"], ["same"])],
        "body",
        [helper.make_tensor_value_info("round", TensorProto.INT64, []), helper.make_tensor_value_info("on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("still_on", TensorProto.BOOL, []), helper.make_tensor_value_info("same", TensorProto.FLOAT, ["n"])],
    )  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["true"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True])),
         helper.make_node("Loop", ["rounds", "true", "rows"], ["out"], body=body)],
        "rounds",
        [helper.make_tensor_value_info("rounds", TensorProto.INT64, []), helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n"])],
    )  # fmt: skip
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    reader: Any = Rounds()
    return OnnxPredictor(path, reader, 1, 0.5)


FOREVER = 2**62


def test_run_that_takes_too_long_is_ended_and_the_next_one_is_answered(predictor: OnnxPredictor) -> None:
    rows: Any = [FOREVER]
    started = time.monotonic()
    with pytest.raises(BadRows) as late:
        predictor.predict(rows)
    assert (late.value.status, late.value.problems[0]["problem"]) == (504, "the model took longer than 0.5 s")
    assert time.monotonic() - started < 20
    short: Any = [3]
    assert predictor.predict(short) == [3.0]


@pytest.mark.parametrize("count", [1, 100])
def test_late_request_gets_504_whether_it_runs_in_the_loop_or_beside_it(predictor: OnnxPredictor, count: int) -> None:
    sound: Any = 1

    async def ask() -> list[Any]:
        model = Gatherer(predictor, sound)
        rows: Any = [FOREVER] * count
        with pytest.raises(BadRows, match="1 problems") as late:
            await model.predict(rows)
        assert late.value.status == 504
        good: Any = [2]
        return await model.predict(good)

    assert asyncio.run(ask()) == [2.0]
