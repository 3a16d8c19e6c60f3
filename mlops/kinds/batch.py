"""What a batch means.

Lives here: BatchKind.
Not here: which intervals are due (scoring), scoring them (workloads.scoring).
Law: an apply scores what the plan showed as due, and nothing else; what was scored stays where it is.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.status import Status
from mlops.contracts.cron import next_moment
from mlops.engine.plan import Change
from mlops.engine.resource import Attention, Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError, Problem, ToolFailed
from mlops.kinds.base import BaseKind
from mlops.scoring.outlook import Outlook, outlook_of, span
from mlops.scoring.place import ScoresPlace, ledger_totals, scores_place_of
from mlops.scoring.survey import Surveys, input_tables
from mlops.targets.target import Schedules, target_of_stack
from mlops.tools.dvc.command import reporting
from mlops.tools.process import run

if TYPE_CHECKING:
    from mlops.config.schema.batch import BatchScoring
    from mlops.contracts.scoring import ScoringConfig

_SCORING = "mlops.workloads.scoring.score"


class BatchKind(BaseKind):
    name = "batch"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.SCORE)

    @cached_property
    def _surveys(self) -> Surveys:
        return Surveys(self.context)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        """Another package scores the intervals to come or, where `restate` says so, all of them again."""
        desired = super().desire(resource, project)
        again = resource.effective["restate"] in ("on_new_version", "on_both")
        needs = tuple(
            replace(one, on_change=self.created if again else self.effect("package"))
            if one.address.kind == "package" else one
            for one in desired.depends_on
        )  # fmt: skip
        # References to secrets stay as they are written: they are filled in where rows are read and written.
        return replace(desired, inputs=dict(resource.inputs), effective=resource.effective, depends_on=needs)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if desired is None or record is None:
            return Observed(record, exists=record is not None)
        try:
            outlook = self.due_in(desired)
            keeper = self._schedules(desired.effective)
        except MlopsError as error:
            problem = error.problems[0]
            return Observed(record, stale=(Stale(Reason(f"{problem.summary}: {problem.detail}"), self.created),))
        attention, obstacles = _attention(address, outlook), _obstacles(desired, outlook, self._place(desired))
        stale = (Stale(Reason(outlook.sentence()), self.created),) if outlook.due else ()
        if desired.effective["schedule"]:
            attention += _left_to_schedule(address, outlook, str(desired.effective["schedule"]))
            runs = keeper is not None and keeper.runs(address.name)
            mends = self.effect_of(Category.RECONFIGURE)
            stale = () if runs else (Stale(Reason("its schedule does not run"), mends),)
        return Observed(record, stale=stale, attention=attention, obstacles=obstacles)

    def problems(self, changes: Sequence[Change]) -> Iterator[Problem]:
        """A stack that keeps no schedules cannot be given one."""
        yield from super().problems(changes)
        for change in changes:
            effective = self.context.resources[change.address].effective
            if effective["schedule"] and self._schedules(effective) is None:
                yield Problem(
                    "schedule is kept nowhere",
                    f"stack.{effective['stack']} is of a target that keeps no schedules of batches. Name a stack with "
                    "`target: local`, or take `schedule` and `stack` out and run `mlops apply` by a schedule of your own.",
                    str(change.address),
                    self.context.resources[change.address].source("stack"),
                )

    def _schedules(self, effective: Mapping[str, Any]) -> Schedules | None:
        stack = effective.get("stack")
        return target_of_stack(self.context, str(stack)).schedules(str(stack)) if stack else None

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        try:
            outlook = self.due_in(desired)
        except MlopsError:
            return ()
        new = (outlook.sentence(),) if record is None and outlook.due else ()
        return (*new, *outlook.notes())

    def due_in(self, desired: Desired, upstream: Mapping[Address, Mapping[str, Any]] | None = None) -> Outlook:
        """Return what is due. `upstream`: the outputs of what it depends on, in an apply that may have made them anew."""
        batch: BatchScoring = typed(desired.effective)
        made = upstream or {}
        datasets = {at.name: str(outputs.get("digest")) for at, outputs in made.items() if at.kind == "dataset"}
        survey = self._surveys.of(input_tables(self.context, desired.address, desired.effective), datasets)
        at = Address("package", batch.package)
        package = made.get(at) or (self.context.records[at].outputs if at in self.context.records else {})
        version = str(package["digest"]) if "digest" in package else None
        return outlook_of(batch, self._place(desired), survey, version=version, now=time.time())

    def _place(self, desired: Desired) -> ScoresPlace:
        return scores_place_of(self.context, desired.address, desired.effective["output"])

    def create(self, step: Step) -> Outcome:
        from msgspec import structs

        from mlops.contracts.codec import encode

        assert step.desired is not None
        batch: BatchScoring = typed(step.desired.effective)
        package = step.upstream[Address("package", batch.package)]
        outlook = self.due_in(step.desired, step.upstream)
        home = self.context.paths.batch(step.address.name)
        home.mkdir(parents=True, exist_ok=True)
        config = self._config(step, package, outlook, home)
        path = home / "config.json"
        self._stop_other_schedule(step)
        if batch.schedule:
            return self._schedule(step, path, structs.replace(config, intervals=None), package)
        path.write_text(encode(config, indent=1))
        if outlook.due:
            self._score(step, path, home / "batch.log")
        done = f"{outlook.rows:,} rows in {len(outlook.due)} interval{'' if len(outlook.due) == 1 else 's'}"
        outputs = {**ledger_totals(self._place(step.desired).ledger()), "package": package["tag"]}
        return Outcome(outputs, done if outlook.due else "nothing is due")

    def _schedule(self, step: Step, path: Path, config: ScoringConfig, package: Mapping[str, Any]) -> Outcome:
        """Have the stack score what is due, now and at each moment of the schedule. Rows are read as they are then."""
        from msgspec import structs

        from mlops.contracts.codec import encode

        assert step.desired is not None
        keeper = self._schedules(step.desired.effective)
        assert keeper is not None  # a plan with another target was refused
        text = encode(structs.replace(config, input=structs.replace(config.input, fingerprints={})), indent=1)
        is_other = not path.exists() or path.read_text() != text
        path.write_text(text)
        schedule = str(step.desired.effective["schedule"])
        anew = is_other or step.recorded is None or step.recorded.inputs.get("schedule") != schedule
        keeper.start(step.address.name, path, schedule, anew=anew)
        outputs = {**ledger_totals(self._place(step.desired).ledger()), "package": package["tag"]}
        return Outcome(outputs, f"stack.{step.desired.effective['stack']} scores what is due, by `{schedule}` (UTC)")

    def _stop_other_schedule(self, step: Step) -> None:
        """End the schedule that was kept before, where it is kept elsewhere or nowhere now."""
        before = step.recorded.inputs.get("stack") if step.recorded else None
        after = step.desired.effective["stack"] if step.desired else None
        if before is not None and before != after:
            keeper = target_of_stack(self.context, str(before), recorded=True).schedules(str(before))
            if keeper is not None:
                keeper.stop(step.address.name)

    def _config(self, step: Step, package: Mapping[str, Any], outlook: Outlook, home: Path) -> ScoringConfig:
        from mlops.contracts.scoring import IntervalRows, ScoringConfig

        assert step.desired is not None
        batch: BatchScoring = typed(step.desired.effective)
        return ScoringConfig(
            batch=str(step.address), input=input_tables(self.context, step.address, step.desired.effective),
            model=str(package["bento"]), version=str(package["digest"]), package=str(package["tag"]),
            folder=None if batch.output.url else batch.output.path or f"scores/{step.address.name}",
            url=batch.output.url, table=batch.output.table, lock=str(home / "lock"),
            intervals=tuple(IntervalRows(name=one.name, rows=one.rows, digest=one.digest) for one in outlook.due),
            delay=batch.delay, since=str(batch.since) if batch.since else None, restate=batch.restate,
            columns=tuple(batch.columns) if batch.columns is not None else None, concurrency=batch.concurrency, max_rejected=batch.max_rejected,
        )  # fmt: skip

    def _score(self, step: Step, config: Path, log: Path) -> None:
        def say(line: str, fraction: float | None) -> None:
            with log.open("a") as file:
                file.write(f"{now_text()} {line}\n")
            step.say(line, fraction)

        try:
            with reporting(self.context.root, say) as (env, watch):
                run(
                    [sys.executable, "-P", "-m", _SCORING, str(config)],
                    cwd=self.context.root,
                    env=env,
                    while_running=watch,
                )
        except ToolFailed as error:
            raise ToolFailed.of("scoring failed", error.problems[0].detail) from error
        except MlopsError as error:
            for problem in error.problems:
                say(f"{problem.summary}: {problem.detail}", None)
            raise

    def pins(self, desired: Desired) -> Mapping[str, str]:
        try:
            due = [(one.name, one.rows, one.digest) for one in self.due_in(desired).due]
        except MlopsError as error:
            due = [(error.problems[0].summary, 0, "")]
        return {f"intervals of {desired.address}": hashlib.md5(repr(due).encode(), usedforsecurity=False).hexdigest()}

    def status(self, record: Record) -> Status:
        try:
            found = ledger_totals(self._recorded_place(record).ledger())
        except MlopsError as error:
            return Status(error.problems[0].detail, "missing")
        last = f", last {found['last']}" if found["last"] else ""
        aside = f", {found['rejected']:,} set aside" if found["rejected"] else ""
        count = found["intervals"]
        return Status(f"{found['rows']:,} rows in {count} interval{'' if count == 1 else 's'}{aside}{last}")

    def _recorded_place(self, record: Record) -> ScoresPlace:
        output = {"path": None, "url": None, "table": None, **record.inputs.get("output", {})}
        return scores_place_of(self.context, record.address, output)

    def rerun(self, record: Record, named: str, *, who: str) -> list[str]:
        """Say that scored intervals are to be scored again, and return their names; the next plan shows them. `named`: an
        interval, or FIRST..LAST. Raises MlopsError where none of them was scored."""
        place = self._recorded_place(record)
        first, separator, last = named.partition("..")
        scored = sorted(name for name, line in place.ledger().items() if line.version)
        chosen = [name for name in scored if first <= name <= (_last_of(last) if separator else first)]
        if not chosen:
            there = f"There are {span(scored)}" if scored else "None was scored yet"
            raise MlopsError.of(
                "no such interval",
                f"{record.address} has scored no interval {named}. {there}. Write one, or FIRST..LAST.",
                address=str(record.address),
            )
        from msgspec import structs

        lines = place.ledger()
        for name in chosen:
            place.add(structs.replace(lines[name], again=who, at=now_text()))
        return chosen

    def logs(self, record: Record) -> tuple[Path, ...]:
        log = self.context.paths.batch(record.address.name) / "batch.log"
        keeper = self._schedules(record.inputs)
        return (*((log,) if log.exists() else ()), *(keeper.logs(record.address.name) if keeper else ()))

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        is_postgres = str(inputs.get("output", {}).get("url", "")).startswith("postgresql")
        return ("data", "serving", *(("postgres",) if is_postgres else ()))

    def delete(self, step: Step) -> None:
        """What was scored stays, with its ledger."""
        self._stop_other_schedule(replace(step, desired=None))


def _last_of(text: str) -> str:
    """Return a text that no interval of the last day that was named comes after."""
    return f"{text}~"


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _attention(address: Address, outlook: Outlook) -> tuple[Attention, ...]:
    lines = []
    if outlook.other:
        names = span(outlook.other)
        lines.append(
            Attention(
                address, f"{address} has scored intervals whose rows are others now: {names}",
                ("they stay as they were scored, since `restate` does not say otherwise",), "score them again",
                (f"mlops batch rerun {address.name} {outlook.other[0]}..{outlook.other[-1]}",),
            )
        )  # fmt: skip
    if outlook.undated:
        lines.append(
            Attention(
                address, f"{address}: {outlook.undated:,} of its rows have no time, so that they belong to no interval"
            )
        )
    return tuple(lines)


def _left_to_schedule(address: Address, outlook: Outlook, schedule: str) -> tuple[Attention, ...]:
    if not outlook.due:
        return ()
    following = next_moment(schedule, datetime.now(UTC))
    return (
        Attention(
            address, f"{address}: {outlook.sentence()}; its schedule scores them, next at {following:%Y-%m-%d %H:%M} UTC",
            outlook.notes(),
        ),
    )  # fmt: skip


def _obstacles(desired: Desired, outlook: Outlook, place: ScoresPlace) -> tuple[str, ...]:
    lengths = {line.length for line in outlook.ledger.values() if line.again is None}
    if not lengths - {desired.effective["interval"]}:
        return ()
    return (
        f"{place.name} holds intervals of another length, so that rows would stand twice. Give the batch another `output`, or "
        "take what is there away.",
    )
