"""Run the model.

Lives here: OnnxPredictor (one ONNX file), Gatherer (many small requests, one run).
Not here: HTTP (app), reading rows (rows).
Law: a request's answer does not depend on which others it was gathered with; what is no finite number is None.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from mlops.contracts.names import ANSWER_TIMEOUT
from mlops.workloads.serving.deadline import Deadline, TooLate
from mlops.workloads.serving.rows import BadRows, RequestRow, RowReader, whole

SMALL = 64
"""Requests with more rows are not gathered, and run beside the event loop."""
_MOST_PROBLEMS = 20


class OnnxPredictor:
    """Runs one ONNX file. `timeout`: seconds that one run may take."""

    def __init__(self, path: Path, reader: RowReader, threads: int, timeout: float = ANSWER_TIMEOUT) -> None:
        self._deadline = Deadline(timeout)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._reader = reader

    def predict(self, rows: list[RequestRow]) -> list[Any]:
        """Return a number for each row, or a list of one for each class; None where one is not finite. Raises BadRows with 504
        where that takes too long."""
        predictions = self.run(rows)
        numbers: list[Any] = predictions.tolist()
        if predictions.ndim == 1 and math.isfinite(sum(numbers)):
            return numbers
        return numbers if np.isfinite(predictions).all() else _without_infinite(predictions)

    def run(self, rows: list[RequestRow]) -> npt.NDArray[Any]:
        """Return the first output of the graph. Raises BadRows with 504 where that takes too long."""
        try:
            output: npt.NDArray[Any] = self._deadline.run(self._session, self._reader.inputs(rows))[0]
        except TooLate:
            raise whole(f"the model took longer than {self._deadline.seconds:g} s", 504) from None
        return output

    def worst(self, rows: list[RequestRow], expected: list[Any]) -> float:
        """Return the largest difference from what is expected, as a share of it where that is beyond 1; infinite where an
        answer is no number."""
        got, right = np.asarray(self.predict(rows), dtype=np.float64), np.asarray(expected, dtype=np.float64)
        difference = np.abs(got - right) / np.maximum(1.0, np.abs(right))  # None became NaN
        return float(difference.max()) if np.isfinite(difference).all() else float("inf")


def _without_infinite(predictions: npt.NDArray[Any]) -> list[Any]:
    """Return the predictions with None in each place of a row that holds a number that is not finite."""
    finite = np.isfinite(predictions)
    if predictions.ndim > 1:
        finite = np.broadcast_to(finite.all(axis=1, keepdims=True), predictions.shape)
    kept = predictions.astype(object)
    kept[~finite] = None
    return kept.tolist()  # type: ignore[no-any-return]


class Gatherer:
    """Runs what came in during one turn of the event loop as one batch. `sound`: a row that the model is known to compute."""

    def __init__(self, predictor: OnnxPredictor, sound: RequestRow, *, gather: bool = True) -> None:
        self._predictor = predictor
        self._sound = sound
        self._gather = gather
        self._waiting: list[tuple[list[RequestRow], asyncio.Future[list[Any]]]] = []

    async def predict(self, rows: list[RequestRow]) -> list[Any]:
        """Return what the model gives for `rows`, whichever others it is run with."""
        loop = asyncio.get_running_loop()
        if len(rows) > SMALL:
            return await loop.run_in_executor(None, self._predict_alone, rows)
        if not self._gather:
            return self._predict_alone(rows)
        future: asyncio.Future[list[Any]] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._run)
        self._waiting.append((rows, future))
        return await future

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            predictions = self._predictor.predict([row for rows, _ in waiting for row in rows])
        except BadRows as error:  # they took too long together
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        except Exception:
            self._run_each(waiting)
            return
        start = 0
        for rows, future in waiting:
            if not future.done():
                future.set_result(predictions[start : start + len(rows)])
            start += len(rows)

    def _run_each(self, waiting: list[tuple[list[RequestRow], asyncio.Future[list[Any]]]]) -> None:
        """Run requests one by one, after a batch of them failed."""
        for rows, future in waiting:
            if future.done():
                continue
            try:
                future.set_result(self._predict_alone(rows))
            except Exception as error:
                future.set_exception(error)

    def _predict_alone(self, rows: list[RequestRow]) -> list[Any]:
        """Run one request; where it fails, row by row. Raises BadRows that names the rows which the model cannot compute, and what
        the model raised where it cannot compute a sound row either."""
        try:
            return self._predictor.predict(rows)
        except BadRows:
            raise
        except Exception:
            self._predictor.predict([self._sound])
        predictions: list[Any] = []
        problems: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            try:
                predictions += self._predictor.predict([row])
            except BadRows:
                raise
            except Exception:
                problems.append({"row": index, "column": None, "problem": "the model cannot compute this row"})
                if len(problems) == _MOST_PROBLEMS:
                    break
        if problems:
            raise BadRows(problems)
        return predictions
