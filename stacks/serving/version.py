"""Run one version of an endpoint.

Lives here: add_version: its Deployment, Service, autoscaler and disruption budget.
Not here: its pods (pods), the route to it (endpoint).
Law: versions share nothing but their secret, so that one can fail, scale and go without the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from mlops.contracts.names import PORT
from mlops.contracts.serving_pods import AutoscaleInputs, ServingInputs
from stacks.objects.api import (
    Deployment,
    DeploymentSpecArgsDict,
    HorizontalPodAutoscaler,
    MetricSpecArgsDict,
    MetricTargetArgsDict,
    PodDisruptionBudget,
    Service,
)
from stacks.objects.placement import NO_WAIT, Identity, Placement
from stacks.objects.pods import template
from stacks.serving.pods import serving_pod

RATE = "mlops_requests_per_second"
"""The metric of a pod that the cluster's metrics adapter makes of its counter mlops_requests_total."""

_SCRAPED = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(PORT),
    "prometheus.io/path": "/metrics",
}


def add_version(inputs: ServingInputs, version: str, place: Placement, before: Sequence[pulumi.Resource]) -> Service:
    name = f"{inputs.name}-{version}"
    identity = Identity(inputs.name, name, "serving", version)
    deployment = Deployment(
        f"deployment/{name}",
        metadata=place.metadata(name, identity, NO_WAIT),
        spec=_deployment(inputs, version, place, identity),
        opts=place.options(after=before),
    )
    PodDisruptionBudget(
        f"budget/{name}",
        metadata=place.metadata(name, identity),
        spec={
            "max_unavailable": 1,
            "selector": {"match_labels": identity.selector},
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
        },
        opts=place.options(),
    )
    if scales(inputs, version):
        _autoscaler(inputs, version, place, identity, deployment)
    return Service(
        f"service/{name}",
        metadata=place.metadata(name, identity, NO_WAIT),
        spec={
            "selector": identity.selector,
            "ports": [{"name": "http", "port": PORT, "target_port": "http", "protocol": "TCP", "app_protocol": "http"}],
        },
        opts=place.options(),
    )


def scales(inputs: ServingInputs, version: str) -> bool:
    """Say whether a version is scaled. One out of work is not: an autoscaler has at least one pod."""
    return inputs.autoscale is not None and inputs.versions[version].replicas > 0


def _deployment(inputs: ServingInputs, version: str, place: Placement, identity: Identity) -> DeploymentSpecArgsDict:
    spec: DeploymentSpecArgsDict = {
        "selector": {"match_labels": identity.selector},
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": 1}},
        "revision_history_limit": 2,
        "progress_deadline_seconds": max(60, 2 * inputs.ready_timeout),
        "template": template(inputs.pod, serving_pod(inputs, version, identity), place.labels(identity), _SCRAPED),
    }
    if not scales(inputs, version):
        # Where something scales it, the number is not ours to say: each update would put it back.
        spec["replicas"] = inputs.versions[version].replicas
    return spec


def _autoscaler(
    inputs: ServingInputs, version: str, place: Placement, identity: Identity, deployment: Deployment
) -> None:
    assert inputs.autoscale is not None
    least = inputs.versions[version].replicas
    HorizontalPodAutoscaler(
        f"autoscaler/{identity.instance}",
        metadata=place.metadata(identity.instance, identity),
        spec={
            "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": identity.instance},
            "min_replicas": least,
            "max_replicas": max(least, inputs.autoscale.most),
            "metrics": _metrics(inputs.autoscale),
            "behavior": {"scale_down": {"stabilization_window_seconds": 300}},
        },
        opts=place.options(after=[deployment]),
    )


def _metrics(autoscale: AutoscaleInputs) -> list[MetricSpecArgsDict]:
    metrics: list[MetricSpecArgsDict] = []
    if autoscale.cpu is not None:
        target: MetricTargetArgsDict = {"type": "Utilization", "average_utilization": autoscale.cpu}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if autoscale.rate is not None:
        asked: MetricTargetArgsDict = {"type": "AverageValue", "average_value": str(autoscale.rate)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": RATE}, "target": asked}})
    return metrics
