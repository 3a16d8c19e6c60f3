"""Write predictions as JSON.

Lives here: AnswerWriter, for one task, and read_predictions, which reads the numbers back.
Not here: computing them.
Law: one row's answer is joined from bytes that were prepared once, and is valid JSON: a prediction that is None, because it
is no finite number, is null, and so is its class. Imports nothing heavy: a probe reads answers too.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from typing import Any

from mlops.workloads.answer_row import answer_row

_EVEN = 0.5


class AnswerWriter:
    """Makes the bodies of answers. `threshold`: from where a binary prediction is the second class; None: what the model says
    in its contract. `top_k`: how many classes of the highest probabilities are listed in their order; 0: none. `units`: of the
    numbers that are predicted."""

    def __init__(
        self,
        contract: dict[str, Any],
        version: str,
        threshold: float | None,
        *,
        top_k: int = 0,
        units: str | None = None,
    ) -> None:
        self._task = contract["task"]
        self._threshold = float(contract.get("threshold", _EVEN) if threshold is None else threshold)
        self._own_row = answer_row(contract, self._threshold)
        self._label = json.dumps(contract["label"], ensure_ascii=False).encode()
        classes = [json.dumps(value, ensure_ascii=False).encode() for value in contract["classes"]]
        self._classes = classes
        self._keys = [json.dumps(str(_plain(value)), ensure_ascii=False).encode() for value in contract["classes"]]
        self._top_k = top_k
        unit = b"" if units is None else b',"units":%b' % json.dumps(units, ensure_ascii=False).encode()
        self._tail = b'],"version":%b%b}' % (json.dumps(version).encode(), unit)
        if self._task == "binary":
            self._no, self._yes = (b",%b:%b}" % (self._label, value) for value in classes)

    def write(self, predictions: list[Any], outside: Sequence[Any] = ()) -> bytes:
        """Return the body that holds these predictions. `outside`: what of the rows lies far outside of what training saw."""
        if outside:
            noted = json.dumps(outside, ensure_ascii=False).encode(errors="replace")
            return b'%b,"outside":%b}' % (self.write(predictions)[:-1], noted)
        if self._own_row is not None:
            write = self._own_row.write
            each = [write(None if _is_none(prediction) else prediction) for prediction in predictions]
            return b'{"predictions":[%b%b' % (b",".join(each), self._tail)
        try:
            match self._task:
                case "binary":
                    threshold, yes, no = self._threshold, self._yes, self._no
                    rows = [b'{"probability":%.9g%b' % (p, yes if p >= threshold else no) for p in predictions]
                case "multiclass":
                    rows = [self._many(p) for p in predictions]
                case _:
                    rows = [b"{%b:%.9g}" % (self._label, p) for p in predictions]
        except TypeError:  # one of them is None
            rows = [self._nothing() if _is_none(p) else self._row(p) for p in predictions]
        return b'{"predictions":[%b%b' % (b",".join(rows), self._tail)

    def _row(self, prediction: Any) -> bytes:
        """Return the row of one prediction."""
        return self.write([prediction]).removeprefix(b'{"predictions":[').removesuffix(self._tail)

    def _nothing(self) -> bytes:
        """Return the row of a prediction that is no finite number."""
        match self._task:
            case "binary":
                return b'{"probability":null,%b:null}' % self._label
            case "multiclass":
                each = b",".join(b"%b:null" % key for key in self._keys)
                top = b',"top":null' if self._top_k else b""
                return b'{%b:null,"probabilities":{%b}%b}' % (self._label, each, top)
        return b"{%b:null}" % self._label

    def _many(self, probabilities: list[float]) -> bytes:
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        each = b",".join(b"%b:%.9g" % (key, p) for key, p in zip(self._keys, probabilities, strict=True))
        top = self._top(probabilities) if self._top_k else b""
        return b'{%b:%b,"probabilities":{%b}%b}' % (self._label, self._classes[best], each, top)

    def _top(self, probabilities: list[float]) -> bytes:
        """Return the classes of the highest probabilities, the highest first; of equal ones the first class."""
        places = heapq.nlargest(self._top_k, range(len(probabilities)), key=probabilities.__getitem__)
        each = (b'{"class":%b,"probability":%.9g}' % (self._classes[place], probabilities[place]) for place in places)
        return b',"top":[%b]' % b",".join(each)


def read_predictions(answer: dict[str, Any], contract: dict[str, Any]) -> list[Any]:
    """Return what the model gave for each row: a number, or a list of one for each class; None where there is none."""
    rows = answer["predictions"]
    if (reader := answer_row(contract)) is not None:
        return [reader.read(row) for row in rows]
    match contract["task"]:
        case "binary":
            return [row.get("probability") for row in rows]
        case "multiclass":
            keys = [str(_plain(value)) for value in contract["classes"]]
            return [[row.get("probabilities", {}).get(key) for key in keys] for row in rows]
        case _:
            return [row.get(contract["label"]) for row in rows]


def _is_none(prediction: Any) -> bool:
    return prediction is None or (isinstance(prediction, list) and None in prediction)


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
