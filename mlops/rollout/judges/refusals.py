"""Judge the share of 4xx that the live version does not have.

Lives here: find_fault.
Not here: 5xx (errors).
Law: what the live version refuses too is the clients' mistake, and nobody's evidence.
"""

from __future__ import annotations

from mlops.metrics.sequential import is_larger
from mlops.rollout.evidence import StepEvidence
from mlops.rollout.judges.judge import Rules


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    mine, other = evidence.candidate, evidence.live
    if not other.answered or not is_larger(
        (mine.refused, max(mine.answered, mine.refused)), (other.refused, max(other.answered, other.refused)),
        rules.error, rules.policy.max_error_rate,
    ):  # fmt: skip
        return None
    return (
        f"it refused {mine.refused:.0f} of {mine.answered:.0f} requests with 4xx, and the live version "
        f"{other.refused:.0f} of {other.answered:.0f}"
    )
