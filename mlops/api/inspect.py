"""Tell what is recorded, and how it is doing.

Lives here: Inspection, the reading half of Project.
Not here: planning and applying (project), drawing (render).
Law: reads, except `ack`, which closes a finding, and `invoke`, which asks an endpoint.
"""

from __future__ import annotations

import getpass
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.api.health import health_of, is_on_cluster
from mlops.api.rows import read_rows
from mlops.config.project import ProjectSpec
from mlops.context.context import Context, ProjectPaths
from mlops.context.secrets import unseal
from mlops.engine.resource import Record
from mlops.engine.store import DatabaseStore
from mlops.errors import MlopsError
from mlops.monitoring.findings import acknowledge

_MOST_LOGS = 6


class Inspection:
    root: Path
    spec: ProjectSpec
    store: DatabaseStore
    overrides: tuple[str, ...]

    @property
    def paths(self) -> ProjectPaths:
        return ProjectPaths(self.root, self.spec.environment)

    def status(self) -> list[dict[str, Any]]:
        """{address, state: ok|changed|missing|failed, text, url, attention} of all that is recorded."""
        context = self._ground()
        return [health_of(context, at, record) for at, record in context.records.items()]

    def _ground(self) -> Context:
        return Context(self.root, self.spec.settings, self.store.head().salt, self.store.records(), self.spec.resources)

    def headline(self) -> str:
        """The addresses at which endpoints answer."""
        records = self.store.records().items()
        return " ".join(str(r.outputs["url"]) for at, r in records if at.kind == "endpoint" and "url" in r.outputs)

    def show(self, what: str | None) -> list[dict[str, Any]]:
        records = self.store.records()
        chosen = [parse_address(what, records)] if what else list(records)
        return [
            {
                "address": str(at), "serial": records[at].serial, "complete": records[at].complete,
                "inputs": dict(records[at].inputs), "outputs": dict(records[at].outputs),
                "upstream": dict(records[at].upstream), "protect": records[at].protect,
            }
            for at in chosen
        ]  # fmt: skip

    def history(self, text: str | None = None) -> list[dict[str, Any]]:
        """The applies, the newest first; or the recorded versions of one resource."""
        operations = self.store.operations(1000)
        if text is None:
            return [
                {"at": o.started_at, "outcome": o.outcome, "who": f"{o.who}@{o.host}", "commit": (o.commit or "-")[:12],
                 "command": o.command, "summary": o.summary}
                for o in operations
            ]  # fmt: skip
        at = parse_address(text, {**self.spec.resources, **self.store.records()})
        by_id = {operation.id: operation for operation in operations}
        return [
            {
                "serial": v.serial, "at": v.at, "who": by_id[v.operation].who if v.operation in by_id else "-",
                "digest": str(v.record.outputs.get("digest", "-"))[:12] if v.record else "deleted",
                "complete": "yes" if v.record is None or v.record.complete else "no",
                "command": by_id[v.operation].command if v.operation in by_id else "-",
            }
            for v in reversed(self.store.versions(at))
        ]  # fmt: skip

    def ack(self, monitor: str, *, reason: str, finding_id: str | None = None) -> list[str]:
        at = parse_address(monitor, [a for a in self.store.records() if a.kind == "monitor"])
        return acknowledge(self.paths.monitor(at.name), getpass.getuser(), reason, finding_id)

    def logs(self, text: str) -> list[Path]:
        """The newest log files of a resource's processes. Raises MlopsError where it has none."""
        at = parse_address(text, self.store.records())
        record = self.store.records()[at]
        stack = at.name if at.kind == "stack" else record.outputs.get("stack")
        if at.kind == "model" and (path := self.paths.training_log(at.name)).exists():
            return [path]
        if at.kind in ("endpoint", "monitor") and is_on_cluster(self.store.records(), at, record):
            from mlops.targets.kubernetes.health import log_files

            return log_files(self._ground(), at, record)
        folder = self.paths.run(stack) / "logs" if stack else None
        patterns = {"endpoint": f"{at.name}-v*.log", "monitor": f"monitor-{at.name}.log", "stack": "[gs][au]*.log"}
        found = folder.glob(patterns[at.kind]) if folder and at.kind in patterns else []
        files = sorted(sorted(found, key=lambda path: path.stat().st_mtime)[-_MOST_LOGS:])
        if not files:
            raise MlopsError.of(
                "no logs",
                f"{at} has no process whose log could be shown. Stacks, endpoints and monitors have, and models that were "
                "trained on a cluster.",
                address=str(at),
            )
        return files

    def invoke(self, text: str, rows_path: Path | None = None) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """The rows that were sent, and the answer. Raises MlopsError where the endpoint refuses or is not there."""
        records = self.store.records()
        at = parse_address(text, [a for a in records if a.kind == "endpoint"])
        record = records[at]
        rows = read_rows(rows_path) if rows_path else _golden(record)
        headers = {"content-type": "application/json"}
        if record.inputs.get("auth"):
            headers["x-api-key"] = unseal(record.inputs["auth"]["api_key"], self.paths.secrets, field="auth.api_key")
        url = f"{record.outputs['url']}/predict"
        request = urllib.request.Request(url, json.dumps({"rows": rows}).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return rows, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise _refused(at, error) from error
        except OSError as error:
            raise MlopsError.of(
                "endpoint does not answer", f"{url}: {error}. See how it is doing: mlops status", address=str(at)
            ) from error

    def keep_hints(self, overrides: Sequence[str]) -> list[str]:
        """The edit of the YAML that would keep each override."""
        told: list[str] = []
        for word in overrides:
            path, _, value = word.lstrip("+").partition("=")
            parts = path.split(".")
            if len(parts) > 2 and parts[0] in ("dataset", "model", "package", "stack", "endpoint", "monitor"):
                told.append(f"To keep it, say in conf/{parts[0]}/{parts[1]}.yaml:  {'.'.join(parts[2:])}: {value}")
        return told


def _golden(record: Record) -> list[Any]:
    rows: list[Any] = json.loads((Path(record.outputs["bento"]) / "golden.json").read_text())["rows"][:5]
    return rows


def _refused(at: Address, error: urllib.error.HTTPError) -> MlopsError:
    body = error.read().decode(errors="replace")
    try:
        problems = json.loads(body).get("problems", [])
    except (ValueError, AttributeError):
        problems = []
    named = "; ".join(f"row {p['row']}, column {p['column']}: {p['problem']}" for p in problems) or body[:300]
    return MlopsError.of("endpoint refused the rows", f"{at} answered {error.code}: {named}.", address=str(at))
