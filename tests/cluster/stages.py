"""What becomes of a pod on a fake node.

Lives here: KWOK's stages, its module's own and the fates that a test may choose by a word in the image's name.
Not here: the nodes (nodes), starting KWOK (control_plane).
Law: without such a word a pod is ready at once, and a Job's pod has then succeeded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.cluster.programs import programs

LOG = "pod.log"
# Words in the name of an image, and what its pods do: a version that never answers, a training that fails or goes on.
NEVER_READY, FAILS, RUNS_ON = "never-ready", "fails", "runs-on"

NODES = ["node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"]


def write_stages(folder: Path) -> Path:
    """KWOK's configuration, in the control plane's folder."""
    write_log(folder, "a line that a container wrote")
    ready, complete, delete = (_stage(f"pod/fast/pod-{name}.yaml") for name in ("ready", "complete", "delete"))
    documents = [
        *map(_stage, NODES), _never_ready(ready), _except(ready, NEVER_READY), _fails(complete),
        _except(complete, f"{FAILS}|{RUNS_ON}"), delete,
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterLogs",
            "metadata": {"name": "all"},
            "spec": {"logs": [{"logsFile": str(folder / LOG), "follow": False}]},
        },
    ]  # fmt: skip
    path = folder / "kwok.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def write_log(folder: Path, *lines: str) -> None:
    """In the container runtimes' format, which KWOK reads as a kubelet does."""
    (folder / LOG).write_text("".join(f"2026-01-01T00:00:00.000000000Z stdout F {line}\n" for line in lines))


def _stage(name: str) -> dict[str, Any]:
    stage: dict[str, Any] = yaml.safe_load((programs() / "kwok" / name).read_text())
    return stage


def _image(words: str, operator: str) -> dict[str, str]:
    return {"key": f'.spec.containers.[].image | select( test("{words}") )', "operator": operator}


def _with(stage: dict[str, Any], suffix: str, expression: dict[str, str], status: str | None = None) -> dict[str, Any]:
    spec = stage["spec"]
    expressions = [*spec["selector"]["matchExpressions"], expression]
    made = {**spec, "selector": {"matchExpressions": expressions}}
    if status is not None:
        made["next"] = {"statusTemplate": status}
    return {**stage, "metadata": {"name": stage["metadata"]["name"] + suffix}, "spec": made}


def _except(stage: dict[str, Any], words: str) -> dict[str, Any]:
    return _with(stage, "", _image(words, "DoesNotExist"))


def _never_ready(ready: dict[str, Any]) -> dict[str, Any]:
    """Running, and never answering: the conditions and containers of the ready one, each `false`."""
    status = ready["spec"]["next"]["statusTemplate"]
    for kind in ("Ready", "ContainersReady"):
        status = status.replace(f'status: "True"\n  type: {kind}\n', f'status: "False"\n  type: {kind}\n')
    stage = _with(ready, "-never", _image(NEVER_READY, "Exists"), status.replace("ready: true", "ready: false", 1))
    stage["spec"]["selector"]["matchExpressions"].append({"key": ".status.startTime", "operator": "DoesNotExist"})
    return stage


def _fails(complete: dict[str, Any]) -> dict[str, Any]:
    status = complete["spec"]["next"]["statusTemplate"]
    status = status.replace("exitCode: 0", "exitCode: 1").replace("reason: Completed", "reason: Error")
    return _with(complete, "-fails", _image(FAILS, "Exists"), status.replace("phase: Succeeded", "phase: Failed"))
