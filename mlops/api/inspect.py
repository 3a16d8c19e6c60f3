"""Show what is recorded, and how it is doing.

Lives here: Inspection, the reading half of Project.
Not here: planning and applying (project), drawing (render).
Law: reads, except `ack`, which closes a finding, and `invoke`, which asks an endpoint.
"""

from __future__ import annotations

import getpass
import json
import math
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.api.refusal import refused_rows
from mlops.api.rows import read_rows
from mlops.config.project import ProjectSpec
from mlops.context.context import Context
from mlops.context.paths import ProjectPaths
from mlops.context.status import Status
from mlops.engine.resource import Record
from mlops.engine.store import DatabaseStore
from mlops.errors import MlopsError
from mlops.extensions import KINDS
from mlops.kinds.registry import kind_class


class Inspection:
    """The methods of a project that read."""

    root: Path
    spec: ProjectSpec
    store: DatabaseStore
    overrides: tuple[str, ...]

    @property
    def paths(self) -> ProjectPaths:
        return ProjectPaths(self.root, self.spec.environment)

    def status(self) -> list[dict[str, Any]]:
        """Return {address, state: ok|changed|missing|failed, text, url, attention} of every recorded resource."""
        context = self.context()
        return [_status_of(context, record) for record in context.records.values()]

    def context(self) -> Context:
        """Return what kinds work with, as the state is now."""
        return Context(self.root, self.spec.settings, self.store.head().salt, self.store.records(), self.spec.resources)

    def headline(self) -> str:
        """Return the URLs at which something answers."""
        return " ".join(
            str(record.outputs["url"]) for record in self.store.records().values() if "url" in record.outputs
        )

    def address_of(self, text: str) -> Address:
        """Return the address of what is declared or recorded. Raises MlopsError where there is no such resource."""
        return parse_address(text, {**self.spec.resources, **self.store.records()})

    def show(self, what: str | None) -> list[dict[str, Any]]:
        """Return what is recorded of a resource or, for None, of all."""
        records = self.store.records()
        chosen = [parse_address(what, records)] if what else list(records)
        context = self.context()
        return [
            {
                "address": str(at), "serial": records[at].serial, "complete": records[at].complete,
                "inputs": dict(records[at].inputs), "outputs": dict(records[at].outputs),
                "upstream": dict(records[at].upstream), "protect": records[at].protect,
                "lines": list(kind_class(at.kind)(context).record_lines(records[at])),
            }
            for at in chosen
        ]  # fmt: skip

    def history(self, text: str | None = None) -> list[dict[str, Any]]:
        """Return the applies, or the recorded versions of one resource, the newest first."""
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

    def ack(self, text: str, *, reason: str, finding_id: str | None = None) -> list[str]:
        """Close open findings, and return their names. Raises MlopsError where there are none."""
        context = self.context()
        at = parse_address(text, context.records)
        kind = kind_class(at.kind)(context)
        closed: list[str] = kind.acknowledge(
            context.records[at], who=getpass.getuser(), reason=reason, finding_id=finding_id
        )
        return closed

    def logs(self, text: str) -> list[Path]:
        """Return the newest log files of a resource's processes. Raises MlopsError where it has none."""
        context = self.context()
        at = parse_address(text, {**self.spec.resources, **context.records})
        kind, record = kind_class(at.kind)(context), context.records.get(at)
        if record is None and kind.logs_while_made:
            record = Record(at, {}, {})
        files = list(kind.logs(record)) if record else []
        if not files:
            raise MlopsError.of(
                "no logs",
                f"{at} has no process whose log could be shown. Stacks, endpoints, monitors and batches have, once they were applied, and "
                "models that were trained here or by this machine on a cluster.",
                address=str(at),
            )
        return files

    def invoke(self, text: str, rows_path: Path | None = None) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """Ask an endpoint, and return the rows that were sent and the answer. Raises MlopsError where it refuses or does not
        answer."""
        return self.ask(text, read_rows(rows_path) if rows_path else None)

    def ask(
        self, text: str, rows: Sequence[Mapping[str, Any]] | None, *, first: int = 0
    ) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """Ask an endpoint as `invoke` does, with rows at hand; for None, with some of the test split. `first`: the number of
        the first row, for what is said of a bad one."""
        context = self.context()
        at = parse_address(text, context.records)
        question = kind_class(at.kind)(context).question(context.records[at], rows)
        headers = {"content-type": "application/json", **question.headers}
        body = json.dumps({"rows": list(question.rows)}, default=str).encode()
        request = urllib.request.Request(question.url, body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return question.rows, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise refused_rows("endpoint refused the rows", str(at), error.code, error.read(), first=first) from error
        except OSError as error:
            raise MlopsError.of(
                "endpoint does not answer",
                f"{question.url}: {error}. See how it is doing: mlops status",
                address=str(at),
            ) from error

    def keep_hints(self, overrides: Sequence[str]) -> list[str]:
        """Return the edit of the YAML that would keep each override, but for those that take a field away."""
        from mlops.config.compose.overrides import read_overrides

        hints: list[str] = []
        context = self.context()
        for override in read_overrides(overrides).values:
            kind, *rest = override.path
            if len(rest) > 1 and kind in KINDS and not override.delete:
                at = Address(kind, rest[0])
                hints.append(kind_class(kind)(context).override_hint(at, ".".join(rest[1:]), _as_yaml(override.value)))
        return hints


def _status_of(context: Context, record: Record) -> dict[str, Any]:
    status = _incomplete(record) if not record.complete else kind_class(record.address.kind)(context).status(record)
    return {"address": str(record.address), **asdict(status), "attention": list(status.attention)}


def _as_yaml(value: Any) -> str:
    """Return a value as it stands behind a field, in one line."""
    import yaml

    return (
        yaml.safe_dump(value, default_flow_style=True, width=math.inf, sort_keys=False, allow_unicode=True)
        .split("\n...")[0]
        .strip()
    )


def _incomplete(record: Record) -> Status:
    missed = [gate["words"] for gate in record.outputs.get("gates", ()) if not gate["holds"]]
    return Status(
        f"gate missed: {missed[0]}" if missed else "the last apply of it failed half way; see: mlops plan", "failed"
    )
