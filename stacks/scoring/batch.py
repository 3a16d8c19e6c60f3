"""Score one batch.

Lives here: score: the CronJob of a batch or, without a schedule, a Job, with its files and secrets.
Not here: what is due, and scoring it (workloads.scoring).
Law: one run of a batch at a time; a run that is lost is begun again, since each interval is written once whatever happens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import pulumi

from mlops.contracts.names import FILES, WORKSPACE
from mlops.contracts.scoring_job import ScoringInputs
from stacks.objects.api import (
    ConfigMap,
    ContainerArgsDict,
    CronJob,
    Job,
    JobSpecArgsDict,
    Secret,
    VolumeMountArgsDict,
)
from stacks.objects.inputs import Secrets
from stacks.objects.placement import NO_WAIT, Identity, Placement
from stacks.objects.pods import (
    SCRATCH,
    config_map_key,
    container,
    files_volume,
    from_secret,
    needs,
    pod,
    template,
    variables,
)

_COMMAND = ("python3", "-P", "-m", "mlops.workloads.scoring.score", f"{FILES}/config.json")
_RETRIES = 3


def score(inputs: ScoringInputs, place: Placement, secrets: Secrets) -> None:
    name = f"{inputs.name}-scoring"
    identity = Identity(inputs.name, name, "training")
    content = {config_map_key(path): inputs.files[path] for path in sorted(inputs.files)}
    before: list[pulumi.Resource] = [
        ConfigMap(f"files/{name}", metadata=place.metadata(name, identity), binary_data=content, opts=place.options())
    ]
    if inputs.secrets:
        before.append(
            Secret(f"secret/{name}", metadata=place.metadata(name, identity), data=secrets.data(), opts=place.options())
        )
    spec = _job(inputs, name, place, identity)
    if inputs.schedule is None:
        # What a Job runs cannot be changed, so that other files are another Job.
        once = f"{name}-{_digest(inputs)}"
        Job(
            f"job/{name}", metadata=place.metadata(once, identity, NO_WAIT), spec=spec, opts=place.options(after=before)
        )
        return
    CronJob(
        f"schedule/{name}",
        metadata=place.metadata(name, identity, NO_WAIT),
        spec={
            "schedule": inputs.schedule,
            "time_zone": "Etc/UTC",
            "concurrency_policy": "Forbid",
            "starting_deadline_seconds": 3600,
            "successful_jobs_history_limit": 3,
            "failed_jobs_history_limit": 3,
            "job_template": {"spec": spec},
        },
        opts=place.options(after=before),
    )


def _job(inputs: ScoringInputs, name: str, place: Placement, identity: Identity) -> JobSpecArgsDict:
    spec = pod(
        "training", [_container(inputs, name)], inputs.pod, volumes=[files_volume("files", name, list(inputs.files))],
        scratch=inputs.scratch,
    )  # fmt: skip
    spec["restart_policy"] = "Never"
    return {
        "backoff_limit": _RETRIES, "active_deadline_seconds": inputs.time_limit,
        "template": template(inputs.pod, spec, place.labels(identity)),
    }  # fmt: skip


def _container(inputs: ScoringInputs, name: str) -> ContainerArgsDict:
    mounts: list[VolumeMountArgsDict] = [
        {"name": "files", "mount_path": FILES, "read_only": True},
        {"name": SCRATCH, "mount_path": WORKSPACE, "sub_path": "workspace"},
    ]
    env = [*variables({**inputs.pod.env, **inputs.env}), *from_secret(name, inputs.secrets)]
    made = container("score", inputs.image, needs(inputs.cpu, inputs.memory), env=env, mounts=mounts)
    made["command"] = list(_COMMAND)
    made["working_dir"] = WORKSPACE
    return made


def _digest(inputs: ScoringInputs) -> str:
    said: Mapping[str, object] = {"files": inputs.files, "image": inputs.image, "env": inputs.env}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
