"""Make the pods of one version.

Lives here: serving_pod: how it is configured, when it is ready, where it logs.
Not here: the Deployment that starts it (version).
Law: ready means that the golden request was answered rightly; a pod that is asked to end finishes what it has.
"""

from __future__ import annotations

from mlops.contracts.codec import to_env
from mlops.contracts.names import API_KEY, LOGS, PORT, SECRETS
from mlops.contracts.server import LogConfig, ServerConfig
from mlops.contracts.serving_pods import ServingInputs
from stacks.objects.api import (
    ContainerArgsDict,
    EnvVarArgsDict,
    HTTPGetActionArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from stacks.objects.placement import Identity
from stacks.objects.pods import container, needs, pod, variables


def serving_pod(inputs: ServingInputs, version: str, identity: Identity) -> PodSpecArgsDict:
    spec = pod("serving", [_serve(inputs, version)], inputs.pod, volumes=_volumes(inputs))
    # Some seconds more than the server itself takes, so that it is never cut off.
    spec["termination_grace_period_seconds"] = inputs.drain + inputs.grace + 5
    spec["topology_spread_constraints"] = [
        _spread(identity, "kubernetes.io/hostname"),
        _spread(identity, "topology.kubernetes.io/zone"),
    ]
    if inputs.priority_class:
        spec["priority_class_name"] = inputs.priority_class
    return spec


def _spread(identity: Identity, over: str) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": over,
        "max_skew": 1,
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": identity.selector},
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
    log = inputs.log
    config = ServerConfig(
        version=version,
        port=PORT,
        drain=inputs.drain,
        grace=inputs.grace,
        key_file=f"{SECRETS}/{API_KEY}" if API_KEY in inputs.secrets else None,
        log=LogConfig(dir=LOGS, sample=log.sample, flush=log.flush, keep=log.keep) if log else None,
        log_size=log.size if log else None,
        log_body=log.body if log else None,
    )
    ours = to_env(config, "version", "port", "drain", "grace", "key_file", "log", "log_size", "log_body")
    return variables({**inputs.pod.env, **ours})


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
