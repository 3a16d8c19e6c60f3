"""Run the model over rows.

Lives here: Scorer, which scores batches of rows with several threads, and ScoredRows.
Not here: types of columns (typed_columns), the columns that predictions become (answer_columns), files (parquet_output).
Law: what a row is given depends on the row alone; a row that the model cannot compute harms no other.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pyarrow as pa

from mlops.workloads.scoring.answer_columns import AnswerColumns
from mlops.workloads.scoring.typed_columns import Inputs, TypedColumns
from mlops.workloads.serving.model import OnnxPredictor
from mlops.workloads.serving.rows import RowReader
from mlops.workloads.stage import failed

BATCH = 16_384
"""Rows that the model runs over at once: few enough for a processor's cache, enough that nothing else counts."""
_AHEAD = 2
"""Batches for each thread that are read before they are written."""
PROBLEM = "problem"
"""The column of the rows that were set aside which says why."""


@dataclass(frozen=True)
class ScoredRows:
    """One batch of rows. `rejected`: those that could not be scored, with the column `problem`."""

    scored: pa.RecordBatch
    rejected: pa.RecordBatch | None


class Scorer:
    """Scores with the model in `folder`: model.onnx, contract.json, golden.json, api.json. `keep`: columns of the input that
    stand beside the predictions; None: all. Raises MlopsError where the model answers its golden rows otherwise than it did."""

    def __init__(self, folder: Path, *, threads: int, keep: tuple[str, ...] | None) -> None:
        contract: dict[str, Any] = json.loads((folder / "contract.json").read_text())
        api = json.loads((folder / "api.json").read_text())
        _check_golden(folder, contract)
        self._columns = TypedColumns(contract)
        self._answer = AnswerColumns(contract, api.get("threshold"))
        self._keep = keep
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "scoring")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def check(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the scored rows. Raises MlopsError where the rows have other columns than the model takes."""
        self._columns.check(schema)
        kept = [schema.field(name) for name in self._kept(schema)]
        both = [field.name for field in self._answer.schema if field.name in {one.name for one in kept}]
        if both:
            raise failed(
                "column stands twice",
                f"The rows have a column `{both[0]}`, as what the model gives is called. Leave it out: list the columns that "
                "shall stand beside the predictions under `columns`.",
            )
        return pa.schema([*kept, *self._answer.schema])

    def _kept(self, schema: pa.Schema) -> list[str]:
        if self._keep is None:
            return list(schema.names)
        missing = [name for name in self._keep if name not in schema.names]
        if missing:
            raise failed(
                "no such column",
                f"`columns` names `{missing[0]}`, and the rows have: {', '.join(schema.names)}. Name one of these.",
            )
        return list(self._keep)

    def score(self, batches: Iterable[pa.RecordBatch]) -> Iterator[ScoredRows]:
        """Score batches with all threads; yield them in their order."""
        waiting: deque[Future[ScoredRows]] = deque()
        try:
            for batch in batches:
                if batch.num_rows:
                    waiting.append(self._pool.submit(self._score_one, batch))
                if len(waiting) > self._threads * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _score_one(self, batch: pa.RecordBatch) -> ScoredRows:
        inputs, problems = self._columns.inputs(batch)
        good = np.ones(batch.num_rows, dtype=bool)
        good[list(problems)] = False
        rows = np.flatnonzero(good)
        kept = inputs if len(rows) == batch.num_rows else {name: values[rows] for name, values in inputs.items()}
        predictions, failures = self._run(kept, len(rows))
        for place in failures:
            problems[int(rows[place])] = "the model cannot compute this row"
        if failures:
            rows = np.delete(rows, failures)
        scored = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows))
        names = self._kept(batch.schema)
        answers = self._answer.columns(predictions, len(rows))
        columns = [*(scored[name] for name in names), *answers]
        schema = pa.schema([*(batch.schema.field(name) for name in names), *self._answer.schema])
        return ScoredRows(pa.RecordBatch.from_arrays(columns, schema=schema), _set_aside(batch, problems))

    def _run(self, inputs: Inputs, count: int) -> tuple[npt.NDArray[Any] | None, list[int]]:
        """Return the predictions of the rows that can be computed, and the places of those that cannot."""
        if count == 0:
            return None, []
        try:
            return self._session.run(None, inputs)[0], []
        except Exception:
            if count == 1:
                return None, [0]
        half = count // 2
        left, left_failures = self._run({name: values[:half] for name, values in inputs.items()}, half)
        right, right_failures = self._run({name: values[half:] for name, values in inputs.items()}, count - half)
        parts = [part for part in (left, right) if part is not None]
        failures = [*left_failures, *(half + place for place in right_failures)]
        return (np.concatenate(parts) if parts else None), failures


def _set_aside(batch: pa.RecordBatch, problems: dict[int, str]) -> pa.RecordBatch | None:
    if not problems:
        return None
    rows = sorted(problems)
    aside = batch.take(pa.array(rows))
    reasons = pa.array([problems[row] for row in rows], pa.string())
    return aside.append_column(PROBLEM if PROBLEM not in batch.schema.names else f"mlops {PROBLEM}", reasons)


def _check_golden(folder: Path, contract: dict[str, Any]) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    reader = RowReader(contract, len(golden["rows"]))
    rows = reader.read(json.dumps({"rows": golden["rows"]}).encode())
    worst = OnnxPredictor(folder / "model.onnx", reader, 1).worst(rows, golden["predictions"])
    if not worst <= golden["tolerance"]:
        raise failed(
            "golden rows are answered wrongly",
            f"The model in {folder} is {worst:.3g} away from what it predicted when it was made, and {golden['tolerance']:g} is "
            "allowed. Nothing was scored. Build the package again: mlops apply --replace, or look at the installed onnxruntime.",
        )
