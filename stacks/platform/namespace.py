"""Lay the ground: the namespace, its limits, priorities, accounts and storage.

Lives here: lay_ground and the objects of the platform, but for the networks.
Not here: what runs on it.
Law: nothing in the namespace is privileged, unlimited or able to ask the API server; a namespace that was there stays.
"""

from __future__ import annotations

import pulumi

from mlops.contracts.names import CLAIM, GPU_RESOURCE
from mlops.contracts.platform import PRIORITIES, PlatformInputs, StorageInputs
from stacks.objects.api import (
    LimitRange,
    Namespace,
    NamespacePatch,
    PersistentVolumeClaim,
    PriorityClass,
    ResourceQuota,
    ServiceAccount,
)
from stacks.objects.placement import NO_WAIT, Identity, Placement
from stacks.platform.networks import draw_networks

ACCOUNTS = ("training", "serving", "watching")
POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
_NOT_EXPOSED = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""What is served is served through the gateway."""


def lay_ground(inputs: PlatformInputs, place: Placement) -> None:
    identity = Identity(inputs.namespace, inputs.namespace, "platform")
    managed = inputs.manage
    options = place.options(after=[_namespace(inputs, place, identity)] if "namespace" in managed else [])
    if "quota" in managed:
        _quota(inputs, place, identity, options)
    if "limits" in managed:
        _limits(place, identity, options)
    if "priorities" in managed:
        _priorities(inputs, place, identity)
    if "accounts" in managed:
        _accounts(inputs, place, identity, options)
    if "network" in managed:
        draw_networks(inputs, place, identity, options)
    if inputs.storage:
        _claim(inputs.storage, place, identity, options)


def _namespace(inputs: PlatformInputs, place: Placement, identity: Identity) -> pulumi.Resource:
    labels = {**place.labels(identity), **POD_SECURITY}
    if not inputs.adopt:
        return Namespace("namespace", metadata={"name": inputs.namespace, "labels": labels}, opts=place.options())
    # A patch owns its labels and nothing else: the namespace was there before, and stays when the patch goes.
    return NamespacePatch(
        "namespace",
        metadata={
            "name": inputs.namespace,
            "labels": labels,
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        opts=place.options(),
    )


def _accounts(inputs: PlatformInputs, place: Placement, identity: Identity, options: pulumi.ResourceOptions) -> None:
    for account in ACCOUNTS:
        ServiceAccount(
            f"account/{account}",
            metadata=place.metadata(account, identity, inputs.annotations.get(account)),
            automount_service_account_token=False,
            image_pull_secrets=[{"name": name} for name in inputs.pull_secrets] or None,
            opts=options,
        )


def _quota(inputs: PlatformInputs, place: Placement, identity: Identity, options: pulumi.ResourceOptions) -> None:
    gpus = {} if inputs.gpus is None else {f"requests.{GPU_RESOURCE}": str(inputs.gpus)}
    ResourceQuota(
        "quota",
        metadata=place.metadata("mlops", identity),
        spec={"hard": {**_NOT_EXPOSED, **gpus, **inputs.quota}},
        opts=options,
    )


def _limits(place: Placement, identity: Identity, options: pulumi.ResourceOptions) -> None:
    # What says nothing gets little, so that every container has requests and a limit of memory. No limit of the
    # processor: it would be put on ours, too.
    LimitRange(
        "limits",
        metadata=place.metadata("mlops", identity),
        spec={
            "limits": [
                {
                    "type": "Container",
                    "default_request": {"cpu": "100m", "memory": "256Mi"},
                    "default": {"memory": "1Gi"},
                }
            ]
        },
        opts=options,
    )


def _priorities(inputs: PlatformInputs, place: Placement, identity: Identity) -> None:
    """Cluster-wide, so named after the namespace. Serving may push training off a node, and training nobody."""
    for name, policy in (("training", "Never"), ("serving", "PreemptLowerPriority")):
        PriorityClass(
            f"priority/{name}",
            metadata=place.clusterwide(f"{inputs.namespace}-{name}", identity),
            value=PRIORITIES[name],
            preemption_policy=policy,
            description=f"{name} in {inputs.namespace}, by mlops",
            opts=place.options(),
        )


def _claim(storage: StorageInputs, place: Placement, identity: Identity, options: pulumi.ResourceOptions) -> None:
    PersistentVolumeClaim(
        "claim",
        metadata=place.metadata(CLAIM, identity, NO_WAIT),
        spec={
            "access_modes": [storage.access_mode],
            "resources": {"requests": {"storage": storage.size}},
            **({"storage_class_name": storage.storage_class} if storage.storage_class else {}),
        },
        opts=options,
    )
