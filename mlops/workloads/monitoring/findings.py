"""Keep findings.

Lives here: Findings: one file each, extended rather than repeated, and a line in the log.
Not here: a finding's form (contracts.watcher), deciding what it means (mlops.monitoring).
Law: an acknowledged finding is not raised again for the same columns against the same baseline.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.watcher import FINDING_MARK, FindingColumn, MonitorFinding


def iso(at: float) -> str:
    """Return Unix seconds as ISO text."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Evidence:
    """What a window showed, whatever kind of finding it makes. `since`, `until`: Unix seconds."""

    since: float
    until: float
    rows: int
    live: Mapping[str, float]
    baseline: Mapping[str, Any]
    tested: int


class Findings:
    """The findings of one monitor, in `folder`. `baseline`: digest of what was compared with."""

    def __init__(self, folder: Path, monitor: str, baseline: str) -> None:
        self._folder, self._monitor, self._baseline = folder, monitor, baseline
        folder.mkdir(parents=True, exist_ok=True)

    def keep(
        self, kind: Literal["drift", "concept", "quality"], columns: Sequence[FindingColumn], evidence: Evidence
    ) -> str | None:
        """Write or extend a finding; return its id, None where it was acknowledged already."""
        names = {column.name for column in columns}
        shown: dict[str, Any] = {
            "live": dict(evidence.live),
            "baseline": dict(evidence.baseline),
            "tested": evidence.tested,
        }
        for known in self._all():
            if known.kind != kind or known.baseline_digest != self._baseline:
                continue
            if (self._folder / f"{known.id}.ack.json").exists():
                if names <= {column.name for column in known.columns}:
                    return None
                continue
            merged = {column.name: column for column in (*known.columns, *columns)}
            longer = structs.replace(
                known, until=iso(evidence.until), rows=known.rows + evidence.rows, columns=tuple(merged.values()),
                windows=known.windows + 1, **shown,
            )  # fmt: skip
            self._write(longer)
            return longer.id
        number = time.strftime("%Y%m%d-%H%M%S", time.gmtime(evidence.until))
        finding = MonitorFinding(
            id=f"{kind}-{number}", monitor=self._monitor, kind=kind, since=iso(evidence.since), until=iso(evidence.until),
            rows=evidence.rows, columns=tuple(columns), windows=1, baseline_digest=self._baseline, **shown,
        )  # fmt: skip
        self._write(finding)
        return finding.id

    def log_all(self) -> None:
        """Write every finding into the process's log."""
        for finding in self._all():
            log_finding(finding)

    def _all(self) -> list[MonitorFinding]:
        findings = []
        for path in sorted(self._folder.glob("*.json")):
            if not path.name.endswith(".ack.json"):
                try:
                    findings.append(decode(MonitorFinding, path.read_bytes()))
                except ContractError:
                    continue
        return findings

    def _write(self, finding: MonitorFinding) -> None:
        path = self._folder / f"{finding.id}.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(encode(finding, indent=2) + "\n")
        temporary.replace(path)
        log_finding(finding)


def log_finding(finding: MonitorFinding) -> None:
    """Write a finding into the process's log, where it is found by those who cannot see the folder."""
    print(FINDING_MARK + encode(finding), flush=True)
