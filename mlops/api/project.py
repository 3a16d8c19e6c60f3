"""Open a project, plan it, apply it.

Lives here: Project.
Not here: opening a saved plan (saved), rollbacks (rollback), reading for people (inspect), deciding (engine).
Law: planning writes nothing but caches; applying takes the lease first and gives it back whatever happens.
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.api.needs import attention_to_needs, check_needs
from mlops.api.notebook.plan import ShownPlan, document_of, shell_word
from mlops.api.notebook.progress import progress_of
from mlops.api.notebook.views import NotebookViews
from mlops.api.options import Options
from mlops.api.rollback import moves_of, pinned_records, restores_of, with_rollback
from mlops.config.load import load
from mlops.config.project import ProjectSpec, with_secrets
from mlops.context.context import Context
from mlops.context.paths import ProjectPaths, find_root
from mlops.contracts.home import make_home
from mlops.engine.apply import ApplyContext, Result, apply_plan
from mlops.engine.events import Sink
from mlops.engine.lease import Holder, free, holder_of, lease
from mlops.engine.plan import Pin, Plan, PlanInputs, collect_attention, make_plan
from mlops.engine.planfile import check_own, check_same, plan_digest, plan_to_json
from mlops.engine.resource import Observed
from mlops.engine.selection import half_made, renamed
from mlops.engine.state import Head, Operation, operation_id
from mlops.engine.store import DatabaseStore, in_project, open_database
from mlops.errors import Interrupted, LockHeld, MlopsError, Problem
from mlops.kinds.base import BaseKind
from mlops.kinds.registry import acting, build_kinds, desire_all, refuse_to_leave, refuse_what_cannot_work
from mlops.kinds.staged.params import out_of_date, write_params
from mlops.secret_values import read_secret
from mlops.tools.git import commit_of

_GITHUB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
GOOD_FOR = timedelta(hours=24)
"""How long a saved plan may wait for its apply."""


@dataclass(repr=False)
class Report:
    """How an apply went. `outcome`: one sentence. `error`: None where all went well."""

    result: Result
    error: MlopsError | None
    outcome: str

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.error.problems if self.error else ()

    def __repr__(self) -> str:
        return self.outcome if self.result.done or self.error else "Nothing to apply. The world matches conf/."


@dataclass
class Snapshot:
    """What one look at state and world found."""

    head: Head
    context: Context
    kinds: Mapping[str, BaseKind]
    plan_inputs: PlanInputs

    @property
    def desired_inputs(self) -> Mapping[Address, Mapping[str, Any]]:
        return {address: desired.inputs for address, desired in self.plan_inputs.desired.items()}


@dataclass(repr=False)
class Project(NotebookViews):
    """A project in one environment. Each method looks at state and world anew.

    >>> project = Project.open()
    >>> project  # doctest: +ELLIPSIS
    <Project churn, environment dev, in ...>
    >>> project.plan().has_changes
    False
    >>> project.apply()
    Nothing to apply. The world matches conf/.
    """

    root: Path
    spec: ProjectSpec
    store: DatabaseStore
    overrides: tuple[str, ...] = ()
    saved_as: str | None = field(default=None)

    @classmethod
    def open(
        cls, root: str | os.PathLike[str] = ".", *, overrides: Sequence[str] = (), env: str | None = None
    ) -> Project:
        """Load conf/ and open the state. Raises InvalidConfig with all that is wrong.

        `root`: the project's folder; of the default, the nearest folder upwards that is one. `overrides`: as on the command
        line, such as `model.delay.trainer.max_epochs=5`. `env`: the environment, as the override `env=NAME`.
        """
        root = find_root(Path.cwd()) if root == "." else Path(root).absolute()
        overrides = [*overrides, *([f"env={env}"] if env else [])]
        spec = load(root, overrides=overrides)
        paths = ProjectPaths(root, spec.environment)
        settings = with_secrets(spec.settings, lambda name: read_secret(paths.secrets, name))
        if settings.state_url is None:
            _writable(paths.home)
        url = in_project(settings.state_url or "sqlite:///.mlops/state.db", root)
        return cls(root, replace(spec, settings=settings), open_database(url, spec.environment), tuple(overrides))

    def __repr__(self) -> str:
        return f"<Project {self.spec.name}, environment {self.environment}, in {self.root}>"

    @property
    def environment(self) -> str:
        return self.spec.environment

    def look(
        self, *, refresh: bool = True, destroy: bool = False, preflight: bool = True, refresh_data: bool = False,
        back: Sequence[str] = (), at_once: bool = False,
    ) -> Snapshot:  # fmt: skip
        """Read state and world. Without `refresh`, what is recorded stands for what would be observed; without `preflight`,
        nothing is in the way of a change. `refresh_data`: remote sources are asked anew. `back`: ADDRESS@SERIAL of what
        goes back, and `at_once` that it does so in one move."""
        head, stored, intents = self.store.head(), self.store.records(), self.store.intents()
        spec = self.spec
        moves = moves_of(spec, stored)
        records = {moves.get(at, at): renamed(record, moves) for at, record in stored.items()}
        half = half_made(intents, records, () if destroy else spec.resources)
        records |= half
        context = Context(self.root, spec.settings, head.salt, records, spec.resources, refresh_data)
        kinds = build_kinds(context)
        desired = {} if destroy else desire_all(kinds, spec)
        restores = restores_of(self.store, back, at_once=at_once) if back else {}
        if restores:
            context = replace(context, records={**records, **pinned_records(restores, desired)})
            kinds = build_kinds(context)
        observed: dict[Address, Observed] = {}
        for at in sorted({*desired, *records}):
            record = records.get(at)
            trusted = not refresh and record is not None
            found = Observed(record) if trusted else kinds[at.kind].observe(at, desired.get(at), record)
            observed[at] = found if preflight else replace(found, obstacles=())
        ended = self._ended() if intents else set()
        failed = {intent.address for intent in intents if intent.operation in ended}
        interrupted = {intent.address for intent in intents} - failed
        context.hashes.keep()
        moved = {new: old for old, new in moves.items()}
        return Snapshot(
            head,
            context,
            kinds,
            PlanInputs(desired, observed, acting(kinds), interrupted, half, moved, failed, restores),
        )

    def _ended(self) -> set[str]:
        """Return the applies that lived to their end: what they left open had failed."""
        return {operation.id for operation in self.store.operations() if operation.outcome in ("done", "failed")}

    def plan(self, options: Options | None = None) -> ShownPlan:
        """Plan what would change. Raises InvalidConfig for a cycle and for what no apply could carry out, and MlopsError for an
        unknown address."""
        options = options or Options()
        return self._plan_of(self._snapshot_of(options), options)

    def _snapshot_of(self, options: Options) -> Snapshot:
        project = with_rollback(self, options.back)
        return project.look(
            refresh=options.refresh, destroy=options.destroy, preflight=options.preflight, refresh_data=options.refresh_data,
            back=options.back, at_once=options.at_once,
        )  # fmt: skip

    def _plan_of(self, snapshot: Snapshot, options: Options) -> ShownPlan:
        selection = options.selection(
            {**snapshot.plan_inputs.observed, **snapshot.plan_inputs.desired}, self.spec.settings.removed
        )
        changes = make_plan(snapshot.plan_inputs, selection)
        attention = collect_attention(snapshot.plan_inputs)
        if options.preflight:
            refuse_what_cannot_work(snapshot.kinds, changes)
            attention += attention_to_needs(self.root, snapshot.kinds, snapshot.desired_inputs, changes)
        return ShownPlan(
            self.spec.name, self.environment, snapshot.head.lineage, snapshot.head.serial, _now(), changes,
            self._pins(snapshot), attention, commit=commit_of(self.root), overrides=self.overrides,
            extra=options.to_extra(),
        )  # fmt: skip

    def document(self, plan: Plan, *, saved_as: Path | None = None) -> dict[str, Any]:
        """Return the document that every view draws. `saved_as`: the file to name in the command that applies it."""
        return document_of(plan, saved_as=saved_as)

    def save(self, plan: Plan, path: Path) -> None:
        plan = replace(plan, expires_at=_iso(datetime.now(UTC) + GOOD_FOR))
        try:
            path.write_text(plan_to_json(plan))
        except OSError as error:
            raise MlopsError.of("plan cannot be saved", f"{path}: {error.strerror}. Choose another place.") from error

    def apply(
        self, plan: Plan | None = None, *, sink: Sink | None = None, lock_timeout: str | float = 0.0,
        parallel: int | None = None, wait: bool = True,
    ) -> Report:  # fmt: skip
        """Do what the plan says or, without one, what would be planned now. Raises what `carry_out` raises, and MlopsError with
        every problem where a change failed; what was done stays done.

        `sink`: takes what happens meanwhile; without one, a notebook or a terminal shows a bar. `lock_timeout`: how long to
        wait for another apply, such as `30s`. `wait`: until rollouts are over; else until each has begun, and a controller goes on.
        """
        plan = plan or self.plan()
        if sink is None:
            with progress_of(plan) as shown:
                return self.apply(plan, sink=shown, lock_timeout=lock_timeout, parallel=parallel, wait=wait)
        report = self.carry_out(plan, sink=sink, lock_timeout=lock_timeout, parallel=parallel, wait=wait)
        if report.error is not None:
            raise report.error
        return report

    def carry_out(
        self, plan: Plan, *, sink: Sink = lambda event: None, stop: threading.Event | None = None,
        lock_timeout: str | float = 0.0, parallel: int | None = None, resume: bool = False, wait: bool = True,
    ) -> Report:  # fmt: skip
        """Do what the plan says, and report what failed rather than raise it. Raises LockHeld, StalePlan where something moved
        since, and MlopsError where protection blocks it.

        `resume`: what an earlier apply of this very plan did is no reason to refuse. `wait`: as for `apply`.
        """
        from mlops.config.schema.units import parse_duration

        who = getpass.getuser()
        patience = parse_duration(lock_timeout)
        stop = stop or threading.Event()
        with lease(self.store, Holder.me(who, _now(), _command()), wait=patience) as token:
            fresh = replace(self, saved_as=None)
            options = Options.of_extra(plan.extra)
            snapshot = fresh._snapshot_of(options)
            again = fresh._plan_of(snapshot, options)
            first = plan.lineage == "" and plan.serial == 0 and again.serial == 0
            base = replace(plan, lineage=again.lineage) if first else plan
            if resume:
                check_own(plan, again, self.store, file=self.saved_as or "the plan")
            else:
                check_same(base, again, file=self.saved_as or "the plan")
            check_needs(self.root, snapshot.kinds, snapshot.desired_inputs, again.changes)
            if not wait:
                refuse_to_leave(snapshot.kinds, again.changes)
            operation = _operation(again, who, plan_digest(plan))
            self.store.begin(operation, token)
            apply_context = ApplyContext(
                snapshot.plan_inputs,
                self.store,
                operation.id,
                token,
                sink,
                stop,
                parallel or self.spec.settings.concurrency,
                may_lose_data=options.may_lose_data,
                waits=wait,
            )
            return self._walk(again, apply_context, stop)

    def _walk(self, plan: Plan, apply_context: ApplyContext, stop: threading.Event) -> Report:
        outcome, summary = "failed", "ended by an error"
        try:
            result = apply_plan(plan.changes, apply_context)
            error = _error(result, stop)
            outcome = "done" if error is None else "interrupted" if isinstance(error, Interrupted) else "failed"
            summary = _summary(result)
        except KeyboardInterrupt:
            outcome, summary = "interrupted", "ended at once by the user"
            raise
        except MlopsError as raised:
            summary = raised.problems[0].summary
            raise
        finally:
            unwritten = self._end(apply_context, outcome, summary)
        if unwritten and (error is None or unwritten.problems[0] not in error.problems):
            error = type(unwritten)(*(error.problems if error else ()), *unwritten.problems)
        return Report(result, error, summary)

    def _end(self, apply_context: ApplyContext, outcome: str, summary: str) -> MlopsError | None:
        """Close the operation. What keeps it open is given back rather than raised: it must not hide how the apply went."""
        try:
            self.store.end(apply_context.operation, outcome, summary, at=_now(), token=apply_context.token)
        except LockHeld:
            return None
        except MlopsError as error:
            return error
        return None

    def render_params(self, *, check: bool = False, refresh_data: bool = False) -> list[str]:
        """Write params/ unless `check`, and return the files that differed. `refresh_data`: remote sources are asked
        anew."""
        context = Context(self.root, self.spec.settings, resources=self.spec.resources, refresh_data=refresh_data)
        changed = out_of_date(self.spec, context) if check else write_params(self.spec, context)
        context.hashes.keep()
        return changed

    def unlock(self, *, force: bool = False) -> str:
        holder = holder_of(self.store)
        if holder is None:
            return f"The lease of environment {self.environment} is free."
        if not holder.is_gone() and not force:
            raise LockHeld.of(
                "lease is held",
                f"{holder} holds it and seems alive. Wait, or free it all the same: mlops unlock --force. That apply will "
                "then write nothing more.",
            )
        free(self.store)
        return f"Freed the lease that {holder} held."

    def _pins(self, snapshot: Snapshot) -> tuple[Pin, ...]:
        desired = snapshot.plan_inputs.desired
        of_kinds = {
            name: digest for at in sorted(desired) for name, digest in snapshot.kinds[at.kind].pins(desired[at]).items()
        }
        snapshot.context.hashes.keep()
        return (
            Pin("configuration", self.spec.digest),
            *(Pin(name, digest) for name, digest in sorted(of_kinds.items())),
        )


def _command() -> str:
    """Return the command line that runs, with the URL of the CI job where the usual variables say one."""
    command = " ".join(["mlops", *map(shell_word, sys.argv[1:])])
    address = next((os.environ[name] for name in ("CI_JOB_URL", "BUILD_URL") if os.environ.get(name)), None)
    if address is None and all(os.environ.get(name) for name in _GITHUB):
        server, repository, number = (os.environ[name] for name in _GITHUB)
        address = f"{server}/{repository}/actions/runs/{number}"
    return f"{command} ({address})" if address else command


def _operation(plan: Plan, who: str, digest: str) -> Operation:
    import socket

    name, host = operation_id(), socket.gethostname()
    return Operation(name, _now(), None, who, host, _command(), plan.commit, digest, "running", "")


def _error(result: Result, stop: threading.Event) -> MlopsError | None:
    """Return one error for all that failed: the kind of the gravest, the problems of each."""
    if result.failed:
        gravest = max(result.failed.values(), key=lambda error: error.exit_code)
        error = type(gravest)(*result.problems)
        causes = [failure.__cause__ for failure in result.failed.values() if isinstance(failure.__cause__, Exception)]
        error.__cause__ = ExceptionGroup("what failed", causes) if causes else None
        return error
    if stop.is_set() and result.skipped:
        return Interrupted.of(
            "interrupted", f"{len(result.skipped)} changes were not started. Run the same command to go on."
        )
    return None


def _summary(result: Result) -> str:
    done, failed, skipped = len(result.done), len(result.failed), len(result.skipped)
    if not failed and not skipped:
        return f"Applied {done} change{'' if done == 1 else 's'} in {result.seconds:.0f} s."
    return (
        f"{done} done, {failed} failed, {skipped} not tried. What was done stays done; correct the cause and run the same "
        "command again."
    )


def _writable(home: Path) -> None:
    try:
        make_home(home.parent)
    except OSError as error:
        raise MlopsError.of(
            "no write permission", f"{home} cannot be made: {error.strerror}. State and caches are kept there."
        ) from error


def _now() -> str:
    return _iso(datetime.now(UTC))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
