"""Predict frames.

Lives here: PredictingView, what a model and an endpoint share; ModelView, EndpointView.
Not here: the process that a model runs in (model_process), HTTP (api.inspect).
Law: rows are asked in pieces that a request may have, and the answer has the form and the order of the question.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops.api.notebook.frames import like_frame, rows_of
from mlops.api.notebook.model_process import ModelProcess
from mlops.api.notebook.table import TableView
from mlops.api.refusal import refused_rows

_Row = Mapping[str, Any]
_PIECE = 10_000


class PredictingView(ABC):
    """Something that answers rows. `most`: the most rows of one request."""

    def __init__(self, address: str, most: int) -> None:
        self.address = address
        self._most = max(1, min(most, _PIECE))

    @abstractmethod
    def _ask(self, rows: Sequence[_Row], first: int) -> Sequence[_Row]:
        """Return an answer for each row. `first`: the number of the first, in the frame. Raises MlopsError."""

    def predict(self, frame: Any) -> Any:
        """Return the answer for each row, in the form of `frame`: a pandas or polars frame, an Arrow table, a list of mappings,
        one mapping. Columns of the data set that the model does not read are let through. Raises MlopsError where a row
        cannot be read, with its column."""
        rows = rows_of(frame)
        answers = [
            answer for start in range(0, len(rows), self._most) for answer in self._ask(rows[start : start + self._most], start)
        ]  # fmt: skip
        return like_frame(frame, answers)


class EndpointView(PredictingView):
    """An endpoint that was applied, asked over HTTP with its key, as its clients ask it.

    >>> endpoint = project.endpoint("churn")
    >>> endpoint.url == project.headline()
    True
    >>> endpoint.predict([{"months": 2, "plan": "basic"}, {"months": 50, "plan": "plus"}])  # doctest: +ELLIPSIS
    [{'probability': 0.9..., 'churned': True}, {'probability': ..., 'churned': False}]
    """

    def __init__(self, address: str, most: int, url: str, ask: Callable[[Sequence[_Row], int], Sequence[_Row]]) -> None:
        super().__init__(address, most)
        self.url = url
        self._over_http = ask

    def _ask(self, rows: Sequence[_Row], first: int) -> Sequence[_Row]:
        return self._over_http(rows, first)

    def __repr__(self) -> str:
        return f"<{self.address} at {self.url}>"


class ModelView(PredictingView):
    """A model that was trained, asked in a process of this machine that runs what would serve it.

    >>> model = project.model("churn")
    >>> model.columns
    {'months': 'int', 'plan': 'string'}
    >>> model.predict({"months": 2, "plan": "basic"})  # doctest: +ELLIPSIS
    {'probability': 0.9..., 'churned': True}
    >>> test = project.data("churn", split="test").to_pandas()
    >>> list(model.predict(test).columns)
    ['probability', 'churned']
    >>> model.predict({"months": "many"})
    Traceback (most recent call last):
        ...
    mlops.errors.MlopsError: rows were refused: model.churn answered 422: row 0, column months: must be a whole number of at most 64 bits, and is "many".
    """

    def __init__(
        self, address: str, process: ModelProcess, most: int, tables: Callable[[], tuple[TableView, TableView]]
    ) -> None:
        super().__init__(address, most)
        self._process, self._tables = process, tables

    @property
    def columns(self) -> dict[str, str]:
        """The columns that the model reads, and their types."""
        contract = json.loads((self._process.export / "contract.json").read_text())
        return {column["name"]: column["type"] for column in contract["columns"]}

    def metrics(self) -> TableView:
        """Return what its evaluation measured."""
        return self._tables()[0]

    def runs(self) -> TableView:
        """Return its versions in this environment, the newest first."""
        return self._tables()[1]

    def close(self) -> None:
        """End its process; the next prediction starts another. Without it, the process ends with the object."""
        self._process.close()

    def _ask(self, rows: Sequence[_Row], first: int) -> Sequence[_Row]:
        status, body = self._process.ask(json.dumps({"rows": rows}, allow_nan=False, default=str))
        if status != 200:
            raise refused_rows("rows were refused", self.address, status, body, first=first)
        answers: list[dict[str, Any]] = json.loads(body)["predictions"]
        return answers

    def __repr__(self) -> str:
        return f"<{self.address} from {self._process.export}>"
