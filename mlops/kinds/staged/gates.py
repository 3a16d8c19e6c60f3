"""Judge metrics.

Lives here: Verdict, judge_gates, and judged_gates, which adds to a model's gates the one that every model must pass.
Not here: measuring (workloads), how a gate is written (config.schema.gate), which metrics there are (metrics).
Law: a metric that is missing or no number misses its gate; none live passes, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops.config.schema.gate import Gate, parse_gate
from mlops.metrics.baseline import baseline_gate
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.task import Task

_ENDS = {"low": 0, "high": 1}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`live`: the metric of what the gate compares with, None where it compares with nothing or nothing is live."""

    gate: str
    holds: bool
    measured: float | None
    live: float | None
    words: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judged_gates(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the gates of a model: its own, and that it is better than the trivial baseline, unless it says `baseline_gate:
    false` or compares itself with the baseline in a gate of its own. `inputs`: with or without defaults."""
    own = tuple(inputs.get("gates", ()))
    default = baseline_gate(Task(inputs["task"]))
    if default is None or not inputs.get("baseline_gate", True):
        return own
    is_said = any(parse_gate(gate).other == parse_gate(default).other for gate in own)
    return own if is_said else (*own, default)


def judge_gates(
    gates: Sequence[str], metrics: Mapping[str, Any], live: Mapping[str, Any] | None
) -> tuple[Verdict, ...]:
    return tuple(_judge(parse_gate(text), metrics, live) for text in gates)


def needs_live(gates: Sequence[str]) -> bool:
    return any(parse_gate(text).live for text in gates)


def _judge(gate: Gate, metrics: Mapping[str, Any], live: Mapping[str, Any] | None) -> Verdict:
    worst: Verdict | None = None
    others = live if gate.live else metrics.get("baselines", {}).get(gate.other)
    beside_of = dict(_measured(gate, others)) if gate.other and others is not None else {}
    for part, measured in _measured(gate, metrics, of_interval=True):
        beside = beside_of.get(part)
        number = measured if isinstance(measured, int | float) and math.isfinite(measured) else None
        holds = number is not None and gate.holds(number, beside)
        words = f"{gate}: {_text(number)}{f' for {part}' if part else ''}"
        if gate.other:
            words += f", {gate.other} {_text(beside)}" if others is not None else _absent(gate)
        verdict = Verdict(str(gate), holds, number, beside, words)
        if not holds:
            return verdict
        worst = worst or verdict
    return worst or Verdict(str(gate), False, None, None, f"{gate}: there is no such metric")


def _absent(gate: Gate) -> str:
    return ", nothing is live" if gate.live else f", and there is no {gate.other} baseline"


def _measured(gate: Gate, metrics: Mapping[str, Any], *, of_interval: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield slice and metric; of the interval, where the gate asks for one of its ends, `of_interval` of this evaluation."""
    if gate.column is None:
        yield "", _number(gate, metrics, gate.metric, of_interval)
        return
    name = gate.metric.removeprefix(f"{MEASURED_SPLITS[0]}_")
    between = metrics.get("fairness", {}).get(gate.column, {})
    if name in between:
        yield gate.column, between[name]
        return
    for value, measured in metrics.get("slices", {}).get(gate.column, {}).items():
        if gate.value in (None, value):
            yield f"{gate.column}={value}", _number(gate, measured, name, of_interval)


def _number(gate: Gate, measured: Mapping[str, Any], name: str, of_interval: bool) -> Any:
    if gate.end is None or not of_interval:
        return measured.get(name)
    ends = measured.get("intervals", {}).get(name)
    return ends[_ENDS[gate.end]] if ends else None


def _text(number: float | None) -> str:
    return "none" if number is None else f"{number:.4g}"
