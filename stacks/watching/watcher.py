"""Watch one endpoint.

Lives here: watch: the watcher's Deployment, or its CronJob where a schedule is given, with its files and secrets.
Not here: what it looks at and finds (workloads.monitoring).
Law: it reads the log and cannot change it; what it has found outlives its pods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import pulumi

from mlops.contracts.names import FILES, LOGS, OUT
from mlops.contracts.watching import WatchingInputs
from stacks.objects.api import (
    ConfigMap,
    ContainerArgsDict,
    CronJob,
    Deployment,
    PodSpecArgsDict,
    PodTemplateSpecArgsDict,
    Secret,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from stacks.objects.inputs import Secrets
from stacks.objects.placement import NO_WAIT, Identity, Placement
from stacks.objects.pods import config_map_key, container, files_volume, from_secret, needs, pod, template, variables


def watch(inputs: WatchingInputs, place: Placement, secrets: Secrets) -> None:
    name = f"{inputs.name}-watcher"
    identity = Identity(inputs.name, name, "watching")
    before: list[pulumi.Resource] = []
    if inputs.files:
        content = {config_map_key(path): inputs.files[path] for path in sorted(inputs.files)}
        before.append(
            ConfigMap(
                f"files/{name}", metadata=place.metadata(name, identity), binary_data=content, opts=place.options()
            )
        )
    if inputs.secrets:
        before.append(
            Secret(f"secret/{name}", metadata=place.metadata(name, identity), data=secrets.data(), opts=place.options())
        )
    marks = {"mlops/files": _digest(inputs.files)}
    made = template(inputs.pod, _pod(inputs, name), place.labels(identity), marks)
    if inputs.schedule:
        _now_and_then(inputs, made, place, identity, before)
    else:
        _always(made, place, identity, before)


def _digest(files: Mapping[str, str]) -> str:
    """Return a digest that starts the watcher anew when its files are others: it reads them once."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _always(pods: PodTemplateSpecArgsDict, place: Placement, identity: Identity, before: list[pulumi.Resource]) -> None:
    """Run one watcher at a time: two would write the same findings."""
    Deployment(
        f"deployment/{identity.instance}",
        metadata=place.metadata(identity.instance, identity, NO_WAIT),
        spec={
            "replicas": 1,
            "selector": {"match_labels": identity.selector},
            "strategy": {"type": "Recreate"},
            "revision_history_limit": 2,
            "template": pods,
        },
        opts=place.options(after=before),
    )


def _now_and_then(
    inputs: WatchingInputs,
    pods: PodTemplateSpecArgsDict,
    place: Placement,
    identity: Identity,
    before: list[pulumi.Resource],
) -> None:
    CronJob(
        f"schedule/{identity.instance}",
        metadata=place.metadata(identity.instance, identity, NO_WAIT),
        spec={
            "schedule": inputs.schedule or "",
            "time_zone": "Etc/UTC",
            "concurrency_policy": "Forbid",
            "starting_deadline_seconds": 3600,
            "successful_jobs_history_limit": 3,
            "failed_jobs_history_limit": 3,
            "job_template": {"spec": {"backoff_limit": 2, "template": pods}},
        },
        opts=place.options(after=before),
    )


def _pod(inputs: WatchingInputs, name: str) -> PodSpecArgsDict:
    spec = pod("watching", [_watch(inputs, name)], inputs.pod, volumes=_volumes(inputs, name))
    if inputs.schedule:
        spec["restart_policy"] = "Never"
    return spec


def _watch(inputs: WatchingInputs, name: str) -> ContainerArgsDict:
    mounts: list[VolumeMountArgsDict] = [
        {"name": "data", "mount_path": LOGS, "sub_path": f"logs/{inputs.endpoint}", "read_only": True},
        {"name": "data", "mount_path": OUT, "sub_path": f"watching/{inputs.name}"},
    ]
    if inputs.files:
        mounts.append({"name": "files", "mount_path": FILES, "read_only": True})
    env = [*variables({**inputs.pod.env, **inputs.env}), *from_secret(name, inputs.secrets)]
    made = container("watch", inputs.image, needs(inputs.cpu, inputs.memory), env=env, mounts=mounts)
    made["command"] = list(inputs.command)
    return made


def _volumes(inputs: WatchingInputs, name: str) -> list[VolumeArgsDict]:
    data: VolumeArgsDict = (
        {"name": "data", "persistent_volume_claim": {"claim_name": inputs.claim}}
        if inputs.claim
        else {"name": "data", "empty_dir": {"size_limit": "1Gi"}}
    )
    return [data, files_volume("files", name, list(inputs.files))] if inputs.files else [data]
