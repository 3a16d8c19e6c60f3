"""Run the model.

Lives here: OnnxPredictor (one ONNX file), Gatherer (many small requests, one run).
Not here: HTTP (app), reading rows (rows).
Law: a request's answer does not depend on which others it was gathered with.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from mlops.workloads.serving.rows import RequestRow, RowReader

SMALL = 64
"""Requests with more rows are not gathered, and run beside the event loop."""


class OnnxPredictor:
    """Runs one ONNX file."""

    def __init__(self, path: Path, reader: RowReader, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._reader = reader

    def predict(self, rows: list[RequestRow]) -> list[Any]:
        """Return a number for each row, or a list of one for each class."""
        predictions: npt.NDArray[Any] = self._session.run(None, self._reader.inputs(rows))[0]
        return predictions.tolist()  # type: ignore[no-any-return]

    def worst(self, rows: list[RequestRow], expected: list[Any]) -> float:
        """Return the largest difference from what is expected; infinite where an answer is no number."""
        got = np.asarray(self.predict(rows), dtype=np.float64)
        difference = np.abs(got - np.asarray(expected, dtype=np.float64))
        return float(difference.max()) if np.isfinite(difference).all() else float("inf")


class Gatherer:
    """Runs what came in during one turn of the event loop as one batch."""

    def __init__(self, predictor: OnnxPredictor, *, gather: bool = True) -> None:
        self._predictor = predictor
        self._gather = gather
        self._waiting: list[tuple[list[RequestRow], asyncio.Future[list[Any]]]] = []

    async def predict(self, rows: list[RequestRow]) -> list[Any]:
        """Return what the model gives for `rows`, whichever others it is run with."""
        loop = asyncio.get_running_loop()
        if len(rows) > SMALL:
            return await loop.run_in_executor(None, self._predictor.predict, rows)
        if not self._gather:
            return self._predictor.predict(rows)
        future: asyncio.Future[list[Any]] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._run)
        self._waiting.append((rows, future))
        return await future

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            predictions = self._predictor.predict([row for rows, _ in waiting for row in rows])
        except Exception as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        start = 0
        for rows, future in waiting:
            if not future.done():
                future.set_result(predictions[start : start + len(rows)])
            start += len(rows)
