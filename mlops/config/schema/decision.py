"""Say how a model's probabilities become decisions.

Lives here: Threshold, the ways to choose one; Calibration; what of it each task has; OwnMetric.
Not here: choosing and fitting, which are done on the validation split (workloads.training).
Law: none of it changes weights; what is served and what is measured follow it together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints

from mlops.config.schema.base import Strict, spec_field
from mlops.metrics.task import Task


class ByF1(Strict):
    """Where F1 of the true class is highest."""

    by: Literal["f1"] = spec_field(doc="The threshold with the highest F1 on the validation split.")


class ByCost(Strict):
    """Where mistakes cost least."""

    by: Literal["cost"] = spec_field(doc="The threshold whose mistakes on the validation split cost least.")
    false_positive: float = spec_field(1.0, doc="What a false row that is said to be true costs.", ge=0)
    false_negative: float = spec_field(1.0, doc="What a true row that is said to be false costs.", ge=0)


class ByRecall(Strict):
    """Where most is found of those that keep to a precision."""

    by: Literal["recall"] = spec_field(
        doc="The threshold that finds the most true rows of the validation split and keeps to `precision`."
    )
    precision: float = spec_field(doc="The least share of true rows among those that are said to be true.", gt=0, le=1)


Chooser = Annotated[ByF1 | ByCost | ByRecall, Discriminator("by")]
Threshold = Annotated[float, Field(ge=0, le=1)] | Chooser
Calibration = Literal["platt", "isotonic", "temperature"]

HAVE_THRESHOLD = frozenset({Task.BINARY})
HAVE_CALIBRATION: Mapping[Task, tuple[Calibration, ...]] = {
    Task.BINARY: ("platt", "isotonic", "temperature"),
    Task.MULTICLASS: ("platt", "isotonic", "temperature"),
}

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class OwnMetric(Strict):
    """A function of the project that measures predictions: of `truth` and `predicted`, and of `threshold` if it has one."""

    target: str = Field(
        alias="_target_", description="`package.module.function`; its module must be in `allow_targets`."
    )
    better: Literal["max", "min"] = spec_field(doc="Whether more of it is better, or less.")
