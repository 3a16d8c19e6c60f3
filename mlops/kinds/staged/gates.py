"""Judge metrics.

Lives here: Verdict and judge_gates.
Not here: measuring (workloads), how a gate is written (config.schema.gate), which metrics there are (metrics).
Law: a metric that is missing or no number misses its gate; none live passes, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops.config.schema.gate import Gate, parse_gate
from mlops.metrics.metric import MEASURED_SPLITS


@dataclass(frozen=True, slots=True)
class Verdict:
    """`live`: the live model's metric, None where the gate asks for none or nothing is live."""

    gate: str
    holds: bool
    measured: float | None
    live: float | None
    words: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judge_gates(
    gates: Sequence[str], metrics: Mapping[str, Any], live: Mapping[str, Any] | None
) -> tuple[Verdict, ...]:
    return tuple(_judge(parse_gate(text), metrics, live) for text in gates)


def needs_live(gates: Sequence[str]) -> bool:
    return any(parse_gate(text).live for text in gates)


def _judge(gate: Gate, metrics: Mapping[str, Any], live: Mapping[str, Any] | None) -> Verdict:
    worst: Verdict | None = None
    for part, measured in _measured(gate, metrics):
        beside = dict(_measured(gate, live)).get(part) if gate.live and live is not None else None
        number = measured if isinstance(measured, int | float) and math.isfinite(measured) else None
        holds = number is not None and gate.holds(number, beside)
        words = f"{gate}: {_text(number)}{f' for {part}' if part else ''}"
        if gate.live:
            words += f", live {_text(beside)}" if live is not None else ", nothing is live"
        verdict = Verdict(str(gate), holds, number, beside, words)
        if not holds:
            return verdict
        worst = worst or verdict
    return worst or Verdict(str(gate), False, None, None, f"{gate}: there is no such metric")


def _measured(gate: Gate, metrics: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    if metrics is None:
        return
    if gate.column is None:
        yield "", metrics.get(gate.metric)
        return
    name = gate.metric.removeprefix(f"{MEASURED_SPLITS[0]}_")
    for value, measured in metrics.get("slices", {}).get(gate.column, {}).items():
        if gate.value in (None, value):
            yield f"{gate.column}={value}", measured.get(name)


def _text(number: float | None) -> str:
    return "none" if number is None else f"{number:.4g}"
