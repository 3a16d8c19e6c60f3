"""Make pods that Pod Security `restricted` lets in.

Lives here: pod, container and what they share: the user, the writable folders, requests, environment, files; template, what
pods are made after.
Not here: what runs in them (training, serving, watching).
Law: no root, no token of the cluster, a read-only root; a container says what it needs, and its memory is promised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mlops.contracts.names import TERMINATION_LOG, USER
from mlops.contracts.pod_terms import PodTerms, TolerationInputs
from stacks.objects.api import (
    AffinityArgsDict,
    ContainerArgsDict,
    EnvVarArgsDict,
    ObjectMetaArgsDict,
    PodSpecArgsDict,
    PodTemplateSpecArgsDict,
    ResourceRequirementsArgsDict,
    TolerationArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

SCRATCH = "scratch"
_AFFINITIES = {"nodeAffinity": "node_affinity", "podAffinity": "pod_affinity", "podAntiAffinity": "pod_anti_affinity"}
_TMP: VolumeMountArgsDict = {"name": SCRATCH, "mount_path": "/tmp", "sub_path": "tmp"}  # noqa: S108


def pod(
    account: str,
    containers: Sequence[ContainerArgsDict],
    terms: PodTerms,
    *,
    volumes: Sequence[VolumeArgsDict] = (),
    scratch: str = "1Gi",
    node_selector: Mapping[str, str] | None = None,
    tolerations: Sequence[TolerationArgsDict] = (),
    affinity: AffinityArgsDict | None = None,
) -> PodSpecArgsDict:
    """`scratch`: the most that /tmp, and what else lies on the volume SCRATCH, may hold, where the terms say nothing of it. What a
    program asks of nodes stays; the terms add to it, and their affinities take the place of its own of the same kind."""
    spec: PodSpecArgsDict = {
        "service_account_name": account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": USER,
            "run_as_group": USER,
            "fs_group": USER,
            "fs_group_change_policy": "OnRootMismatch",
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": list(containers),
        "volumes": [{"name": SCRATCH, "empty_dir": {"size_limit": terms.scratch or scratch}}, *volumes],
    }
    selector = {**terms.node_selector, **(node_selector or {})}
    if selector:
        spec["node_selector"] = selector
    tolerated = [*tolerations, *map(_toleration, terms.tolerations)]
    if tolerated:
        spec["tolerations"] = tolerated
    if affinity or terms.affinity:
        spec["affinity"] = _affinity(terms.affinity, affinity or {})
    if terms.runtime_class:
        spec["runtime_class_name"] = terms.runtime_class
    return spec


def template(
    terms: PodTerms, spec: PodSpecArgsDict, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> PodTemplateSpecArgsDict:
    """Return the template of pods, with the marks of their stack beside those of the program."""
    marks = {**terms.annotations, **(annotations or {})}
    metadata: ObjectMetaArgsDict = {"labels": {**terms.labels, **labels}}
    if marks:
        metadata["annotations"] = marks
    return {"metadata": metadata, "spec": spec}


def _affinity(said: Mapping[str, Any], own: AffinityArgsDict) -> AffinityArgsDict:
    return cast("AffinityArgsDict", {**own, **{_AFFINITIES[name]: terms for name, terms in said.items()}})


def _toleration(said: TolerationInputs) -> TolerationArgsDict:
    made: TolerationArgsDict = {"operator": said.operator}
    if said.key is not None:
        made["key"] = said.key
    if said.value is not None:
        made["value"] = said.value
    if said.effect is not None:
        made["effect"] = said.effect
    if said.seconds is not None:
        made["toleration_seconds"] = said.seconds
    return made


def container(
    name: str,
    image: str,
    resources: ResourceRequirementsArgsDict,
    *,
    env: Sequence[EnvVarArgsDict] = (),
    mounts: Sequence[VolumeMountArgsDict] = (),
) -> ContainerArgsDict:
    """Where it writes no last words of its own, its last lines are taken for them."""
    return {
        "name": name,
        "image": image,
        "env": [*variables({"HOME": "/tmp"}), *env],  # noqa: S108
        "resources": resources,
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "termination_message_path": TERMINATION_LOG,
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [_TMP, *mounts],
    }


def needs(
    cpu: str, memory: str, more: Mapping[str, str] | None = None, disk: str | None = None
) -> ResourceRequirementsArgsDict:
    """The processor and `disk`, the node's, are shared where they are free; of memory and `more` it gets what it asks for."""
    firm = {"memory": memory, **(more or {})}
    return {"requests": {"cpu": cpu, **({"ephemeral-storage": disk} if disk else {}), **firm}, "limits": firm}


def processors(cpu: str) -> float:
    """Return the number that `2` or `500m` stands for."""
    return float(cpu[:-1]) / 1000 if cpu.endswith("m") else float(cpu)


def variables(values: Mapping[str, str]) -> list[EnvVarArgsDict]:
    return [{"name": name, "value": values[name]} for name in sorted(values)]


def from_secret(secret: str, names: Sequence[str]) -> list[EnvVarArgsDict]:
    return [{"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": name}}} for name in sorted(names)]


def config_map_key(path: str) -> str:
    """Return `path` as a key of a ConfigMap, which may not hold a slash; no two paths share one."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: "".join(f"_{b:02X}" for b in found[0].encode()), path)


def files_volume(name: str, config_map: str, paths: Sequence[str]) -> VolumeArgsDict:
    items = sorted(paths)
    return {
        "name": name,
        "config_map": {"name": config_map, "items": [{"key": config_map_key(p), "path": p} for p in items]},
    }
