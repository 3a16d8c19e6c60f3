"""Say what `mlops watch` looks for, and whom it hands a plan to.

Lives here: WatchSettings, `watch` of the project or an environment.
Not here: looking (api.watch), handing over (handover).
Law: an address that lets others write is a secret; handing over applies nothing.
"""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from mlops.config.schema.base import FieldError, Strict, spec_field
from mlops.config.schema.database_url import is_in_the_clear
from mlops.config.schema.units import Duration
from mlops.contracts.cron import cron_fault

_LEAST = 1.0
_ADDRESS = re.compile(r"https?://.|\$\{secret:[A-Za-z_]\w*\}$")


class HandOverSettings(Strict):
    """Who gets a plan for review: a webhook or a command."""

    webhook: str | None = spec_field(
        None,
        doc="An address that the plan is sent to, as JSON by POST; `${secret:NAME}` allowed, for all of it too. The header "
        "`Idempotency-Key` is the same whenever the same plan is sent.",
    )
    command: str | None = spec_field(
        None,
        doc="A line for the shell, run in the project's folder, such as one that opens a pull request. It reads the JSON from its "
        "standard input; MLOPS_HANDOVER_KEY names it, and MLOPS_PATCH is the path of the edit of the YAML, where there is one.",
        min_length=1,
    )

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, webhook: str | None) -> str | None:
        if webhook is None:
            return None
        if is_in_the_clear(webhook):
            raise FieldError("it holds a password in the clear; write `${secret:NAME}` in its place", hide=True)
        if not _ADDRESS.match(webhook):
            raise FieldError("it is no address; write `https://HOST/PATH`, or all of it as `${secret:NAME}`", hide=True)
        return webhook

    @model_validator(mode="after")
    def _one_of_both(self) -> HandOverSettings:
        if (self.webhook is None) == (self.command is None):
            raise FieldError("say either `webhook` or `command`", "command" if self.webhook is not None else "webhook")
        return self


class WatchSettings(Strict):
    """What `mlops watch` looks for, and whom it hands a plan to."""

    every: Duration = spec_field(900.0, doc="How long between two looks at findings and sources.")
    schedule: str | None = Field(
        None,
        description="Text of cron (UTC), such as `0 6 * * 1`: hand over what is pending at these moments too. Default: never.",
    )
    hand_to: HandOverSettings = spec_field(doc="Who gets the plan.")

    @field_validator("every")
    @classmethod
    def _takes_time(cls, every: float) -> float:
        if every < _LEAST:
            raise FieldError("a look takes a second or longer; write `1s` or more")
        return every

    @field_validator("schedule")
    @classmethod
    def _has_moments(cls, schedule: str | None) -> str | None:
        if schedule is not None and (fault := cron_fault(schedule)):
            raise FieldError(fault)
        return schedule
