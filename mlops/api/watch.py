"""Turn what happens into plans for review.

Lives here: ProjectWatch, which looks for findings, sources that are others, and moments of a schedule.
Not here: handing over (handover), finding what drifts (workloads.monitoring), waiting between two looks (cli.watch).
Law: nothing is applied but what a monitor's `on_finding: apply` allows, and that only where nothing else is pending; an occasion is
handed over once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.notebook.plan import ShownPlan
from mlops.api.options import Options
from mlops.api.project import Project
from mlops.contracts.cron import next_moment
from mlops.errors import MlopsError
from mlops.handover.journal import HandoverJournal, held, read_task, write_whole
from mlops.kinds.monitor import MonitorKind
from mlops.monitoring.findings import Proposal, lines_of

if TYPE_CHECKING:
    from mlops.config.schema.watch import WatchSettings
    from mlops.contracts.handover import YamlEdit


@dataclass(frozen=True)
class _Occasion:
    """What a plan is handed over for. `proposal`: of a finding, the edit that the plan is made with."""

    key: str
    kind: str
    summary: str
    lines: tuple[str, ...] = ()
    finding: Mapping[str, Any] | None = None
    proposal: Proposal | None = None
    may_apply: bool = False


@dataclass
class ProjectWatch:
    """Looks at one project again and again. `root`, `overrides`: as Project.open takes them."""

    root: Path
    overrides: tuple[str, ...] = ()
    _project: Project = field(init=False)

    def __post_init__(self) -> None:
        self._open()
        self.folder.mkdir(parents=True, exist_ok=True)

    def _open(self) -> None:
        """Raises MlopsError where the project has nobody to hand plans to."""
        self._project = Project.open(self.root, overrides=self.overrides)
        if self._project.spec.settings.watch is None:
            raise MlopsError.of(
                "nobody to hand plans to",
                "`watch` is not declared. Say it in conf/project.yaml or conf/env/NAME.yaml, such as "
                "`watch: {every: 15m, hand_to: {webhook: '${secret:REVIEW_URL}'}}`.",
            )

    @property
    def settings(self) -> WatchSettings:
        assert self._project.spec.settings.watch is not None
        return self._project.spec.settings.watch

    @property
    def folder(self) -> Path:
        return self._project.paths.watch

    @property
    def _journal(self) -> HandoverJournal:
        return HandoverJournal(self.folder / "handovers")

    def look(self, now: float) -> list[str]:
        """Hand over what there is to, and try again what failed; return a line for each. Raises MlopsError where the project
        cannot be planned; what was noticed before is handed over all the same."""
        try:
            self._open()
            self._notice(now)
        finally:
            lines = self._deliver(now)
        return lines

    def alone(self) -> Any:
        """Hold the lock of this environment's watch; see handover.journal.held."""
        return held(self.folder)

    def _notice(self, now: float) -> None:
        """Keep a task for each occasion that is new."""
        plan = self._project.plan(Options(refresh_data=True))
        for occasion in (*self._findings(), *_sources(plan), *self._moments(plan, now)):
            if not self._journal.knows(occasion.key):
                self._keep(occasion, plan, now)

    def _findings(self) -> Iterator[_Occasion]:
        context = self._project.context()
        kind = MonitorKind(context)
        for at, record in sorted(context.records.items()):
            declared = self._project.spec.resources.get(at)
            if at.kind != "monitor" or declared is None or declared.effective["on_finding"] == "record":
                continue
            for finding, proposal in kind.proposals(record, declared):
                yield _Occasion(
                    f"finding/{self._project.environment}/{at}/{finding['id']}", "finding",
                    f"{at} has found {finding['kind']} since {finding['since']}", tuple(lines_of(finding)), finding,
                    proposal, may_apply=declared.effective["on_finding"] == "apply",
                )  # fmt: skip

    def _moments(self, plan: ShownPlan, now: float) -> Iterator[_Occasion]:
        """Yield the last moment of the schedule since the last look, where anything is pending then."""
        if self.settings.schedule is None:
            return
        path = self.folder / "looked"
        try:
            last = float(path.read_text())
        except (OSError, ValueError):
            last = now
        moment = None
        following = next_moment(self.settings.schedule, datetime.fromtimestamp(last, UTC))
        while following.timestamp() <= now:
            moment, following = following, next_moment(self.settings.schedule, following)
        if moment is not None and plan.has_changes:
            name = f"{moment:%Y-%m-%dT%H:%M}"
            yield _Occasion(
                f"schedule/{self._project.environment}/{name}", "schedule", f"Changes are pending at {name} UTC."
            )
        write_whole(path, f"{now}")

    def _keep(self, occasion: _Occasion, plan: ShownPlan, now: float) -> None:
        from mlops.contracts.handover import Handover, HandoverTask

        override = occasion.proposal.override if occasion.proposal else None
        project, shown = self._project, plan
        if override is not None:
            project = Project.open(self.root, overrides=(*self.overrides, override))
            shown = project.plan()
        edit = self._edit_of(occasion.proposal) if occasion.may_apply and not plan.has_changes else None
        hand_to = self.settings.hand_to
        handover = Handover(
            key=occasion.key, project=project.spec.name, environment=project.environment,
            at=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"), occasion=occasion.kind,  # type: ignore[arg-type]
            summary=occasion.summary, lines=occasion.lines, finding=dict(occasion.finding) if occasion.finding else None,
            overrides=(override,) if override else (), patch=occasion.proposal.patch if occasion.proposal else None,
            plan=project.document(shown),
        )  # fmt: skip
        task = HandoverTask(
            handover=handover, root=str(self.root.absolute()), secrets=str(project.paths.secrets),
            webhook=hand_to.webhook, command=hand_to.command, edit=edit, overrides=self.overrides,
        )  # fmt: skip
        self._journal.put(task)

    def _edit_of(self, proposal: Proposal | None) -> YamlEdit | None:
        """Return the edit that `on_finding: apply` makes; None where the proposal is no edit of a file."""
        from mlops.contracts.handover import YamlEdit

        if proposal is None or proposal.edited is None:
            return None
        file, after = proposal.edited
        return YamlEdit(file=file, before=(self.root / file).read_text(encoding="utf-8"), after=after)

    def _deliver(self, now: float) -> list[str]:
        lines = []
        for folder in self._journal.due(now):
            summary = read_task(folder).handover.summary
            outcome = self._journal.deliver(folder)
            if outcome is None:
                lines.append(f"{summary} Handing it over ended without a word; see {folder / 'deliver.log'}")
                continue
            if outcome.result is not None:
                applied = "applied" if outcome.result.applied else f"not applied (exit {outcome.result.exit_code})"
                summary = f"{summary} [{applied}]"
            lines.append(f"{summary} {f'Not handed over: {outcome.error}' if outcome.error else 'Handed over.'}")
        return lines


def _sources(plan: ShownPlan) -> Iterator[_Occasion]:
    """Yield an occasion where sources of data sets are others than those that were prepared."""
    moved: dict[Address, list[str]] = {}
    for change in plan.changes:
        words = [
            reason.text for reason in change.reasons if reason.text.startswith("source ") and " changed" in reason.text
        ]
        if change.address.kind == "dataset" and words:
            moved[change.address] = words
    if not moved:
        return
    prefixes = tuple(f"source {at}." for at in moved)
    pins = [f"{pin.name}={pin.digest}" for pin in plan.pins if pin.name.startswith(prefixes)]
    digest = hashlib.sha256("\n".join(pins).encode()).hexdigest()[:16]
    names = ", ".join(map(str, moved))
    lines = tuple(f"{at}: {text}" for at, words in moved.items() for text in words)
    yield _Occasion(f"data/{plan.environment}/{digest}", "data", f"New data for {names}.", lines)
