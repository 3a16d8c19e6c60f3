"""Tell of findings.

Lives here: open_findings, is_newer, attention_of, watched_status, acknowledge, and the proposal: an edit of the YAML, as a command
and a patch.
Not here: finding them (workloads.monitoring).
Law: a proposal is never carried out; it is planned and reviewed like any other change.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.context.context import Context
from mlops.context.status import Status
from mlops.engine.resource import Attention, Record
from mlops.errors import MlopsError

_KINDS = {"drift": "drift", "concept": "a worse model", "labels": "other labels than those of training"}
_QUALITY = {
    "missing": "missing values", "unseen": "values that training never had", "outside": "values outside the range of training",
    "constant": "a column stuck at one value", "duplicates": "rows that were sent before", "answers": "answers that the model does not give",
    "refused": "more requests refused", "failed": "more requests failing", "volume": "another number of requests",
}  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """`words`: what to do. `override`: as the command line takes it, None where nothing can be edited. `edited`: a file of conf/ and its
    text with the edit."""

    words: str
    override: str | None = None
    patch: str | None = None
    edited: tuple[str, str] | None = None


def open_findings(folder: Path, baseline: str | None) -> list[dict[str, Any]]:
    """Return the findings that neither clean windows closed nor anybody acknowledged; the oldest first.

    `baseline`: digest of the one that is recorded; findings against another are left out.
    """
    found: list[dict[str, Any]] = []
    for path in sorted((folder / "findings").glob("*.json")):
        if path.name.endswith(".ack.json") or path.with_suffix("").with_suffix(".ack.json").exists():
            continue
        try:
            finding = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if finding.get("closed"):
            continue
        if baseline is None or finding.get("baseline_digest") == baseline:
            found.append(finding)
    return found


def watched_status(folder: Path, record: Record) -> Status:
    """Say what a watcher that runs has found; `folder`: where it writes."""
    try:
        seen = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        seen = {"windows": 0, "last": None, "rows": 0}
    findings = open_findings(folder, record.outputs.get("digest"))
    last = f" (last {seen['last'][11:16]})" if seen.get("last") else ""
    windows = f"{seen['windows']} window{'' if seen['windows'] == 1 else 's'}{last}"
    labels = label_lines(seen)
    if not findings:
        return Status("; ".join([f"no finding in {windows}", *labels]))
    lines = [
        line for finding in findings for line in (f"{finding['kind']} since {finding['since']}", *lines_of(finding))
    ]
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {windows}"
    close = f"close it: mlops ack {record.address} --reason '…'"
    return Status(count, "changed", attention=(*lines, *labels, close))


def label_lines(seen: Mapping[str, Any]) -> list[str]:
    """Say what late labels show; an estimate, called one, until there are enough of them."""
    live, counts = seen.get("live") or {}, seen.get("labels") or {}
    lines = []
    shown = [name for name in live if name != "rows"]
    if shown:
        each = ", ".join(f"{name} {live[name]:.3g}{_interval(seen.get('intervals', {}).get(name))}" for name in shown)
        lines.append(f"live {each} ({live['rows']:.0f} labelled rows)")
    else:
        for name, (value, low, high) in (seen.get("estimated") or {}).items():
            few = f"{live.get('rows', 0):.0f} labels yet"
            lines.append(
                f"estimated {name} {value:.3g}{_interval((low, high))}, from the model's own confidence ({few})"
            )
    if counts.get("refused"):
        lines.append(f"{counts['refused']:,} labels were set aside, the last: {counts['reason']}")
    if counts.get("source"):
        lines.append(f"the source of labels was not read: {counts['source']}")
    return lines


def _interval(bounds: Any) -> str:
    return f" [{bounds[0]:.3g}, {bounds[1]:.3g}]" if bounds else ""


def lines_of(finding: Mapping[str, Any]) -> list[str]:
    columns = finding["columns"]
    live, training = finding.get("live", {}), finding.get("baseline", {})
    named = ", ".join(_column(column) for column in columns[:4]) + (
        f" and {len(columns) - 4} more" if len(columns) > 4 else ""
    )
    if finding["kind"] == "concept":
        name = columns[0]["name"]
        return [
            f"live {name} {live[name]:.3g} against {training[f'test_{name}']:.3g} at training ({live['rows']:.0f} labelled rows)"
        ]
    lines = [
        f"{len({column['name'] for column in columns})} of {finding.get('tested', len(columns))} columns moved, most: {named}; {finding['rows']:,} rows"
    ]
    if finding.get("note"):
        lines.append(f"note: {finding['note']}")
    metric = next((name for name in live if name != "rows" and f"test_{name}" in training), None)
    if metric:
        before = training[f"test_{metric}"]
        lines.append(
            f"live {metric} {live[metric]:.3g} against {before:.3g} at training ({live['rows']:.0f} labelled rows)"
        )
    return lines


def _column(column: Mapping[str, Any]) -> str:
    words = {
        "ks": "KS", "chi2": "TV", "psi": "PSI", "jensen_shannon": "JS", "unseen": "never seen", "constant": "stuck, others before",
        "outside": "outside the range", "duplicates": "repeated", "joint": "no longer together", "answers": "answered otherwise",
        "volume": "so many times more or fewer than usual",
    }  # fmt: skip
    examples = f": {', '.join(column['examples'])}" if column.get("examples") else ""
    return f"{column['name']} ({words.get(column['method'], column['method'])} {column['statistic']:.2f}{examples})"


def _what(finding: Mapping[str, Any]) -> str:
    """Return what a finding found, in words."""
    if finding["kind"] != "quality":
        return _KINDS[finding["kind"]]
    methods = {column["method"] for column in finding["columns"]}
    return " and ".join(words for method, words in _QUALITY.items() if method in methods)


def is_newer(finding: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a finding was written after another state of the same one."""
    return _age(finding) > _age(known)


