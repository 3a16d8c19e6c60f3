"""Judge the share of 5xx.

Lives here: find_fault.
Not here: 4xx (refusals), requests without an answer (unanswered).
Law: one failure proves nothing; the share must be beyond `max_error_rate` by a test that holds at every moment.
"""

from __future__ import annotations

from mlops.metrics.sequential import share_above
from mlops.rollout.evidence import StepEvidence
from mlops.rollout.judges.judge import Rules


def find_fault(evidence: StepEvidence, rules: Rules) -> str | None:
    mine, most = evidence.candidate, rules.policy.max_error_rate
    if share_above(mine.failed, max(mine.answered, mine.failed), rules.error) <= most:
        return None
    return f"{mine.failed:.0f} of {mine.answered:.0f} requests failed with 5xx, and at most {most:.1%} may"
