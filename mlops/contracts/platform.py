"""Say what stacks/platform is given.

Lives here: PlatformInputs and its part.
Not here: what every program is given (program), the objects that are made of it (stacks/platform).
Law: see program.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.codec import Contract
from mlops.contracts.program import ProgramInputs, check_label

PRIORITIES = {"training": 1000, "serving": 10_000}
"""What runs in a namespace -> the value of its PriorityClass. No API server changes the value of a class that is there: another
one needs another name."""


class StorageInputs(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """A claim that many pods write to."""

    storage_class: Annotated[str | None, Meta(description="null for the cluster's default.")] = None
    size: Annotated[str, Meta(description="How much it holds.")] = "20Gi"


class PlatformInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """The ground that all else of a namespace stands on: limits, accounts, network rules and storage."""

    adopt: Annotated[
        bool, Meta(description="The namespace exists and is taken over, and stays when the stack goes.")
    ] = False
    gpus: (
        Annotated[int, Meta(ge=0, description="The most that the namespace may ask for; null for no limit.")] | None
    ) = None
    quota: Annotated[dict[str, str], Meta(description="More hard limits of its ResourceQuota.")] = field(
        default_factory=dict
    )
    storage: Annotated[StorageInputs | None, Meta(description="The claim; null for none.")] = None
    gateway_namespace: Annotated[
        str | None,
        Meta(
            description="Where the gateway's pods run, from where serving pods may be asked; null for this namespace."
        ),
    ] = None
    metrics_namespace: Annotated[
        str | None, Meta(description="From where serving pods may be scraped; null for this namespace alone.")
    ] = None
    blocked: Annotated[tuple[str, ...], Meta(description="Networks that training and watching may not reach.")] = (
        "169.254.169.254/32",
    )
    pull_secrets: Annotated[
        tuple[str, ...], Meta(description="Secrets of the images' registry, which are there already.")
    ] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("gateway_namespace", self.gateway_namespace)
        check_label("metrics_namespace", self.metrics_namespace)