def _age(finding: Mapping[str, Any]) -> tuple[int, int]:
    return int(finding["windows"]), int(finding.get("clean", 0))


def attention_of(
    context: Context,
    monitor: Address,
    folder: Path,
    baseline: str | None,
    dataset: LoadedResource | None,
    *,
    propose: bool,
) -> tuple[Attention, ...]:
    attention: list[Attention] = []
    for finding in open_findings(folder, baseline):
        proposal = proposal_for(context, dataset) if propose and dataset and finding["kind"] != "quality" else None
        commands: list[str] = []
        if proposal and proposal.override:
            commands.append(
                f"mlops plan '{proposal.override}'" if " " in proposal.override else f"mlops plan {proposal.override}"
            )
            if proposal.patch:
                path = context.paths.proposals / f"{monitor}.patch"
                _keep_patch(path, proposal.patch)
                commands.append(f"or commit it: git apply {context.relative(path)}")
        commands.append(f"or close it: mlops ack {monitor} --reason '…'")
        summary = f"{monitor} has found {_what(finding)} since {finding['since']}"
        attention.append(
            Attention(monitor, summary, tuple(lines_of(finding)), proposal.words if proposal else None, tuple(commands))
        )
    return tuple(attention)


def proposal_for(context: Context, dataset: LoadedResource) -> Proposal:
    """Move the data set's window to the newest complete period; where it is there already, train nearer to now."""
    split = dataset.inputs["split"]
    name = dataset.address
    if split["by"] != "time":
        return Proposal(
            f"bring newer rows into the sources of {name}, then apply: the plan will see the changed source"
        )
    try:
        profile = json.loads((context.root / "data" / name.name / "profile.json").read_text())
        newest = date.fromisoformat(profile["newest"][:10])
    except (OSError, ValueError, KeyError, TypeError):
        return Proposal(f"bring newer rows into the sources of {name}")
    until = split.get("until")
    complete = _last_complete_month(newest)
    if until and complete > date.fromisoformat(until):
        return _edit(context, dataset, "until", until, complete.isoformat(), "train on the newest complete period")
    if split["test"] != "1 month":
        return _edit(
            context, dataset, "test", split["test"], "1 month",
            f"train nearer to now: the newest row is of {newest}, and the window ends there already",
        )  # fmt: skip
    return Proposal(f"bring rows newer than {newest} into the sources of {name}, then apply")


def _last_complete_month(newest: date) -> date:
    first_of_next = (newest.replace(day=1) + timedelta(days=32)).replace(day=1)
    end = first_of_next - timedelta(days=1)
    return end if newest == end else newest.replace(day=1) - timedelta(days=1)


def _edit(context: Context, dataset: LoadedResource, field: str, before: str, after: str, words: str) -> Proposal:
    override = f"{dataset.address}.split.{field}={after}"
    found = _patch(context, dataset.origin(f"split.{field}"), field, before, after)
    return Proposal(words, override, *(found or (None, None)))


def _patch(
    context: Context, origin: str | None, field: str, before: str, after: str
) -> tuple[str, tuple[str, str]] | None:
    """Return the edit as a patch, and the file with its edited text; None where the field is written in no file."""
    file, _, line = (origin or "").rpartition(":")
    if not line.isdigit():
        return None
    try:
        lines = (context.root / file).read_text().splitlines(keepends=True)
    except OSError:
        return None
    index = int(line) - 1
    edited, count = re.subn(rf"(\b{field}:\s*){re.escape(before)}", rf"\g<1>{after}", lines[index])
    if not count:
        return None
    changed = [*lines[:index], edited, *lines[index + 1 :]]
    return "".join(difflib.unified_diff(lines, changed, f"a/{file}", f"b/{file}")), (file, "".join(changed))


def _keep_patch(path: Path, patch: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(patch)
    except OSError:
        pass


def acknowledge(folder: Path, who: str, reason: str, finding_id: str | None) -> list[str]:
    """Return the names of the findings that were closed. Raises MlopsError where there is none to close."""
    findings = [one for one in open_findings(folder, None) if finding_id in (None, one["id"])]
    if not findings:
        known = ", ".join(one["id"] for one in open_findings(folder, None))
        raise MlopsError.of(
            "no such finding",
            f"There is no open finding{f' {finding_id}' if finding_id else ''}. Open: {known or 'none'}.",
        )
    for finding in findings:
        ack = {"reason": reason, "who": who, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        (folder / "findings" / f"{finding['id']}.ack.json").write_text(json.dumps(ack, indent=2) + "\n")
    return [finding["id"] for finding in findings]
