"""Keep findings.

Lives here: Findings: one file each, extended rather than repeated, and a line in the log.
Not here: deciding what a finding means (kinds).
Law: an acknowledged finding is not raised again for the same columns against the same baseline.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TOLD = "finding "
"""What such a line of the log begins with."""


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


class Findings:
    def __init__(self, folder: Path, monitor: str, baseline: str) -> None:
        self._folder, self._monitor, self._baseline = folder, monitor, baseline
        folder.mkdir(parents=True, exist_ok=True)

    def raise_(
        self, kind: str, *, since: float, until: float, rows: int, columns: list[dict[str, Any]], more: dict[str, Any]
    ) -> str | None:
        """Write or extend a finding; None where it was acknowledged already."""
        names = {column["name"] for column in columns}
        for told in self._all():
            if told["kind"] != kind or told["baseline_digest"] != self._baseline:
                continue
            before = {column["name"] for column in told["columns"]}
            if (self._folder / f"{told['id']}.ack.json").exists():
                if names <= before:
                    return None
                continue
            kept = {column["name"]: column for column in (*told["columns"], *columns)}
            told |= {"until": iso(until), "rows": told["rows"] + rows, "columns": list(kept.values()), **more}
            told["windows"] += 1
            self._write(told)
            return str(told["id"])
        finding = {
            "id": f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(until))}", "monitor": self._monitor, "kind": kind,
            "since": iso(since), "until": iso(until), "rows": rows, "columns": columns, "windows": 1,
            "baseline_digest": self._baseline, **more,
        }  # fmt: skip
        self._write(finding)
        return str(finding["id"])

    def tell_all(self) -> None:
        for finding in self._all():
            tell(finding)

    def _all(self) -> list[dict[str, Any]]:
        told = []
        for path in sorted(self._folder.glob("*.json")):
            if not path.name.endswith(".ack.json"):
                try:
                    told.append(json.loads(path.read_text()))
                except ValueError:
                    continue
        return told

    def _write(self, finding: dict[str, Any]) -> None:
        path = self._folder / f"{finding['id']}.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(finding, indent=2, sort_keys=True) + "\n")
        temporary.replace(path)
        tell(finding)


def tell(finding: dict[str, Any]) -> None:
    """Into the process's log, where it is found by those who cannot see the folder."""
    print(TOLD + json.dumps(finding, sort_keys=True), flush=True)
