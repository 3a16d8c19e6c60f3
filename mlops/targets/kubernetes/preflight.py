"""Ask before trying.

Lives here: what is asked of a cluster before a change is planned: rights, quota, GPUs, storage.
Not here: making the change.
Law: each answer is a sentence that stands in the plan; what cannot be asked is no obstacle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops.contracts.names import CLAIM, GPU_PRODUCT, GPU_RESOURCE
from mlops.errors import ToolFailed
from mlops.targets.kubernetes.cluster_context import ClusterContext

Right = tuple[str, str]
"""API group and plural."""
_CORE = ("configmaps", "secrets", "services")
RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "platform": (),
    "training": (*(("", name) for name in _CORE), ("batch", "jobs"), ("networking.k8s.io", "networkpolicies")),
    "serving": (
        ("", "secrets"), ("", "services"), ("apps", "deployments"), ("policy", "poddisruptionbudgets"),
        ("autoscaling", "horizontalpodautoscalers"), ("gateway.networking.k8s.io", "httproutes"),
    ),
    "watching": (("", "configmaps"), ("", "secrets"), ("apps", "deployments"), ("batch", "cronjobs")),
}  # fmt: skip
_GROUND: Mapping[str, Right] = {
    "quota": ("", "resourcequotas"),
    "limits": ("", "limitranges"),
    "accounts": ("", "serviceaccounts"),
    "network": ("networking.k8s.io", "networkpolicies"),
}
"""Part of the ground, as `manage` names it -> what is made of it in the namespace."""
_WIDE: Mapping[str, Right] = {
    "namespace": ("", "namespaces"),
    "priorities": ("scheduling.k8s.io", "priorityclasses"),
}
_VERBS = ("create", "patch", "delete")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SUFFIXES = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def answers(*asked: Iterable[str]) -> tuple[str, ...]:
    """What was found to be in the way."""
    found: list[str] = []
    for one in asked:
        with contextlib.suppress(ToolFailed):
            found += one
    return tuple(found)


def rights_of(cluster: ClusterContext, program: str) -> Iterator[str]:
    """What may not be done. All of it, so that one mail to the cluster's owners is enough."""
    missing: dict[str, list[str]] = {}
    inside, wide = list(RIGHTS[program]), list[Right]()
    if program == "platform":
        inside += [right for part, right in _GROUND.items() if part in cluster.stack.manage]
        inside += [("", "persistentvolumeclaims")] if cluster.stack.storage else []
        wide += [right for part, right in _WIDE.items() if part in cluster.stack.manage]
    for rights, namespace in ((inside, cluster.namespace), (wide, None)):
        where = f"in namespace {namespace}" if namespace else "in the whole cluster"
        for group, plural in rights:
            refused = [verb for verb in _VERBS if not cluster.client.may(verb, group, plural, namespace)]
            if refused:
                missing.setdefault(f"{', '.join(refused)} {where}", []).append(f"{plural}.{group}" if group else plural)
    if missing:
        refusals = "; ".join(f"{what}: {', '.join(names)}" for what, names in missing.items())
        where = f"conf/stack/{cluster.stack_name}.yaml"
        managed = cluster.stack.manage if program == "platform" else ()
        may = [part for part in managed if not _is_missing(part, missing)]
        less = f", or leave it to them: `manage: [{', '.join(may)}]` in {where}" if len(may) < len(managed) else ""
        yield (
            f"The account of context {cluster.stack.context or '(current)'} may not {refusals}. Have the cluster's owners grant "
            f"it{less}, or name another `context` in {where}."
        )


def _is_missing(part: str, missing: Mapping[str, list[str]]) -> bool:
    group, plural = {**_GROUND, **_WIDE}[part]
    return any((f"{plural}.{group}" if group else plural) in names for names in missing.values())


def namespace_of(cluster: ClusterContext, *, is_ours: bool, goes: bool) -> Iterator[str]:
    """`goes`: the stack made the namespace, and is to make it no more, so that it would be deleted."""
    there = cluster.client.one("Namespace", None, cluster.namespace) is not None
    if goes:
        yield (
            f"This stack made namespace {cluster.namespace}, and what conf/stack/{cluster.stack_name}.yaml says now (`adopt`, `manage`) "
            "would delete it with all that is in it. Keep `adopt: false` and `namespace` in `manage`; for a namespace of others, name "
            "that one."
        )
        return
    if "namespace" not in cluster.stack.manage:
        if not there:
            yield (
                f"Namespace {cluster.namespace} is left to the cluster's owners (`manage` in conf/stack/{cluster.stack_name}.yaml "
                "does not name it), and it does not exist. Have them make it."
            )
        return
    if there and not is_ours and not cluster.stack.adopt and cluster.client.may("patch", "", "namespaces", None):
        yield (
            f"Namespace {cluster.namespace} exists, and this stack did not make it. Say `adopt: true` in "
            f"conf/stack/{cluster.stack_name}.yaml to take it over, or choose another name."
        )
    if not there and cluster.stack.adopt:
        yield f"Namespace {cluster.namespace} is to be taken over (`adopt: true`), and it does not exist. Say `adopt: false`."


