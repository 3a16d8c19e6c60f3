"""How often an experiment is wrong.

Lives here: of 200 simulated experiments each, how many decide where there is no difference, and how many find a known one.
Not here: the simulation (simulated_experiments), experiments with real clients.
Law: what is stated as an error rate is measured here.
"""

from __future__ import annotations

from typing import Any

from bench.simulated_experiments import Ended, compared
from mlops.config.schema.experiment import Experiment

_RUNS = 200
_FOUND = 0.95
_RIGHT = 0.6


def rows(repeat: int) -> list[dict[str, Any]]:
    """`repeat` scales the runs: 5 means 200 of each sort. Outcomes: at most 4,000 in each run."""
    count, most = max(1, _RUNS * repeat // 5), Experiment().false_decision
    alike, better, worse = (
        [compared(_RIGHT, right, seed=seed) for seed in range(count)] for right in (_RIGHT, 0.7, 0.5)
    )  # fmt: skip
    decided = sum(end is not Ended.NEITHER for end in alike) / count
    words = f"{count} experiments, live right in 60%"
    return [
        _row(f"decided without a difference: {words}", decided, most, decided <= most),
        _found(f"better version (70%) goes live: {words}", better, Ended.CANDIDATE),
        _found(f"worse version (50%) is taken back: {words}", worse, Ended.LIVE),
    ]


def _found(name: str, ends: list[Ended], wanted: Ended) -> dict[str, Any]:
    share = sum(end is wanted for end in ends) / len(ends)
    return _row(name, share, _FOUND, share >= _FOUND)


def _row(name: str, share: float, budget: float, holds: bool) -> dict[str, Any]:
    return {"name": name, "ours": share, "peer": None, "ratio": None, "budget": budget, "holds": holds}
