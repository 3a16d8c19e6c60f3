"""Say what a plan asks of remote sources, and what it hears.

Lives here: SourceRequest, and SourceAnswers with a SourceAnswer for each source.
Not here: asking (context.sources), answering (workloads.data.ask_fingerprints).
Law: both sides are of one version, since the one starts the other; no secret is in either.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from mlops.contracts.codec import Contract


class SourceRequest(Contract, kw_only=True, frozen=True):
    """`request.json`: the sources to ask."""

    sources: Annotated[tuple[dict[str, Any], ...], Meta(description="What data sets say, secrets as `${secret:NAME}`.")]


class SourceAnswer(Contract, kw_only=True, frozen=True):
    """The answer of one source."""

    fingerprint: Annotated[str | None, Meta(description="None where it is not there or cannot be reached.")] = None
    summary: Annotated[str, Meta(description="What is wrong, in a phrase.")] = ""
    detail: Annotated[str, Meta(description="What is wrong, in sentences.")] = ""
    hint: Annotated[str | None, Meta(description="What was probably meant.")] = None


class SourceAnswers(Contract, kw_only=True, frozen=True):
    """`answer.json`."""

    answers: Annotated[tuple[SourceAnswer, ...], Meta(description="One for each source of the request, in its order.")]
