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


BLOCKED = ("169.254.169.254/32",)
"""Where clouds tell of a node, and of its credentials."""
MANAGED = ("namespace", "quota", "limits", "priorities", "accounts", "network")
"""The parts of the ground that a stack may leave to the cluster's owners."""


class StorageInputs(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """A claim that many pods write to."""

    storage_class: Annotated[str | None, Meta(description="null for the cluster's default.")] = None
    size: Annotated[str, Meta(description="How much it holds.")] = "20Gi"
    access_mode: Annotated[str, Meta(description="ReadWriteMany or ReadWriteOnce.")] = "ReadWriteMany"


class PlatformInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """The ground that all else of a namespace stands on: limits, accounts, network rules and storage."""

    adopt: Annotated[
        bool, Meta(description="The namespace exists and is taken over, and stays when the stack goes.")
    ] = False
    manage: Annotated[tuple[str, ...], Meta(description="The parts that are made; others have made the rest.")] = (
        MANAGED
    )
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
        BLOCKED
    )
    pull_secrets: Annotated[
        tuple[str, ...], Meta(description="Secrets of the images' registry, which are there already.")
    ] = ()
    annotations: Annotated[
        dict[str, dict[str, str]], Meta(description="Account -> annotations, by which a cloud gives it an identity.")
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("gateway_namespace", self.gateway_namespace)
        check_label("metrics_namespace", self.metrics_namespace)
        unknown = sorted(set(self.manage) - set(MANAGED))
        if unknown:
            raise ValueError(f"manage: there is no {unknown[0]}; there are {', '.join(MANAGED)}")
