"""Say what a judge is.

Lives here: Judge, the protocol; Rules, what it judges by; and findings, which asks every judge of a policy.
Not here: the judges themselves (one file for each), the tests behind them (sequential).
Law: a judge is found by its name in the table `mlops.rollout.judges`; the errors of all judges and steps add up to the policy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlops.extensions import JUDGES
from mlops.rollout.evidence import StepEvidence

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy


@dataclass(frozen=True)
class Rules:
    """`error`: how probable it may be that this judge, in this step, finds against a version that keeps the rules."""

    policy: RolloutPolicy
    error: float


class Judge(Protocol):
    def __call__(self, evidence: StepEvidence, rules: Rules) -> str | None:
        """Return a sentence with the evidence against the candidate, without its name; None where there is not enough."""
        ...


def findings(evidence: StepEvidence, policy: RolloutPolicy, parts: int) -> Iterator[tuple[str, str]]:
    """Yield (judge, sentence) of each judge that finds against the candidate. `parts`: how many steps share the policy's error."""
    rules = Rules(policy, policy.false_reject / max(1, len(policy.judges) * parts))
    for name in policy.judges:
        judge: Judge = JUDGES.load(name)
        if (sentence := judge(evidence, rules)) is not None:
            yield name, sentence
