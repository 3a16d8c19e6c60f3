"""What a batch means.

Lives here: BatchKind.
Not here: which intervals are due (scoring), scoring them (workloads.scoring).
Law: an apply scores what the plan showed as due, and nothing else; what was scored stays where it is.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping
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
from mlops.engine.resource import Attention, Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError, ToolFailed
from mlops.kinds.base import BaseKind
from mlops.scoring.outlook import Outlook, outlook_of, span
from mlops.scoring.place import ScoresPlace, ledger_totals, place_of
from mlops.scoring.survey import Surveys, input_tables
from mlops.tools.dvc.command import reporting
from mlops.tools.process import run

if TYPE_CHECKING:
    from mlops.config.schema.batch import BatchScoring

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
            outlook = self._outlook(desired)
        except MlopsError as error:
            problem = error.problems[0]
            return Observed(record, stale=(Stale(Reason(f"{problem.summary}: {problem.detail}"), self.created),))
        stale = (Stale(Reason(outlook.sentence()), self.created),) if outlook.due else ()
        return Observed(
            record,
            stale=stale,
            attention=_attention(address, outlook),
            obstacles=_obstacles(desired, outlook, self._place(desired)),
        )

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        try:
            outlook = self._outlook(desired)
        except MlopsError:
            return ()
        new = (outlook.sentence(),) if record is None and outlook.due else ()
        return (*new, *outlook.notes())

    def _outlook(self, desired: Desired) -> Outlook:
        batch: BatchScoring = typed(desired.effective)
        survey = self._surveys.of(input_tables(self.context, desired.address, desired.effective))
        package = self.context.records.get(Address("package", batch.package))
        version = str(package.outputs["digest"]) if package and "digest" in package.outputs else None
        return outlook_of(batch, self._place(desired), survey, version=version, now=time.time())

    def _place(self, desired: Desired) -> ScoresPlace:
        return place_of(self.context, desired.address, desired.effective["output"])

    def create(self, step: Step) -> Outcome:
        from mlops.contracts.codec import encode

        assert step.desired is not None
        batch: BatchScoring = typed(step.desired.effective)
        package = step.upstream[Address("package", batch.package)]
        outlook = self._outlook(step.desired)
        home = self.context.paths.batch(step.address.name)
        home.mkdir(parents=True, exist_ok=True)
        config = self._config(step, package, outlook, home)
        path = home / "config.json"
        path.write_text(encode(config, indent=1))
        if outlook.due:
            self._score(step, path, home / "batch.log")
        done = f"{outlook.rows:,} rows in {len(outlook.due)} interval{'' if len(outlook.due) == 1 else 's'}"
        outputs = {**ledger_totals(self._place(step.desired).ledger()), "package": package["tag"]}
        return Outcome(outputs, done if outlook.due else "nothing is due")

    def _config(self, step: Step, package: Mapping[str, Any], outlook: Outlook, home: Path) -> Any:
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
            due = [(one.name, one.rows, one.digest) for one in self._outlook(desired).due]
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
        return place_of(self.context, record.address, output)

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
        return (log,) if log.exists() else ()

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        is_postgres = str(inputs.get("output", {}).get("url", "")).startswith("postgresql")
        return ("data", "serving", *(("postgres",) if is_postgres else ()))

    def delete(self, step: Step) -> None:
        """What was scored stays, with its ledger."""


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
            Attention(address, f"{outlook.undated:,} rows of {address} have no time, and belong to no interval")
        )
    return tuple(lines)


def _obstacles(desired: Desired, outlook: Outlook, place: ScoresPlace) -> tuple[str, ...]:
    lengths = {line.length for line in outlook.ledger.values() if line.again is None}
    if not lengths - {desired.effective["interval"]}:
        return ()
    return (
        f"{place.name} holds intervals of another length, so that rows would stand twice. Give the batch another `output`, or "
        "take what is there away.",
    )
