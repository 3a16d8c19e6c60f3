"""Make pods that Pod Security `restricted` lets in.

Lives here: pod, container and what they share: the user, the writable folders, requests, environment, files.
Not here: what runs in them (training, serving, watching).
Law: no root, no token of the cluster, a read-only root; a container says what it needs, and its memory is promised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mlops.contracts.names import TERMINATION_LOG, USER
from stacks.objects.api import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    ResourceRequirementsArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

SCRATCH = "scratch"
_TMP: VolumeMountArgsDict = {"name": SCRATCH, "mount_path": "/tmp", "sub_path": "tmp"}  # noqa: S108


def pod(
    account: str,
    containers: Sequence[ContainerArgsDict],
    *,
    volumes: Sequence[VolumeArgsDict] = (),
    scratch: str = "1Gi",
) -> PodSpecArgsDict:
    """`scratch`: the most that /tmp, and what else lies on the volume SCRATCH, may hold."""
    return {
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
        "volumes": [{"name": SCRATCH, "empty_dir": {"size_limit": scratch}}, *volumes],
    }


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