def storage_of(cluster: ClusterContext) -> Iterator[str]:
    storage = cluster.stack.storage
    if storage is None:
        return
    classes = cluster.client.all("StorageClass")
    names = sorted(one["metadata"]["name"] for one in classes)
    wanted = storage.storage_class
    if wanted is not None and wanted not in names:
        yield f"The cluster has no storage class {wanted}. There are: {', '.join(names) or 'none'}."
    if wanted is None and not any(
        (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true" for one in classes
    ):
        yield f"The cluster has no default storage class; name one: `storage: {{storage_class: …}}`. There are: {', '.join(names)}."


def is_other_claim(cluster: ClusterContext) -> bool:
    """Say whether the claim that is there is of another storage class than is asked for. No claim changes its class."""
    wanted = cluster.stack.storage.storage_class if cluster.stack.storage else None
    claim = cluster.client.one("PersistentVolumeClaim", cluster.namespace, CLAIM) if wanted else None
    return claim is not None and claim["spec"].get("storageClassName") != wanted


def claim_of(cluster: ClusterContext) -> Iterator[str]:
    """What a claim that is there refuses: it can grow, where its class lets it, and never shrink."""
    storage = cluster.stack.storage
    claim = cluster.client.one("PersistentVolumeClaim", cluster.namespace, CLAIM) if storage else None
    if storage is None or claim is None:
        return
    own = claim["spec"].get("storageClassName")
    has = claim["spec"]["resources"]["requests"]["storage"]
    if storage.storage_class not in (None, own) or amount(storage.size) == amount(has):
        return  # of another class it is made anew, which the plan says by itself
    where = f"`storage.size` in conf/stack/{cluster.stack_name}.yaml"
    if amount(storage.size) < amount(has):
        yield (
            f"Claim {CLAIM} asks for {has}, and no claim can be made smaller. Keep {where}, or let go of what it holds: after "
            f"`kubectl delete pvc {CLAIM} --namespace {cluster.namespace}` the next apply makes it anew."
        )
    elif not ((cluster.client.one("StorageClass", None, own) if own else None) or {}).get("allowVolumeExpansion"):
        yield (
            f"Claim {CLAIM} asks for {has}, and its storage class {own} lets no volume grow (allowVolumeExpansion). Keep {where}, "
            "or have the cluster's owners allow it."
        )


def gateway_of(cluster: ClusterContext) -> Iterator[str]:
    """Why no route could be served: the Gateway API, the stack's Gateway or its class is not there, or nobody runs it."""
    wanted = cluster.stack.gateway
    if wanted is None:
        return
    namespace, where = wanted.namespace or cluster.namespace, f"conf/stack/{cluster.stack_name}.yaml"
    gateway = cluster.client.one("Gateway", namespace, wanted.name)
    if gateway is None:
        known = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in cluster.client.all("Gateway")]
        yield (
            f"There is no Gateway {wanted.name} in namespace {namespace}; the cluster has: {', '.join(known) or 'none'}. Name one "
            f"in `gateway` of {where}, or have the cluster's owners make it."
        )
        return
    name = gateway["spec"]["gatewayClassName"]
    found = cluster.client.one("GatewayClass", None, name)
    if found is None:
        yield f"Gateway {wanted.name} is of the class {name}, which does not exist. Have the cluster's owners install its controller."
    elif not any(
        it["type"] == "Accepted" and it["status"] == "True"
        for it in (found.get("status") or {}).get("conditions") or []
    ):
        yield f"Gateway {wanted.name} is of the class {name}, and no controller has taken that class up. See that it runs."


def gpus_of(cluster: ClusterContext, *, count: int, pods: int, product: str | None) -> Iterator[str]:
    """Say whether nodes have so many of `product` in one place."""
    if not count:
        return
    nodes = cluster.client.all("Node")
    by_product: dict[str, list[int]] = {}
    for node in nodes:
        there = int((node.get("status", {}).get("allocatable") or {}).get(GPU_RESOURCE, 0))
        if there:
            label = (node["metadata"].get("labels") or {}).get(GPU_PRODUCT, "(not labelled)")
            by_product.setdefault(label, []).append(there)
    known = ", ".join(f"{sum(n)} × {name}" for name, n in sorted(by_product.items())) or "none"
    sizes = by_product.get(product, []) if product else [n for each in by_product.values() for n in each]
    asked = f"{count} GPU{'' if count == 1 else 's'}{f' {product}' if product else ''}"
    if not sizes:
        yield f"No node has a GPU {product or ''}; the cluster has: {known}. Name another `training.product`."
    elif max(sizes) < count:
        yield f"A pod is to have {asked}, and the largest node has {max(sizes)}. Ask for fewer, and for more pods."
    elif sum(size // count for size in sizes) < pods:
        yield f"{pods} pods are to have {asked} each, and the cluster has: {known}. It would wait for ever."


def quota_of(
    cluster: ClusterContext, asked: Mapping[str, float], *, limit: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """`asked`: resource of a ResourceQuota -> how much more is wanted. `limit`: what the plan makes of the quota itself."""
    for quota in cluster.client.all("ResourceQuota", cluster.namespace):
        hard, used = quota["spec"].get("hard", {}), (quota.get("status") or {}).get("used", {})
        for name, wanted in asked.items():
            most = (limit or {}).get(name, hard.get(name))
            if most is None:
                continue
            taken = amount(used.get(name, "0"))
            if taken + wanted > amount(most) + 1e-9:
                yield (
                    f"{name} of {wanted:g} is asked for, and the quota of namespace {cluster.namespace} leaves "
                    f"{max(0.0, amount(most) - taken):g} of {amount(most):g}. Ask for less, wait, or raise `quota` in "
                    f"conf/stack/{cluster.stack_name}.yaml."
                )


def amount(text: Any) -> float:
    """Return the number that a quantity of Kubernetes stands for, in its base unit."""
    written = str(text)
    digits = len(written.rstrip("kMGTim"))
    return float(written[:digits]) * _SUFFIXES.get(written[digits:], 1.0)
