"""Keep findings.

Lives here: Findings: one file each, extended rather than repeated, and a line in the log.
Not here: a finding's form (contracts.watcher), deciding what it means (mlops.monitoring).
Law: an acknowledged finding is not raised again for the same columns against the same baseline; a finding closes when
windows are clean again, and what is found after that is another.
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

CLEAN_WINDOWS = 3
"""Windows in a row without what a finding shows, after which it is closed."""
FindingKind = Literal["drift", "concept", "quality", "labels"]
Severity = Literal["warning", "critical"]
_SEVERITIES = ("warning", "critical")
_SHARES = frozenset({"missing", "unseen", "outside", "duplicates", "answers"})


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
    note: str | None = None


class Findings:
    """The findings of one monitor, in `folder`. `baseline`: digest of what was compared with."""

    def __init__(self, folder: Path, monitor: str, baseline: str) -> None:
        self._folder, self._monitor, self._baseline = folder, monitor, baseline
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, kind: FindingKind, columns: Sequence[FindingColumn], evidence: Evidence) -> str | None:
        """Write or extend a finding; return its id, None where it was acknowledged already."""
        names = {_named(kind, column) for column in columns}
        shown: dict[str, Any] = {
            "live": dict(evidence.live),
            "baseline": dict(evidence.baseline),
            "tested": evidence.tested,
            "note": evidence.note,
        }
        for known in self.all():
            if known.kind != kind or known.baseline_digest != self._baseline:
                continue
            if (self._folder / f"{known.id}.ack.json").exists():
                if names <= {_named(kind, column) for column in known.columns}:
                    return None
                continue
            if known.closed is not None:
                continue
            if known.until == iso(evidence.until):
                return known.id  # a watcher that was killed before it wrote down where it stands judges a window again
            merged = {(column.name, column.method): column for column in (*known.columns, *columns)}
            longer = structs.replace(
                known, until=iso(evidence.until), rows=known.rows + evidence.rows, columns=tuple(merged.values()),
                windows=known.windows + 1, clean=0, severity=max(known.severity, severity_of(columns, kind), key=_SEVERITIES.index),
                **shown,
            )  # fmt: skip
            self._write(longer)
            return longer.id
        number = time.strftime("%Y%m%d-%H%M%S", time.gmtime(evidence.until))
        finding = MonitorFinding(
            id=f"{kind}-{number}", monitor=self._monitor, kind=kind, since=iso(evidence.since), until=iso(evidence.until),
            rows=evidence.rows, columns=tuple(columns), windows=1, baseline_digest=self._baseline,
            severity=severity_of(columns, kind), **shown,
        )  # fmt: skip
        self._write(finding)
        return finding.id

    def clean(self, kind: FindingKind, until: float) -> None:
        """Count a window, which ended at `until`, that does not show what the open findings of a kind do; close them in time."""
        for known in self.all():
            if (known.kind, known.baseline_digest, known.closed) == (kind, self._baseline, None):
                count = known.clean + 1
                closed = iso(until) if count >= CLEAN_WINDOWS else None
                self._write(structs.replace(known, clean=count, closed=closed))

    def log_all(self) -> None:
        """Write every finding into the process's log."""
        for finding in self.all():
            log_finding(finding)

    def all(self) -> list[MonitorFinding]:
        """Return every finding, open or not; the oldest first."""
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


def severity_of(columns: Sequence[FindingColumn], kind: FindingKind) -> Severity:
    """Say how grave a window is: critical where the model is worse, a test measured twice its threshold, or most rows are
    concerned."""
    far = any(
        column.p is not None and column.threshold > 0 and column.statistic >= 2 * column.threshold for column in columns
    )
    most = any(column.method in _SHARES and column.statistic > 0.5 for column in columns)
    return "critical" if kind == "concept" or far or most else "warning"


def _named(kind: FindingKind, column: FindingColumn) -> str:
    """Return what an acknowledgement covers: a column that moved, however that shows, or one fault of a column's values."""
    return f"{column.name} {column.method}" if kind == "quality" else column.name


def log_finding(finding: MonitorFinding) -> None:
    """Write a finding into the process's log, where it is found by those who cannot see the folder."""
    print(FINDING_MARK + encode(finding), flush=True)
