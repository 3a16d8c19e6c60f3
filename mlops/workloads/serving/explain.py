"""Explain predictions.

Lives here: Explainer, which answers `?explain=true` with contributions of each column, and wants_explanation.
Not here: computing them (explain_exact, explain_sampled), predictions (model).
Law: explanations run in a thread of their own, with a model of their own, a bounded number at once: who asks for none waits
for none.
"""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import numpy.typing as npt

from mlops.workloads.serving.explain_exact import ExactContributions
from mlops.workloads.serving.explain_sampled import SampledContributions
from mlops.workloads.serving.model import OnnxPredictor
from mlops.workloads.serving.rows import RequestRow, RowReader, whole

MOST_EXPLAINED = 100
"""Of one request that is explained."""
_MOST_WAITING = 8
_WORDS = {"true": True, "1": True, "false": False, "0": False}


def wants_explanation(query: bytes) -> bool:
    """Say whether a query asks for explanations. Raises BadRows where it says neither yes nor no."""
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("explain", ["false"])[-1]
    if given.lower() not in _WORDS:
        raise whole("`explain` is true or false", 400, "explain")
    return _WORDS[given.lower()]


def not_explained() -> Exception:
    """Return the refusal of a request for what the package does not offer."""
    return whole(
        "this version explains no predictions; its package would say `api: {explain: true}`. Ask without `explain`",
        400,
        "explain",
    )


class Explainer:
    """Reads explain.json and what belongs to it from `folder`. `timeout`: seconds that the explanations of one request may take."""

    def __init__(self, folder: Path, contract: dict[str, Any], reader: RowReader, *, timeout: float) -> None:
        described = json.loads((folder / "explain.json").read_text())
        self._form, self._scale = described["form"], described["scale"]
        self._columns = [column["name"] for column in contract["columns"]]
        self._classes = contract["classes"] if contract["task"] == "multiclass" else None
        self._timeout = timeout
        self._thread = ThreadPoolExecutor(1, "explanations")
        self._waiting = 0
        if self._form == "sampled":
            model = OnnxPredictor(folder / "model.onnx", reader, 1, timeout)
            background = reader.read(json.dumps({"rows": described["background"]}).encode())
            self._sampled = SampledContributions(model.predict, background)
        else:
            self._encoder = OnnxPredictor(folder / "features.onnx", reader, 1, timeout)
            self._exact = ExactContributions(folder / "explain.npz", len(self._columns))

    def check(self, rows: list[RequestRow]) -> None:
        """Raises BadRows where there are too many rows, or too many who wait already."""
        if len(rows) > MOST_EXPLAINED:
            raise whole(f"{len(rows):,} rows, and a request that is explained may have {MOST_EXPLAINED:,}", 413, "rows")
        if self._waiting >= _MOST_WAITING:
            raise whole("too many explanations are being made; ask again later, or without `explain`", 429, "explain")

    async def add_to(self, answer: bytes, rows: list[RequestRow], predictions: list[Any]) -> bytes:
        """Return the body of an answer with the explanations of its rows. Raises BadRows where that takes too long."""
        self._waiting += 1
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._thread, self.explain, rows, predictions)
        finally:
            self._waiting -= 1
        return b'%b,"explanations":%b}' % (
            answer[:-1],
            json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"),
        )

    def explain(self, rows: list[RequestRow], predictions: list[Any]) -> dict[str, Any]:
        """Return what stands in an answer as `explanations`."""
        until = time.monotonic() + self._timeout
        encoded = np.asarray(self._encoder.run(rows)) if self._form != "sampled" else None
        found: list[dict[str, Any] | None] = []
        for place, (row, prediction) in enumerate(zip(rows, predictions, strict=True)):
            if time.monotonic() > until:
                raise whole(f"the explanations took longer than {self._timeout:g} s; send fewer rows", 504, "explain")
            found.append(self._one(row, prediction, None if encoded is None else encoded[place]))
        return {"method": self._form, "scale": self._scale, "rows": found}

    def _one(self, row: RequestRow, prediction: Any, x: npt.NDArray[Any] | None) -> dict[str, Any] | None:
        """Return the explanation of one row; None where its prediction is no finite number."""
        if prediction is None or (isinstance(prediction, list) and None in prediction):
            return None
        output = int(np.argmax(prediction)) if self._classes is not None else 0
        made = self._sampled.of(row, prediction, output) if x is None else self._exact.of(x, output)
        if made is None:
            return None
        base, contributions = made
        named = dict(zip(self._columns, map(_rounded, contributions), strict=True))
        of_class = {} if self._classes is None else {"of": self._classes[output]}
        score = _rounded(base + float(contributions.sum()))
        return {**of_class, "score": score, "base": _rounded(base), "contributions": named}


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")
