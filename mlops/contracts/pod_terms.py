"""Say where pods may run and what they carry.

Lives here: PodTerms and its part, a field of the inputs of each program that makes pods.
Not here: what runs in them (training_job, serving_pods, watching, scoring_job), putting it on a pod (stacks/objects).
Law: what a program says itself of its pods stays; settings add to it.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from mlops.contracts.codec import Contract


class TolerationInputs(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """A taint that keeps these pods off no node."""

    key: Annotated[str | None, Meta(description="Of the taint; null for any.")] = None
    operator: Annotated[str, Meta(description="Equal or Exists.")] = "Equal"
    value: Annotated[str | None, Meta(description="Of the taint; null with Exists.")] = None
    effect: Annotated[str | None, Meta(description="NoSchedule, PreferNoSchedule or NoExecute; null for any.")] = None
    seconds: Annotated[int | None, Meta(description="How long a pod stays after a NoExecute; null for ever.")] = None


class PodTerms(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """What the owners of a cluster ask of pods."""

    node_selector: Annotated[dict[str, str], Meta(description="Labels that a node must have.")] = field(
        default_factory=dict
    )
    tolerations: Annotated[tuple[TolerationInputs, ...], Meta(description="Taints that do not keep them off.")] = ()
    affinity: Annotated[
        dict[str, Any], Meta(description="As Kubernetes writes it: nodeAffinity, podAffinity, podAntiAffinity.")
    ] = field(default_factory=dict)
    labels: Annotated[dict[str, str], Meta(description="More labels of the pods.")] = field(default_factory=dict)
    annotations: Annotated[dict[str, str], Meta(description="More annotations of the pods.")] = field(
        default_factory=dict
    )
    env: Annotated[dict[str, str], Meta(description="More environment variables, whose values are no secrets.")] = (
        field(default_factory=dict)
    )
    scratch: Annotated[str | None, Meta(description="The most that a pod writes to its own disk; null: as ever.")] = (
        None
    )
    runtime_class: Annotated[str | None, Meta(description="RuntimeClass of the pods; null for the cluster's.")] = None
