"""Find what was applied and does not work.

Lives here: the faults of a stack, an endpoint and a watcher: claims that are not bound, pods that find no node or do not start, routes
that no gateway accepts.
Not here: what keeps a change from being made (preflight), how a status is drawn (health).
Law: each fault is a sentence with the cluster's own reason; what may not be asked is no fault.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops.address import Address
from mlops.contracts.names import CLAIM, LABEL_COMPONENT, LABEL_INSTANCE, LABEL_NAME
from mlops.engine.resource import Attention
from mlops.errors import ToolFailed
from mlops.targets.kubernetes.cluster_context import ClusterContext
from mlops.targets.kubernetes.preflight import gateway_of
from mlops.tools.cluster import Object

_ON_THEIR_WAY = ("ContainerCreating", "PodInitializing")


def faulty(address: Address, faults: Iterable[str]) -> tuple[Attention, ...]:
    """What a plan says of them: no apply mends them, and a plan without changes must not hide them."""
    found = tuple(faults)
    return (Attention(address, f"{address} does not work as it was applied", found, is_fault=True),) if found else ()


def stack_faults(cluster: ClusterContext) -> tuple[str, ...]:
    return _asked(_claim_faults(cluster)) if cluster.stack.storage else ()


def endpoint_faults(cluster: ClusterContext, name: str, version: str) -> tuple[str, ...]:
    """The faults of the version that takes the traffic, and of the route that brings it."""
    labels = {LABEL_COMPONENT: "serving", LABEL_INSTANCE: f"{name}-{version}"}
    return (*_asked(route_faults(cluster, name, cluster.listed("HTTPRoute"))), *_asked(_pod_faults(cluster, labels)))


def watcher_faults(cluster: ClusterContext, name: str) -> tuple[str, ...]:
    return _asked(_pod_faults(cluster, {LABEL_COMPONENT: "watching", LABEL_NAME: name}))


def route_faults(cluster: ClusterContext, name: str, routes: Iterable[Object]) -> Iterator[str]:
    """Why requests do not reach the endpoint. A route that is not among `routes` is drift, and no fault."""
    route = next((one for one in routes if one["metadata"]["name"] == name), None)
    if route is None:
        return
    answers = (route.get("status") or {}).get("parents") or []
    for parent in route["spec"].get("parentRefs") or []:
        gateway = f"Gateway {parent['name']}"
        own = [one for one in answers if _is_same(one["parentRef"], parent, cluster.namespace)]
        if not own:
            why = next(
                iter(_asked(gateway_of(cluster))),
                "Its controller has not answered. See that it runs, and watches this namespace.",
            )
            yield f"{gateway} has not taken up the route {name}, so no request arrives. {why}"
        for condition in (condition for one in own for condition in one.get("conditions") or []):
            if condition["type"] in ("Accepted", "ResolvedRefs") and condition["status"] == "False":
                said = f"{condition.get('reason')}: {condition.get('message')}"
                yield f"{gateway} does not serve the route {name}, so no request arrives: {said}"


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any], namespace: str) -> bool:
    places = [it.get("namespace", namespace) for it in (one, other)]
    return bool(one["name"] == other["name"] and places[0] == places[1])


def _claim_faults(cluster: ClusterContext) -> Iterator[str]:
    for claim in cluster.listed("PersistentVolumeClaim"):
        phase = (claim.get("status") or {}).get("phase", "Pending")
        if claim["metadata"]["name"] != CLAIM or phase == "Bound" or _waits_for_a_pod(cluster, claim):
            continue
        said = cluster.client.events(cluster.namespace, CLAIM)[-1:]
        why = said[0] if said else "the cluster says nothing of it; see its storage class and who makes its volumes"
        yield f"Claim {CLAIM} is {phase}, so pods that write prediction logs do not start: {why}"


def _waits_for_a_pod(cluster: ClusterContext, claim: Object) -> bool:
    """Whether it is bound once a pod uses it, by its class, and none does."""
    name = claim["spec"].get("storageClassName")
    found = cluster.client.one("StorageClass", None, name) if name else None
    if found is None or found.get("volumeBindingMode") != "WaitForFirstConsumer":
        return False
    volumes = [volume for pod in cluster.listed("Pod") for volume in pod["spec"].get("volumes") or []]
    return not any((one.get("persistentVolumeClaim") or {}).get("claimName") == CLAIM for one in volumes)


def _pod_faults(cluster: ClusterContext, labels: Mapping[str, str]) -> Iterator[str]:
    """One sentence for all pods that have the same to say."""
    found: dict[str, list[str]] = {}
    for pod in cluster.listed("Pod"):
        own = pod["metadata"].get("labels") or {}
        if all(own.get(key) == value for key, value in labels.items()) and "deletionTimestamp" not in pod["metadata"]:
            for fault in _faults_of(pod):
                found.setdefault(fault, []).append(pod["metadata"]["name"])
    for fault, names in found.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"Pod {names[0]}{others}: {fault}"


def _faults_of(pod: Object) -> Iterator[str]:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"no node takes it: {condition.get('message')}"
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waits = (container.get("state") or {}).get("waiting") or {}
        if waits.get("reason") and waits["reason"] not in _ON_THEIR_WAY:
            yield f"{waits['reason']}: {waits.get('message')}"


def _asked(faults: Iterator[str]) -> tuple[str, ...]:
    found: list[str] = []
    with contextlib.suppress(ToolFailed):
        found += faults
    return tuple(found)
