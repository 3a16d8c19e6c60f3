"""Read what a model must reach.

Lives here: Gate, parse_gate.
Not here: judging (kinds), which metrics there are (metrics), computing one (workloads).
Law: a gate written out reads back as itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_GATE = re.compile(
    r"\s*(?P<metric>[a-z][a-z0-9_]*)(?:\[(?P<column>[^\]=]+)(?:=(?P<value>[^\]]+))?\])?"
    r"\s*(?P<operator>>=|<=|>|<)\s*"
    rf"(?:(?P<live>live)(?:\s*(?P<sign>[-+])\s*(?P<margin>{_NUMBER}))?|(?P<bound>-?{_NUMBER}))\s*"
)
Operator = Literal[">=", "<=", ">", "<"]


@dataclass(frozen=True, slots=True)
class Gate:
    """`METRIC >= NUMBER` or `METRIC >= live - NUMBER`; the operators are >= > <= <.

    `bound` is the number; with `live` it is what is added to the live model's metric. `column` and `value` narrow it to
    a slice: `test_auc[carrier=AA] >= 0.6`, or to every slice: `test_auc[carrier] >= 0.6`.
    """

    metric: str
    operator: Operator
    bound: float
    live: bool = False
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        part = "" if self.column is None else f"[{self.column}{'' if self.value is None else f'={self.value}'}]"
        right = _plain(self.bound)
        if self.live:
            sign = "-" if self.bound < 0 else "+"
            right = f"live {sign} {_plain(abs(self.bound))}" if self.bound else "live"
        return f"{self.metric}{part} {self.operator} {right}"

    def holds(self, measured: float, live: float | None = None) -> bool:
        """A gate against the live model holds where none is live. False for a metric that is not a number."""
        if self.live and live is None:
            return measured == measured
        bound = self.bound + (live or 0.0 if self.live else 0.0)
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
    column, value = (part.strip() if part else None for part in (found["column"], found["value"]))
    return Gate(
        found["metric"], operator, -bound if found["sign"] == "-" else bound, bool(found["live"]), column, value
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
