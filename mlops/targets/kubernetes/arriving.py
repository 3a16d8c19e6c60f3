"""Tell whether a pod is on its way.

Lives here: arriving, what a cluster still does before a pod's program can start; wait_until_ready, which does not count that time.
Not here: whether a version answers (fleet), what is wrong with a pod (faults).
Law: a node that is being made, a volume, an image on its way are nobody's failure; what will never come is waited for no longer than
the program itself may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from mlops.tools.cluster import Object

_COMES = {"TriggeredScaleUp": "a node is being added for it", "Nominated": "a node is being made for it"}
"""Reasons of events by which the cluster's autoscaler and Karpenter say of a pod that finds no node yet that one will come."""
_ON_THEIR_WAY = ("ContainerCreating", "PodInitializing")
_FAILS = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}
"""Reasons of events after which nobody knows whether what the pod waits for will come."""
_LONGEST = 1800.0


def arriving(pod: Object, events: Callable[[], Iterable[str]]) -> str | None:
    """Return what is still done for a pod, None where its program runs, or nothing is. `events`: asks for those of the pod, REASON:
    MESSAGE."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            reasons = {event.partition(":")[0] for event in events()}
            return next((words for reason, words in _COMES.items() if reason in reasons), None)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        if ((container.get("state") or {}).get("waiting") or {}).get("reason") in _ON_THEIR_WAY:
            fails = _FAILS & {event.partition(":")[0] for event in events()}
            return None if fails else "its image and its volumes are being brought to the node"
    return None


def wait_until_ready(
    missing: Callable[[], str | None],
    on_their_way: Callable[[], Sequence[str]],
    timeout: float,
    *,
    every: float = 0.25,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """Wait until `missing` returns None, and return None; or what it said last, after `timeout` seconds in which nothing was on its
    way, or half an hour. `on_their_way`: what is still done for those that do not run."""
    began = last = clock()
    counted = 0.0
    while (lacks := missing()) is not None:
        arrivals = on_their_way()
        now = clock()
        counted += 0.0 if arrivals else now - last
        last = now
        if counted >= timeout or now - began >= _LONGEST:
            return "; ".join([lacks, *arrivals])
        sleep(every)
    return None
