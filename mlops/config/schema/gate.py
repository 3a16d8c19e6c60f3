"""Read what a model must reach.

Lives here: Gate, parse_gate.
Not here: judging (kinds), which metrics there are (metrics), computing one (workloads).
Law: a gate written out reads back as itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Operator = Literal[">=", "<=", ">", "<"]
IntervalEnd = Literal["low", "high"]
Other = Literal["live", "trivial", "linear"]
"""What a model's metric may be held against: that of the model that is served, or of a baseline of the same evaluation."""
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_GATE = re.compile(
    rf"\s*(?P<metric>[a-z][a-z0-9_]*)(?:\.(?P<end>{'|'.join(get_args(IntervalEnd))}))?"
    r"(?:\[(?P<column>[^\]=]+)(?:=(?P<value>[^\]]+))?\])?"
    r"\s*(?P<operator>>=|<=|>|<)\s*"
    rf"(?:(?P<other>{'|'.join(get_args(Other))})(?:\s*(?P<sign>[-+])\s*(?P<margin>{_NUMBER}))?|(?P<bound>-?{_NUMBER}))\s*"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """`METRIC >= NUMBER` or `METRIC >= live - NUMBER`; the operators are >= > <= <.

    `bound` is the number; with `other`, such as `live`, it is what is added to the other's metric. `end`: of the metric's
    interval, `test_auc.low >= live`, instead of the metric itself. `column` and `value` narrow it to a slice:
    `test_auc[carrier=AA] >= 0.6`, or to every slice: `test_auc[carrier] >= 0.6`.
    """

    metric: str
    operator: Operator
    bound: float
    other: Other | None = None
    column: str | None = None
    value: str | None = None
    end: IntervalEnd | None = None

    @property
    def live(self) -> bool:
        return self.other == "live"

    def __str__(self) -> str:
        part = "" if self.column is None else f"[{self.column}{'' if self.value is None else f'={self.value}'}]"
        right = _plain(self.bound)
        if self.other:
            sign = "-" if self.bound < 0 else "+"
            right = f"{self.other} {sign} {_plain(abs(self.bound))}" if self.bound else self.other
        return f"{self.metric}{f'.{self.end}' if self.end else ''}{part} {self.operator} {right}"

    def holds(self, measured: float, other: float | None = None) -> bool:
        """A gate against the live model holds where none is live; one against a baseline that is missing does not. False for
        a metric that is not a number."""
        if self.other and other is None:
            return self.live and measured == measured
        bound = self.bound + (other or 0.0 if self.other else 0.0)
        match self.operator:
            case ">=":
                return measured >= bound
            case ">":
                return measured > bound
            case "<=":
                return measured <= bound
            case "<":
                return measured < bound


def parse_gate(text: str) -> Gate:
    """Raises ValueError with a sentence that says how a gate is written."""
    found = _GATE.fullmatch(text)
    if not found:
        raise ValueError(
            f"`{text}` is not a gate; write METRIC >= NUMBER or METRIC >= live - NUMBER, such as `test_auc >= 0.66`"
        )
    bound = float(found["bound"] or found["margin"] or 0.0)
    operator: Operator = found["operator"]  # type: ignore[assignment]
    other: Other | None = found["other"]  # type: ignore[assignment]
    end: IntervalEnd | None = found["end"]  # type: ignore[assignment]
    column, value = (part.strip() if part else None for part in (found["column"], found["value"]))
    return Gate(found["metric"], operator, -bound if found["sign"] == "-" else bound, other, column, value, end)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
