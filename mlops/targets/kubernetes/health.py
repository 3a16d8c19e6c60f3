"""Tell how things on a cluster are doing.

Lives here: the status of a stack, an endpoint and a monitor, and log_files, which copies what pods wrote.
Not here: deciding what to do about it (engine).
Law: one short line a resource; a cluster that does not answer is said, and no error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops.context.status import Status
from mlops.engine.resource import Record
from mlops.errors import ToolFailed
from mlops.targets.kubernetes.cluster_context import ClusterContext
from mlops.targets.kubernetes.faults import endpoint_faults, stack_faults, watcher_faults
from mlops.tools.cluster import Object


def on_cluster(ask: Callable[[], Status]) -> Status:
    """What the cluster answers, or that it does not."""
    try:
        return ask()
    except ToolFailed as error:
        return Status(error.problems[0].detail, "missing")


def stack_status(cluster: ClusterContext, record: Record) -> Status:
    count = len(record.outputs.get("prints", ()))
    text = f"Kubernetes {cluster.client.version()}, namespace {cluster.namespace}, {count} objects"
    return _with_faults(Status(text), stack_faults(cluster))


def endpoint_status(cluster: ClusterContext, record: Record) -> Status:
    version, url = record.outputs["version"], record.outputs.get("url")
    deployment = cluster.client.one("Deployment", cluster.namespace, f"{record.address.name}-{version}")
    if deployment is None:
        return Status(f"{version} is gone from the cluster; repair it: mlops apply", "missing", url)
    want, ready = _ready(deployment)
    good = "healthy" if ready >= want else "degraded" if ready else "down"
    status = Status(f"{version}  {good}  {ready}/{want} replicas", "ok" if ready >= want else "missing", url)
    return _with_faults(status, endpoint_faults(cluster, record.address.name, version))


def monitor_status(cluster: ClusterContext, record: Record) -> Status:
    name = f"{record.address.name}-watcher"
    deployment = cluster.client.one("Deployment", cluster.namespace, name)
    if deployment is not None:
        want, ready = _ready(deployment)
        text = f"watcher {'runs' if ready else 'does not run'}; findings: mlops plan"
        return _with_faults(
            Status(text, "ok" if ready >= want else "missing"), watcher_faults(cluster, record.address.name)
        )
    job = cluster.client.one("CronJob", cluster.namespace, name)
    if job is None:
        return Status("its watcher is gone from the cluster; repair it: mlops apply", "missing")
    last = (job.get("status") or {}).get("lastScheduleTime") or "never"
    status = Status(f"looks at {job['spec']['schedule']} (last {last}); findings: mlops plan")
    return _with_faults(status, watcher_faults(cluster, record.address.name))


def _with_faults(status: Status, faults: tuple[str, ...]) -> Status:
    return replace(status, state="failed", attention=faults) if faults else status


def _ready(deployment: Object) -> tuple[int, int]:
    status = deployment.get("status") or {}
    return int(deployment["spec"].get("replicas", 1)), int(status.get("readyReplicas", 0))


def log_files(cluster: ClusterContext, name: str, component: str, *, most: int = 6) -> tuple[Path, ...]:
    """Copy what the newest pods of a component (serving, watching) wrote to this machine, and return the files."""
    labels = f"app.kubernetes.io/name={name},app.kubernetes.io/component={component}"
    pods = sorted(
        cluster.client.all("Pod", cluster.namespace, labels=labels),
        key=lambda pod: str(pod["metadata"]["creationTimestamp"]),
    )
    folder = cluster.context.paths.run(cluster.stack_name) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for pod in pods[-most:]:
        path = folder / f"{pod['metadata']['name']}.log"
        path.write_text(cluster.client.log(cluster.namespace, pod["metadata"]["name"], lines=5000))
        files.append(path)
    return tuple(files)
