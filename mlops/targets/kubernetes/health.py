"""Tell how things on a cluster are doing.

Lives here: health_on_cluster, and log_files, which copies what pods wrote.
Not here: deciding what to do about it (engine).
Law: one short line a resource; a cluster that does not answer is said, and no error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.context.context import Context
from mlops.engine.resource import Record
from mlops.errors import ToolFailed
from mlops.targets.kubernetes.cluster_context import ClusterContext, cluster_context_of
from mlops.tools.cluster import Object


def health_on_cluster(context: Context, at: Address, record: Record) -> dict[str, Any]:
    """{state, text, url} of a stack, an endpoint or a monitor."""
    site = _site(context, at, record)
    try:
        match at.kind:
            case "stack":
                version = site.cluster.version()
                count = len(record.outputs.get("prints", ()))
                return {"text": f"Kubernetes {version}, namespace {site.namespace}, {count} objects"}
            case "endpoint":
                return _endpoint(site, at, record)
            case _:
                return _monitor(site, at, record)
    except ToolFailed as error:
        return {"state": "missing", "text": error.problems[0].detail}


def _endpoint(site: ClusterContext, at: Address, record: Record) -> dict[str, Any]:
    version, url = record.outputs["version"], record.outputs.get("url")
    told = site.cluster.one("Deployment", site.namespace, f"{at.name}-{version}")
    if told is None:
        return {"state": "missing", "text": f"{version} is gone from the cluster; repair it: mlops apply", "url": url}
    want, ready = _ready(told)
    good = "healthy" if ready >= want else "degraded" if ready else "down"
    return {
        "state": "ok" if ready >= want else "missing", "text": f"{version}  {good}  {ready}/{want} replicas", "url": url,
    }  # fmt: skip


def _monitor(site: ClusterContext, at: Address, record: Record) -> dict[str, Any]:
    name = f"{at.name}-watcher"
    told = site.cluster.one("Deployment", site.namespace, name)
    if told is not None:
        want, ready = _ready(told)
        state = "ok" if ready >= want else "missing"
        return {"state": state, "text": f"watcher {'runs' if ready else 'does not run'}; findings: mlops plan"}
    job = site.cluster.one("CronJob", site.namespace, name)
    if job is None:
        return {"state": "missing", "text": "its watcher is gone from the cluster; repair it: mlops apply"}
    last = (job.get("status") or {}).get("lastScheduleTime") or "never"
    return {"text": f"looks at {job['spec']['schedule']} (last {last}); findings: mlops plan"}


def _ready(deployment: Object) -> tuple[int, int]:
    status = deployment.get("status") or {}
    return int(deployment["spec"].get("replicas", 1)), int(status.get("readyReplicas", 0))


def log_files(context: Context, at: Address, record: Record, *, most: int = 6) -> list[Path]:
    """What its newest pods wrote, copied to this machine."""
    site = _site(context, at, record)
    component = {"endpoint": "serving", "monitor": "watching"}[at.kind]
    labels = f"app.kubernetes.io/name={at.name},app.kubernetes.io/component={component}"
    pods = sorted(
        site.cluster.all("Pod", site.namespace, labels=labels),
        key=lambda pod: str(pod["metadata"]["creationTimestamp"]),
    )
    folder = context.paths.run(site.stack) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for pod in pods[-most:]:
        path = folder / f"{pod['metadata']['name']}.log"
        path.write_text(site.cluster.log(site.namespace, pod["metadata"]["name"], lines=5000))
        files.append(path)
    return files


def _site(context: Context, at: Address, record: Record) -> ClusterContext:
    if at.kind == "stack":
        return ClusterContext(context, at.name, record.inputs)
    return cluster_context_of(context, {}, record.outputs["stack"], recorded=True)
