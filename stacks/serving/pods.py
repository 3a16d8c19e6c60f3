"""Make the pods of one version.

Lives here: serving_pod: what it is told, when it is ready, where it logs.
Not here: the Deployment that starts it (version).
Law: ready means that the golden request was answered rightly; a pod that is told to end finishes what it has.
"""

from __future__ import annotations

from mlops.contracts.programs import API_KEY, LOGS, PORT, SECRETS, ServingInputs
from stacks.objects.api import (
    ContainerArgsDict,
    EnvVarArgsDict,
    HTTPGetActionArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from stacks.objects.placement import Part
from stacks.objects.pods import container, needs, pod, variables


def serving_pod(inputs: ServingInputs, version: str, part: Part) -> PodSpecArgsDict:
    spec = pod("serving", [_serve(inputs, version)], volumes=_volumes(inputs))
    # Some seconds more than the server itself takes, so that it is never cut off.
    spec["termination_grace_period_seconds"] = inputs.drain + inputs.grace + 5
    spec["topology_spread_constraints"] = [
        _spread(part, "kubernetes.io/hostname"),
        _spread(part, "topology.kubernetes.io/zone"),
    ]
    if inputs.priority_class:
        spec["priority_class_name"] = inputs.priority_class
    return spec


def _spread(part: Part, over: str) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": over,
        "max_skew": 1,
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": part.selector},
        "match_label_keys": ["pod-template-hash"],
    }


def _serve(inputs: ServingInputs, version: str) -> ContainerArgsDict:
    image = inputs.versions[version].image
    made = container(
        "serve", image, needs(inputs.cpu, inputs.memory), env=_environment(inputs, version), mounts=_mounts(inputs)
    )
    made["ports"] = [{"name": "http", "container_port": PORT, "protocol": "TCP"}]
    live: HTTPGetActionArgsDict = {"path": "/livez", "port": "http"}
    made["startup_probe"] = {"http_get": live, "period_seconds": 1, "failure_threshold": inputs.ready_timeout}
    made["liveness_probe"] = {"http_get": live, "period_seconds": 10, "timeout_seconds": 3, "failure_threshold": 3}
    made["readiness_probe"] = {
        "exec_": {"command": ["python3", "-m", "mlops.workloads.serving.probe"]},
        "period_seconds": 10,
        "timeout_seconds": 5,
        "failure_threshold": 2,
    }
    return made


def _environment(inputs: ServingInputs, version: str) -> list[EnvVarArgsDict]:
    told = {
        "MLOPS_VERSION": version,
        "MLOPS_PORT": str(PORT),
        "MLOPS_DRAIN": str(inputs.drain),
        "MLOPS_GRACE": str(inputs.grace),
    }
    if API_KEY in inputs.secrets:
        told["MLOPS_API_KEY_FILE"] = f"{SECRETS}/{API_KEY}"
    if inputs.log:
        told["MLOPS_LOG_DIR"] = LOGS
        for name, value in (("SAMPLE", inputs.log.sample), ("FLUSH", inputs.log.flush), ("KEEP", inputs.log.keep)):
            told[f"MLOPS_LOG_{name}"] = str(int(value) if value.is_integer() else value)
    return variables(told)


def _mounts(inputs: ServingInputs) -> list[VolumeMountArgsDict]:
    mounts: list[VolumeMountArgsDict] = []
    if inputs.secrets:
        mounts.append({"name": "secrets", "mount_path": SECRETS, "read_only": True})
    if inputs.log:
        mounts.append({"name": "logs", "mount_path": LOGS, "sub_path": f"logs/{inputs.name}"})
    return mounts


def _volumes(inputs: ServingInputs) -> list[VolumeArgsDict]:
    volumes: list[VolumeArgsDict] = []
    if inputs.secrets:
        volumes.append({"name": "secrets", "secret": {"secret_name": inputs.name, "default_mode": 0o440}})
    if inputs.log and inputs.log.claim:
        volumes.append({"name": "logs", "persistent_volume_claim": {"claim_name": inputs.log.claim}})
    elif inputs.log:
        volumes.append({"name": "logs", "empty_dir": {"size_limit": "1Gi"}})
    return volumes
