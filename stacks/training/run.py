"""Run one training as a Job of its own name.

Lives here: run_job: the Job with what it needs around it: its files, secrets, the pods' names and network.
Not here: the pods (pods), what runs in them.
Law: what the name stands for never changes: another input is another job.
"""

from __future__ import annotations

import pulumi

from mlops.contracts.names import COORDINATOR_PORT, MISTAKE
from mlops.contracts.training_job import TrainingInputs
from stacks.objects.api import (
    ConfigMap,
    Job,
    JobSpecArgsDict,
    NetworkPolicy,
    PodFailurePolicyArgsDict,
    Secret,
    Service,
)
from stacks.objects.inputs import Secrets
from stacks.objects.placement import NO_WAIT, Identity, Placement
from stacks.objects.pods import config_map_key, template
from stacks.training.pods import CONTAINER, training_pod

_KEPT = 604_800
"""Seconds that a job that is over stays, with its pods and their logs: an apply that was cut off is finished from what it made."""


def run_job(inputs: TrainingInputs, place: Placement, secrets: Secrets) -> None:
    identity = Identity(inputs.name, inputs.job, "training")
    before: list[pulumi.Resource] = [_names(inputs, place, identity)]
    if inputs.files:
        before.append(_files(inputs, place, identity))
    if inputs.secrets:
        before.append(_secret(inputs, place, identity, secrets))
    if inputs.pods > 1:
        before.append(_network(inputs, place, identity))
    Job(
        f"job/{inputs.job}",
        metadata=place.metadata(inputs.job, identity, NO_WAIT),
        spec=_job(inputs, place, identity),
        opts=place.options(after=before),
    )


def _job(inputs: TrainingInputs, place: Placement, identity: Identity) -> JobSpecArgsDict:
    """Several pods are one program: when one has failed for good, all have."""
    spec: JobSpecArgsDict = {
        "completion_mode": "Indexed",
        "completions": inputs.pods,
        "parallelism": inputs.pods,
        "active_deadline_seconds": inputs.time_limit,
        "pod_failure_policy": _failures(),
        "ttl_seconds_after_finished": _KEPT,
        "template": template(inputs.pod, training_pod(inputs), place.labels(identity)),
    }
    if inputs.pods == 1:
        spec["backoff_limit"] = inputs.retries
    else:
        # A pod that is lost takes the others with it, so each may be started again as often as all of them.
        spec["backoff_limit_per_index"] = inputs.retries
        spec["max_failed_indexes"] = 0
    return spec


def _failures() -> PodFailurePolicyArgsDict:
    """The first rule that fits decides. A pod that the cluster took away has not failed, and is not counted."""
    return {
        "rules": [
            {"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {
                "action": "FailJob",
                "on_exit_codes": {"container_name": CONTAINER, "operator": "In", "values": [MISTAKE]},
            },
        ]
    }


def _names(inputs: TrainingInputs, place: Placement, identity: Identity) -> Service:
    """Give each pod a name, JOB-INDEX.JOB, before it is ready: they find each other while they start."""
    return Service(
        f"service/{inputs.job}",
        metadata=place.metadata(inputs.job, identity, NO_WAIT),
        spec={
            "cluster_ip": "None",
            "publish_not_ready_addresses": True,
            "selector": identity.selector,
            "ports": [{"name": "coordinator", "port": COORDINATOR_PORT, "protocol": "TCP"}],
        },
        opts=place.options(),
    )


def _files(inputs: TrainingInputs, place: Placement, identity: Identity) -> ConfigMap:
    return ConfigMap(
        f"files/{inputs.job}",
        metadata=place.metadata(inputs.job, identity),
        data={config_map_key(path): inputs.files[path] for path in sorted(inputs.files)},
        immutable=True,
        opts=place.options(),
    )


def _secret(inputs: TrainingInputs, place: Placement, identity: Identity, secrets: Secrets) -> Secret:
    return Secret(
        f"secret/{inputs.job}", metadata=place.metadata(inputs.job, identity), data=secrets.data(), opts=place.options()
    )


def _network(inputs: TrainingInputs, place: Placement, identity: Identity) -> NetworkPolicy:
    """The pods of one job reach each other on any port: collectives choose theirs."""
    return NetworkPolicy(
        f"network/{inputs.job}",
        metadata=place.metadata(inputs.job, identity),
        spec={
            "pod_selector": {"match_labels": identity.selector},
            "policy_types": ["Ingress"],
            "ingress": [{"from_": [{"pod_selector": {"match_labels": identity.selector}}]}],
        },
        opts=place.options(),
    )
