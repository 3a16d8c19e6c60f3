"""Tell how a resource is doing.

Lives here: health_of, is_on_cluster.
Not here: deciding what to do about it (engine).
Law: one short line a resource; what is wrong says what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlops.address import Address
from mlops.context.context import Context, ProjectPaths
from mlops.engine.resource import Record
from mlops.errors import MlopsError
from mlops.monitoring.findings import lines_of, open_findings
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from mlops.targets.target import KUBERNETES
from mlops.tools.unix_http import ask

_COUNT = re.compile(r'^mlops_requests_total\{.*status="(\d+)"\} (\d+)$', re.MULTILINE)
_BUCKET = re.compile(r'^mlops_request_seconds_bucket\{.*le="([^"]+)"\} (\d+)$', re.MULTILINE)


def is_on_cluster(records: Mapping[Address, Record], at: Address, record: Record) -> bool:
    """Whether what runs of it runs on Kubernetes."""
    stack = record if at.kind == "stack" else records.get(Address("stack", str(record.outputs.get("stack"))))
    return stack is not None and stack.inputs["target"] == KUBERNETES


def health_of(context: Context, at: Address, record: Record) -> dict[str, Any]:
    told: dict[str, Any] = {"address": str(at), "state": "ok", "text": "", "url": None, "attention": []}
    if not record.complete:
        told |= {"state": "failed", "text": "the last apply of it failed half way; see: mlops plan"}
        missed = [gate["words"] for gate in record.outputs.get("gates", ()) if not gate["holds"]]
        return told | ({"text": f"gate missed: {missed[0]}"} if missed else {})
    if at.kind in ("stack", "endpoint", "monitor") and is_on_cluster(context.records, at, record):
        from mlops.targets.kubernetes.health import health_on_cluster

        return told | health_on_cluster(context, at, record)
    paths = context.paths
    match at.kind:
        case "dataset":
            rows = record.outputs.get("rows", {}).get("result")
            told["text"] = f"{rows:,} rows" if rows else "made elsewhere"
        case "model":
            metrics = record.outputs.get("metrics", {})
            told["text"] = ", ".join(
                f"{n} {metrics[n]:.3f}" for n in ("test_auc", "test_accuracy", "test_rmse") if n in metrics
            )
            gates = record.outputs.get("gates", ())
            told["text"] += f", {sum(g['holds'] for g in gates)} of {len(gates)} gates" if gates else ""
        case "package":
            told["text"] = str(record.outputs.get("tag", ""))
        case "stack":
            told |= _stack(paths, at, record)
        case "endpoint":
            told |= _endpoint(paths, at, record)
        case "monitor":
            told |= _monitor(paths, at, record)
    return told


def _stack(paths: ProjectPaths, at: Address, record: Record) -> dict[str, Any]:
    host = Host(paths, at.name)
    if not host.supervisor.is_up():
        return {"state": "missing", "text": "its supervisor does not run; repair it: mlops apply"}
    if not host.gateway.is_ready():
        return {"state": "missing", "text": "its gateway does not answer; see: mlops logs " + str(at)}
    running = sum(state.name == "RUNNING" for state in host.supervisor.states().values())
    return {"text": f"{running} processes, gateway on {record.outputs['address']}"}


def _endpoint(paths: ProjectPaths, at: Address, record: Record) -> dict[str, Any]:
    versions = Versions(Host(paths, record.outputs["stack"]), at.name)
    url = record.outputs.get("url")
    try:
        told = versions.read()
    except MlopsError as error:
        return {"state": "failed", "text": error.problems[0].detail, "url": url}
    live = told["live"]
    if live is None:
        return {"state": "missing", "text": "no version is live; repair it: mlops apply", "url": url}
    want = int(record.outputs.get("replicas", 1))
    ready = sum(versions.is_ready(live, index) for index in range(want))
    good = "healthy" if ready == want else "degraded" if ready else "down"
    answers, errors, p99 = _counted(versions, live, want)
    text = f"{live}  {good}  {ready}/{want} replicas  {answers:,} answered  p99 {p99}  {errors} errors"
    return {"state": "ok" if ready == want else "missing", "text": text, "url": url}


def _counted(versions: Versions, live: str, want: int) -> tuple[int, int, str]:
    """Answers, server errors, and the bound below which 99 % of the answers took, over all replicas."""
    answers = errors = 0
    buckets: dict[str, int] = {}
    for index in range(want):
        try:
            text = ask(versions.socket(live, index), "/metrics", timeout=1.0)[1].decode()
        except OSError:
            continue
        for status, count in _COUNT.findall(text):
            answers += int(count)
            errors += int(count) if status.startswith("5") else 0
        for bound, count in _BUCKET.findall(text):
            buckets[bound] = buckets.get(bound, 0) + int(count)
    total = buckets.get("+Inf", 0)
    bound = next((b for b, count in buckets.items() if total and count >= 0.99 * total), None)
    return answers, errors, "-" if bound is None else "> 2.5 s" if bound == "+Inf" else f"≤ {float(bound) * 1000:g} ms"


def _monitor(paths: ProjectPaths, at: Address, record: Record) -> dict[str, Any]:
    folder = paths.monitor(at.name)
    state = Host(paths, record.outputs["stack"]).supervisor.states().get(f"monitor-{at.name}")
    if state is None or state.name not in ("RUNNING", "STARTING"):
        return {"state": "missing", "text": "its watcher does not run; repair it: mlops apply"}
    try:
        told = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        told = {"windows": 0, "last": None, "rows": 0}
    findings = open_findings(folder, record.outputs.get("digest"))
    last = f" (last {told['last'][11:16]})" if told.get("last") else ""
    seen = f"{told['windows']} window{'' if told['windows'] == 1 else 's'}{last}"
    if not findings:
        return {"text": f"no finding in {seen}"}
    attention = [
        line for finding in findings for line in (f"{finding['kind']} since {finding['since']}", *lines_of(finding))
    ]
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {seen}"
    return {"state": "changed", "text": count, "attention": [*attention, f"close it: mlops ack {at} --reason '…'"]}
