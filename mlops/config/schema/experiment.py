"""Say how two versions are compared by what came of their answers.

Lives here: Experiment, of an endpoint's rollout with the strategy `ab` or `bandit`.
Not here: the comparison (rollout.experiment), the other fields of a rollout (endpoint).
Law: the rate at which it may decide wrongly is stated here, and holds whenever it ends.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from mlops.config.schema.base import FieldError, Strict, spec_field
from mlops.config.schema.units import Duration, Share


class Experiment(Strict):
    """Outcomes come as `POST /feedback` with the answer's `x-request-id`; the prediction log must be kept whole."""

    header: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+$",
        description="Requests with the same value of this header, such as x-user, go to the same version.",
    )
    cookie: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Requests with the same value of this cookie of your site do. What has neither goes to either version.",
    )
    share: Share = spec_field(0.5, doc="Share of the clients who get the new version. A bandit only begins with it.")
    outcome: Literal["correct", "label", "error"] = spec_field(
        "correct",
        doc="What is better when larger: that the prediction is the label, or the label itself, such as a sale. "
        "`error`: what is better when smaller, how far a number is from its label.",
    )
    range: tuple[float, float] = spec_field(
        (0.0, 1.0), doc="The least and the most that a label may be; for `error`, 0 and the most that a miss counts as."
    )
    false_decision: Share = spec_field(
        0.05, doc="How often at most a version that is no better goes live, or one that is no worse is taken back."
    )
    indifference: float = spec_field(
        0.0, doc="A smaller difference, in units of the outcome, counts as none; with 0, none is ever proven.", ge=0
    )
    at_most: Duration = spec_field(604800.0, doc="How long it lasts at most.")
    if_equal: Literal["live", "candidate"] = spec_field(
        "live", doc="Which version stays where no difference was found."
    )

    @field_validator("range")
    @classmethod
    def _rises(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if not bounds[0] < bounds[1]:
            raise ValueError("write the least and then the most, such as [0, 1]")
        return bounds

    @model_validator(mode="after")
    def _can_be_decided(self) -> Experiment:
        if not 0 < self.share < 1:
            raise FieldError("both versions need clients: a share between 0% and 100%", "share")
        if self.false_decision <= 0:
            raise FieldError("nothing is decided without a chance to be wrong; write such as 5%", "false_decision")
        if self.header and self.cookie:
            raise FieldError("assign clients by a header or by a cookie, not by both", "cookie")
        return self
