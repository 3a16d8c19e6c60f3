"""How often a rollout is wrong.

Lives here: the share of good versions that are taken back, of bad ones that go live, and the clients that each hurts.
Not here: the simulated clients (bench.simulated_rollout), how fast a rollout is (targets decide).
Law: what is stated as an error rate is measured here; the rule of three bounds what was never seen.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.simulated_rollout import BAD, GOOD, Behaviour, promoted
from mlops.config.schema.endpoint import RolloutPolicy

_POLICY = RolloutPolicy.model_validate({"drain": "0s"})
_GOOD_RUNS, _BAD_RUNS = 200, 20
_BORDER = Behaviour(refused=0.02, failed=_POLICY.max_error_rate)
"""Fails exactly as often as it may."""


def rows(repeat: int) -> list[dict[str, Any]]:
    """`repeat` scales the runs: 5 means 200 good rollouts of each sort, and 20 of each bad one."""
    count, bad = max(1, _GOOD_RUNS * repeat // 5), max(1, _BAD_RUNS * repeat // 5)
    out = [
        _row(f"good versions taken back: {name}, {count} rollouts", _share(behaviour, count, is_rejected=True), most)
        for name, behaviour, most in (
            ("as good as live", GOOD, _POLICY.false_reject), ("failing as often as allowed", _BORDER, _POLICY.false_reject),
        )
    ]  # fmt: skip
    for name, behaviour in BAD.items():
        ends = [promoted(behaviour, _POLICY, seed=seed) for seed in range(bad)]
        live = sum(evidence is None for evidence, _ in ends) / bad
        hurt = median(harmed for _, harmed in ends)
        out.append(_row(f"bad versions live: {name}, {bad} rollouts, {hurt:g} clients hurt", live, 0.0))
    return out


def _share(behaviour: Behaviour, count: int, *, is_rejected: bool) -> float:
    return sum((promoted(behaviour, _POLICY, seed=seed)[0] is not None) is is_rejected for seed in range(count)) / count


def _row(name: str, share: float, most: float) -> dict[str, Any]:
    return {"name": name, "ours": share, "peer": None, "ratio": None, "budget": most, "holds": share <= most}
