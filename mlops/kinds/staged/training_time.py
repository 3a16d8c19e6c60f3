"""Say how long training takes.

Lives here: effort_of, time_estimate, and how the steps that it took are worded.
Not here: measuring it (workloads).
Law: a guess is made from the last time alone, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops.engine.resource import Desired, Record

if TYPE_CHECKING:
    from mlops.config.schema.families.family import Effort


def effort_of(inputs: Mapping[str, Any]) -> Effort | None:
    """Return what the training time of the model's family grows with; None where it does not say."""
    from mlops.config.schema.families.family import family_spec

    return family_spec(inputs["architecture"]["name"]).effort


def time_estimate(desired: Desired, record: Record) -> str:
    """Guess from the last time how long training takes; where nothing was counted then, by the time alone.

    A training that ended before all that it was allowed is expected to end as early again, as a share of what it is allowed.
    """
    outputs, effort = record.outputs, effort_of(desired.inputs)
    seconds, counted = outputs["seconds"], outputs.get(effort.key) if effort else None
    if effort is None or not counted:
        return f"about {seconds:.0f} s (last time {seconds:.0f} s)"
    allowed = outputs.get(effort.most) or counted
    share = (effort.wanted(desired.effective) or allowed) / allowed
    training = min(outputs.get("training_seconds", seconds), seconds)
    guess = seconds - training + training * share
    return f"about {guess:.0f} s (last time {seconds:.0f} s for {effort.counted(counted)})"


def steps_taken(effort: Effort, summary: Mapping[str, Any]) -> str:
    """Word how many steps training took, and which of them was the best."""
    taken, kept = effort.counted(summary[effort.key]), summary.get("kept")
    if isinstance(kept, Mapping):  # of a network that kept the weights of an epoch; of trees it is their number
        kept = kept.get(effort.noun)
    return taken if kept in (None, summary[effort.key]) else f"{taken}, the best was {kept:g}"
