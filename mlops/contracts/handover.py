"""Say what `mlops watch` hands over.

Lives here: Handover, which a webhook or a command is given; HandoverTask, what the process that delivers it reads; HandoverOutcome.
Not here: finding out what there is to hand over (api.watch), delivering it (handover).
Law: a key names one occasion, and is the same however often it is delivered; no secret is in it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from mlops.contracts.codec import Contract, Document


class AppliedResult(Contract, kw_only=True, frozen=True):
    """How an apply went that `on_finding: apply` asked for."""

    applied: Annotated[bool, Meta(description="Whether all of it was done; if not, the YAML is as it was before.")]
    exit_code: Annotated[int, Meta(description="Of `mlops apply`: 6 where a gate was missed.")]
    output: Annotated[str, Meta(description="The end of what it printed.")]


class Handover(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What a webhook is sent, and a command reads from its standard input."""

    key: Annotated[str, Meta(description="Names the occasion.")]
    project: Annotated[str, Meta(description="Name of the project.")]
    environment: Annotated[str, Meta(description="Its environment.")]
    at: Annotated[str, Meta(description="When it was found, as ISO text.")]
    occasion: Annotated[
        Literal["finding", "data", "schedule"],
        Meta(description="A monitor found something; sources of data sets are others; a moment of the schedule came."),
    ]
    summary: Annotated[str, Meta(description="A sentence for people.")]
    lines: Annotated[tuple[str, ...], Meta(description="The evidence.")] = ()
    finding: Annotated[dict[str, Any] | None, Meta(description="The finding; null for another occasion.")] = None
    overrides: Annotated[
        tuple[str, ...], Meta(description="What the plan was made with: `mlops plan` with these shows it.")
    ] = ()
    patch: Annotated[str | None, Meta(description="The edit of the YAML, for `git apply`; null: there is none.")] = None
    plan: Annotated[dict[str, Any], Meta(description="The plan, as `mlops plan --format json` prints it.")]
    result: Annotated[AppliedResult | None, Meta(description="How applying it went; null: nothing was applied.")] = None


class YamlEdit(Contract, kw_only=True, frozen=True):
    """An edit of one file of conf/."""

    file: Annotated[str, Meta(description="Path from the project's folder.")]
    before: Annotated[str, Meta(description="Its text.")]
    after: Annotated[str, Meta(description="Its text with the edit.")]


class HandoverTask(Document, kw_only=True, frozen=True, omit_defaults=True):
    """`task.json`: what `python -m mlops.handover.deliver FOLDER` reads."""

    handover: Annotated[Handover, Meta(description="What is handed over.")]
    root: Annotated[str, Meta(description="The project's folder.")]
    secrets: Annotated[str, Meta(description="Folder of the secrets' files.")]
    webhook: Annotated[str | None, Meta(description="Address, secrets as `${secret:NAME}`; null: a command.")] = None
    command: Annotated[str | None, Meta(description="Line for the shell; null: a webhook.")] = None
    overrides: Annotated[
        tuple[str, ...],
        Meta(description="What `mlops watch` was started with, such as env=prod; `mlops apply` gets the same."),
    ] = ()
    edit: Annotated[
        YamlEdit | None, Meta(description="To be written and applied before; null: nothing is applied.")
    ] = None


class HandoverOutcome(Document, kw_only=True, frozen=True, omit_defaults=True):
    """`done.json` once it was delivered, `failed.json` after a try that was not; in the folder of the task."""

    at: Annotated[float, Meta(description="When, in Unix seconds.")]
    tries: Annotated[int, Meta(description="How often it was tried.")]
    error: Annotated[str, Meta(description="Why it was not delivered; empty where it was.")] = ""
    result: Annotated[AppliedResult | None, Meta(description="How the apply went; null: there was none yet.")] = None
