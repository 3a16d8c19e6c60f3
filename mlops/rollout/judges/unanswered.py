"""Judge requests that get no answer.

Lives here: find_fault.
Not here: answers that come late (latency), the watch that counts what is stuck (watch).
Law: a request counts while it waits; the gateway's time limit, which turns it into a 504, is not waited for.
"""

from __future__ import annotations

from mlops.metrics.sequential import is_larger
from mlops.rollout.evidence import StepEvidence
from mlops.rollout.judges.judge import Rules


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    (mine, asked), (usual, others) = evidence.stuck, evidence.usually_stuck
    if not is_larger((min(mine, asked), asked), (min(usual, others), others), rules.error):
        return None
    return (
        f"{mine:.0f} of {asked:.0f} requests wait for an answer, and {usual:.0f} of {others:.0f} do of the live version"
    )
