"""Do what the plan says.

Lives here: apply_plan, which walks the changes in their order, as parallel as they allow, and Result.
Not here: deciding (plan), what a change means (kinds), the lease (lease).
Law: before each side effect an intent, after it the record; a failed change stops what depends on it and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from queue import SimpleQueue

from mlops.address import Address
from mlops.engine.events import Event, EventType, Sink
from mlops.engine.plan import Change, PlanInputs, needs_moved
from mlops.engine.resource import Action, Desired, Effect, Json, Kind, Outcome, Record, Restore, Step
from mlops.engine.state import Intent, Store
from mlops.errors import ApplyFailed, LockHeld, MlopsError, Problem, StateFailed, refusal

_PROGRESS_EVERY = 0.2
_MOST_WAITING = 64
"""Changes of kinds that mostly wait, made at once; only one where the user asked for one at a time."""


@dataclass
class Result:
    """What an apply did. `failed`: the error of each resource that failed. `skipped`: why each was not tried or not
    needed. `cut`: the resources that needed no work after all."""

    done: list[Address] = field(default_factory=list)
    failed: dict[Address, MlopsError] = field(default_factory=dict)
    skipped: dict[Address, str] = field(default_factory=dict)
    cut: list[Address] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for error in self.failed.values() for problem in error.problems)


@dataclass(frozen=True)
class ApplyContext:
    """What an apply works with. `operation`: the id that records are written under. `token`: the fencing token of the
    lease. `may_lose_data`: the addresses of resources whose data may be deleted. `waits`: as of a Step."""

    plan_inputs: PlanInputs
    store: Store
    operation: str
    token: int
    sink: Sink = lambda event: None
    stop: threading.Event = field(default_factory=threading.Event)
    parallel: int = 4
    clock: Callable[[], float] = time.time
    may_lose_data: Collection[str] = ()
    waits: bool = True

    def now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="seconds")


def apply_plan(changes: tuple[Change, ...], apply_context: ApplyContext) -> Result:
    """Carry out exactly `changes`. Raises MlopsError before anything is done where a resource is protected, an obstacle is
    in its way, or it would lose data that nobody allowed it to."""
    allowed = apply_context.may_lose_data
    problems = [problem for change in changes for problem in _in_the_way(change, str(change.address) in allowed)]
    if problems:
        raise ApplyFailed(*problems)
    return _Walk(changes, apply_context).run()


def _in_the_way(change: Change, may_lose_data: bool) -> list[Problem]:
    at = str(change.address)
    problems = [Problem("cannot be carried out", obstacle, address=at) for obstacle in change.obstacles]
    if change.blocked:
        words = f"{at} is protected, and this plan would {change.action.value} it: {change.blocked}."
        problems.append(Problem("protected", words, address=at))
    lost = [part.name for part in change.parts if part.loses_data]
    if lost and not may_lose_data:
        words = (
            f"This plan deletes {', '.join(lost)} of {at}, and what it holds with it. Copy what you want to keep, then say so "
            f"by name: --allow-data-loss {at}"
        )
        problems.append(Problem("data would be lost", words, address=at))
    return problems


class _Walk:
    def __init__(self, changes: tuple[Change, ...], apply_context: ApplyContext) -> None:
        self.apply_context = apply_context
        self.changes = {change.address: change for change in changes}
        self.outputs: dict[Address, Mapping[str, Json]] = {
            at: found.recorded.outputs for at, found in apply_context.plan_inputs.observed.items() if found.recorded
        }
        self.result = Result()
        self._emitting = threading.Lock()
        self._halted = ""

    def run(self) -> Result:
        started = self.apply_context.clock()
        self._emit("apply_started", None, {"changes": len(self.changes)})
        waits = {at: {d for d in change.depends_on if d in self.changes} for at, change in self.changes.items()}
        most = self.apply_context.parallel
        with ThreadPoolExecutor(most, "apply") as pool, ThreadPoolExecutor(_MOST_WAITING, "apply-waiting") as waiting:
            try:
                self._loop(waits, lambda at: waiting if most > 1 and self._mostly_waits(at) else pool)
            except BaseException:
                self.apply_context.stop.set()
                raise
        self.result.seconds = self.apply_context.clock() - started
        counts = {"done": len(self.result.done), "failed": len(self.result.failed), "skipped": len(self.result.skipped)}
        self._emit("apply_done", None, {**counts, "seconds": self.result.seconds})
        return self.result

    def _mostly_waits(self, at: Address) -> bool:
        return self.apply_context.plan_inputs.kinds[at.kind].mostly_waits

    def _loop(self, waits: dict[Address, set[Address]], pool_of: Callable[[Address], ThreadPoolExecutor]) -> None:
        after: dict[Address, list[Address]] = {at: [] for at in waits}
        for at, needs in waits.items():
            for need in needs:
                after[need].append(at)
        ready = deque(at for at, needs in waits.items() if not needs)
        finished: SimpleQueue[tuple[Address, Future[None]]] = SimpleQueue()
        running = 0

        def release(at: Address) -> None:
            for follower in after[at]:
                waits[follower].discard(at)
                if not waits[follower]:
                    ready.append(follower)

        while ready or running:
            while ready:
                at = ready.popleft()
                change = self.changes[at]
                if change.action is Action.NOOP:
                    release(at)
                else:
                    running += 1
                    future = pool_of(at).submit(self._one, change)
                    future.add_done_callback(lambda future, at=at: finished.put((at, future)))  # type: ignore[misc]
            if running:
                at, future = finished.get()
                running -= 1
                future.result()
                release(at)

    def _held_back(self, change: Change) -> bool:
        """Say whether the change must be skipped, because something before it failed or nothing new may start, and report it."""
        if self._halted:
            self._skip(change, f"not tried: {self._halted}")
            return True
        if change.action.only_rewrites_record:
            return False
        for need in change.depends_on:
            if need in self.result.failed or need in self.result.skipped:
                self._skip(change, f"not tried: {need} {'failed' if need in self.result.failed else 'was skipped'}")
                return True
        if self.apply_context.stop.is_set():
            self._skip(change, "not tried: interrupted")
            return True
        return False

    def _skip(self, change: Change, why: str) -> None:
        self.result.skipped[change.address] = why
        self._emit("change_skipped", change.address, {"reason": why, "category": change.category})

    def _one(self, change: Change) -> None:
        if self._held_back(change):
            return
        started = self.apply_context.clock()
        try:
            self._act(change, started)
        except MlopsError as error:
            self._fail(change, error)
        except Exception as error:
            failure = refusal(error) or MlopsError.of(
                "unexpected failure", f"{type(error).__name__}: {error}. To see where, run `mlops --debug apply`.",
            )  # fmt: skip
            failure = failure.at(str(change.address))
            failure.__cause__ = error
            self._fail(change, failure)

    def _act(self, change: Change, started: float) -> None:
        at = change.address
        plan_inputs = self.apply_context.plan_inputs
        desired, record = plan_inputs.desired.get(at), plan_inputs.record(at)
        if change.moved_from is not None:
            context = self.apply_context
            context.store.move(
                change.moved_from, at, operation=context.operation, at=context.now(), token=context.token
            )  # fmt: skip
        if change.action.only_rewrites_record:
            assert record is not None
            assert desired is not None
            self._adopt(desired, record)
            if change.action is Action.MOVE:
                self._finish(change, change.category, f"was {change.moved_from}", 0.0)
            return
        effect = Effect(change.category, change.rank, change.action)
        if desired is not None and record is not None and change.condition:
            moved = self._moved(desired, record)
            if change.action is Action.MAYBE and not moved:
                self._cut(change, desired, record)
                return
            effect = max((effect, *moved), key=lambda effect: effect.rank)
        self._emit("change_started", at, {"category": effect.category, "action": change.action.value})
        step = self._step(change, effect.category, desired, record)
        intent = Intent(step.key, at, step.action.value, self.apply_context.operation, _body(step))
        self.apply_context.store.intend(intent, at=self.apply_context.now(), token=self.apply_context.token)
        note = self._carry_out(step, plan_inputs.kinds[at.kind])
        self._finish(change, effect.category, note, self.apply_context.clock() - started)

    def _cut(self, change: Change, desired: Desired, record: Record) -> None:
        """Skip a change whose condition did not come true."""
        if needs_moved(desired, record):
            self._adopt(desired, record)
        self.result.cut.append(change.address)
        names = ", ".join(str(address) for address in change.condition)
        why = f"unchanged: what it uses of {names} is the same"
        self._emit("change_skipped", change.address, {"reason": why, "category": change.category})

    def _finish(self, change: Change, category: str, note: str, seconds: float) -> None:
        self.result.done.append(change.address)
        data = {"note": note, "seconds": seconds, "category": category, "action": change.action.value}
        self._emit("change_done", change.address, data)

    def _adopt(self, desired: Desired, record: Record) -> None:
        kept = replace(record, depends_on=_needs(desired), protect=desired.protect)
        self.apply_context.store.write(
            kept, operation=self.apply_context.operation, at=self.apply_context.now(), token=self.apply_context.token
        )

    def _moved(self, desired: Desired, record: Record) -> list[Effect]:
        moved = []
        for dependency in desired.depends_on:
            if dependency.output is None or dependency.on_change is None:
                continue
            key = f"{dependency.address}:{dependency.output}"
            was, now = record.upstream.get(key), self.outputs.get(dependency.address, {}).get(dependency.output)
            if now != was and (effect := dependency.effect):
                moved.append(effect)
        return moved

    def _step(self, change: Change, category: str, desired: Desired | None, record: Record | None) -> Step:
        at = change.address
        action = Action.UPDATE if change.action is Action.MAYBE else change.action
        restore = self.apply_context.plan_inputs.restore.get(at) if change.restores is not None else None
        upstream = self._upstream(desired, restore) if desired else {}
        consumed = _consumed(desired, upstream)
        verb = Action.UPDATE if action is Action.RUN else action
        identity = [str(at), verb.value, desired.inputs if desired else None, consumed, record.serial if record else 0]
        if restore is not None:
            identity.append(restore.record.serial)
        key = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:32]
        last = [0.0]

        def say(line: str, fraction: float | None) -> None:
            now = time.monotonic()
            if now - last[0] >= _PROGRESS_EVERY:
                last[0] = now
                self._emit("progress", at, {"line": line, "fraction": fraction})

        waits = self.apply_context.waits
        return Step(at, action, category, key, desired, record, upstream, change.fields, say, restore, waits)

    def _upstream(self, desired: Desired, restore: Restore | None) -> dict[Address, Mapping[str, Json]]:
        """Return the outputs of every dependency: as they are now or, where the resource goes back, as that version had them."""
        outputs = {d.address: self.outputs.get(d.address, {}) for d in desired.depends_on}
        if restore is not None:
            past = restore.upstream
            pinned = [d.address for d in desired.depends_on if d.output is not None and not d.follows]
            outputs |= {at: past[at].outputs for at in pinned if at in past}
        return outputs

    def _carry_out(self, step: Step, kind: Kind) -> str:
        written = {"operation": self.apply_context.operation, "token": self.apply_context.token, "closes": step.key}
        if step.action.removes_record:
            if step.action is Action.DELETE:
                kind.delete(step)
            self.apply_context.store.delete(step.address, at=self.apply_context.now(), **written)  # type: ignore[arg-type]
            return "forgotten" if step.action is Action.FORGET else "deleted"
        try:
            if step.action is Action.REPLACE:
                kind.delete(step)
            outcome = _make(step, kind)
        except MlopsError as error:
            partial = getattr(error, "partial", None)
            if isinstance(partial, Outcome):
                record = self._record(step, partial, complete=False)
                self.apply_context.store.write(record, at=self.apply_context.now(), **written)  # type: ignore[arg-type]
            raise
        record = self._record(step, outcome, complete=True)
        self.apply_context.store.write(record, at=self.apply_context.now(), **written)  # type: ignore[arg-type]
        self.outputs[step.address] = outcome.outputs
        return outcome.note

    def _record(self, step: Step, outcome: Outcome, *, complete: bool) -> Record:
        desired = step.desired
        assert desired is not None
        return Record(
            step.address, desired.inputs, outcome.outputs, _consumed(desired, step.upstream), _needs(desired),
            desired.protect, complete, extra=step.recorded.extra if step.recorded else {},
            rolled_back_to=step.restore.record.serial if step.restore else None,
        )  # fmt: skip

    def _fail(self, change: Change, error: MlopsError) -> None:
        failure = error.at(str(change.address))
        failure.__cause__ = error.__cause__ or error
        if isinstance(error, StateFailed | LockHeld):
            self._halted = error.problems[0].summary
        self.result.failed[change.address] = failure
        problems = [{"summary": p.summary, "detail": p.detail} for p in failure.problems]
        self._emit("change_failed", change.address, {"problems": problems, "category": change.category})

    def _emit(self, type_: EventType, at: Address | None, data: Mapping[str, Json]) -> None:
        with self._emitting, suppress(Exception):
            self.apply_context.sink(Event(type_, self.apply_context.clock(), str(at) if at else None, data))


def _make(step: Step, kind: Kind) -> Outcome:
    if step.restore is not None:
        return kind.restore(step)
    return kind.create(step) if step.action.creates else kind.update(step)


def _body(step: Step) -> dict[str, Json] | None:
    """Return what a later apply must know to clean up a half-made creation that nothing declares any more; None for
    other steps."""
    if step.desired is None or step.recorded is not None:
        return None
    needs = [str(at) for at in _needs(step.desired)]
    return {"inputs": step.desired.inputs, "depends_on": needs, "upstream": _consumed(step.desired, step.upstream)}


def _needs(desired: Desired) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(d.address for d in desired.depends_on))


def _consumed(desired: Desired | None, upstream: Mapping[Address, Mapping[str, Json]]) -> dict[str, Json]:
    if desired is None:
        return {}
    wanted = [d for d in desired.depends_on if d.output is not None]
    return {f"{d.address}:{d.output}": upstream.get(d.address, {}).get(d.output or "") for d in wanted}
