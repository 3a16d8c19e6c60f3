"""Compute contributions of any model.

Lives here: SampledContributions, Shapley values over orders of the columns, against rows of the training data.
Not here: models whose score is a sum (explain_exact).
Law: contributions and base add up to the prediction exactly; the orders are the same for every row and every start, so that
equal rows have equal explanations.

Each background row becomes the row that is explained, one column after the other, in an order and in its reverse; a column
is given what the prediction moves by (Castro et al. 2009, doi:10.1016/j.cor.2008.04.004).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.workloads.serving.rows import RequestRow

_MOST_RUNS = 4_096
"""Rows that the model is run over for one explanation, where there are enough background rows for so many."""
_LEAST_ROWS = 8
_Predict = Callable[[list[RequestRow]], list[Any]]


class SampledContributions:
    """`predict`: the model. `background`: rows of the training data."""

    def __init__(self, predict: _Predict, background: Sequence[RequestRow]) -> None:
        self._predict = predict
        width = len(background[0])
        count = min(len(background), max(_LEAST_ROWS, _MOST_RUNS // max(1, 2 * (width - 1))))
        places = np.linspace(0, len(background) - 1, count).astype(int)
        self._background = [background[place] for place in places]
        self._base = predict(self._background)
        orders = np.random.default_rng(0)
        self._orders = [tuple(map(int, orders.permutation(width))) for _ in self._background]

    def of(self, row: RequestRow, prediction: Any, output: int) -> tuple[float, npt.NDArray[Any]] | None:
        """Return base and contributions, `[D]`; None where a prediction on the way is no finite number. `prediction`: of the row."""
        rows: list[RequestRow] = []
        for start, order in zip(self._background, self._orders, strict=True):
            rows += [*_way(start, row, order), *_way(start, row, order[::-1])]
        between = self._predict(rows) if rows else []
        width, total, base = len(row), np.zeros(len(row)), 0.0
        place = 0
        for start_value, order in zip(self._base, self._orders, strict=True):
            first, last = _number(start_value, output), _number(prediction, output)
            base += first
            for turn in (order, order[::-1]):
                inner = [_number(one, output) for one in between[place : place + width - 1]]
                place += width - 1
                total[list(turn)] += np.diff([first, *inner, last])
        contributions = total / (2 * len(self._orders))
        return (base / len(self._orders), contributions) if np.isfinite(contributions).all() else None


def _way(start: RequestRow, row: RequestRow, order: Sequence[int]) -> list[RequestRow]:
    """Return the rows between `start` and `row`, neither of them among them."""
    current = list(start)
    found: list[RequestRow] = []
    for column in order[:-1]:
        current[column] = row[column]
        found.append(tuple(current))
    return found


def _number(prediction: Any, output: int) -> float:
    value = prediction[output] if isinstance(prediction, list) else prediction
    return float("nan") if value is None else float(value)
