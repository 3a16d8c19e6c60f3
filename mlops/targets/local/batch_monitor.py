"""What the monitor of a batch is on this machine.

Lives here: BatchMonitor.
Not here: judging intervals (workloads.monitoring.scored_watcher), scoring them (kinds.batch).
Law: where a stack keeps the batch's schedule, its supervisor keeps the watcher; elsewhere an apply looks at what was scored.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.context.status import Status
from mlops.engine.resource import Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.monitoring.alerts import write_alerts
from mlops.monitoring.baseline import baseline_fault, forget, make_baseline, watch_of
from mlops.monitoring.findings import attention_of, watched_status
from mlops.targets.local.host import Host, newest
from mlops.tools.process import run
from mlops.tools.supervisor import Program

_WATCHER = "mlops.workloads.monitoring.scored_watcher"
_LOG = "watcher.log"


class BatchMonitor:
    """`stack`: that of the batch, None where it has no schedule. `dataset`: that of the model which scores."""

    def __init__(self, context: Context, stack: str | None, dataset: LoadedResource | None) -> None:
        self.context, self.stack, self.dataset = context, stack, dataset

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None:
            return Observed(None, exists=False)
        folder = self.context.paths.monitor(address.name)
        propose = desired is not None and desired.effective["on_finding"] != "record"
        digest = record.outputs.get("digest")
        attention = attention_of(self.context, address, folder, digest, self.dataset, propose=propose)
        fault = self._fault(address, folder, digest)
        stale = (Stale(Reason(fault), effect_of(Category.RECONFIGURE)),) if fault else ()
        return Observed(record, stale=stale, attention=attention)

    def _fault(self, address: Address, folder: Path, digest: Any) -> str | None:
        if not self._runs(address.name):
            return "its watcher does not run"
        wrong = baseline_fault(folder / "baseline", digest)
        return f"its baseline is {wrong}" if wrong else None

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        from msgspec import structs

        from mlops.contracts.codec import encode

        assert self.dataset is not None
        assert step.desired is not None
        watch = watch_of(self.context, step, self.dataset)
        batch = self.context.resources[Address("batch", step.desired.inputs["batch"])]
        scores = batch.effective["output"]["path"] or f"scores/{batch.address.name}"
        config = structs.replace(watch.config, scores=str(self.context.root / scores))
        watch.folder.mkdir(parents=True, exist_ok=True)
        path, text = watch.folder / "config.json", encode(config, indent=1)
        same = path.exists() and path.read_text() == text
        same = not make_baseline(self.context, step, watch) and same
        path.write_text(text)
        write_alerts(self.context, step.address, watch.folder)
        self._look(step, path, same=same)
        outputs = {
            "digest": watch.digest, "model_digest": watch.model_digest, "batch": batch.address.name,
            **({"stack": self.stack} if self.stack else {}),
        }  # fmt: skip
        return Outcome(outputs, f"baseline from {watch.model} {watch.model_digest[:8]}")

    def _look(self, step: Step, config: Path, *, same: bool) -> None:
        """Look at what was scored, now or, on a stack, from now on."""
        words = [sys.executable, "-P", "-m", _WATCHER, str(config)]
        if self.stack is None:
            step.say("looking at what was scored", 0.7)
            said = run([*words, "--once"], cwd=self.context.root)
            (config.parent / _LOG).write_text(said)
            return
        host, name = Host(self.context.paths, self.stack), _program(step.address.name)
        if not same:
            host.supervisor.take(name)
        host.supervisor.put(Program(name, words, host.logs / f"{name}.log", cwd=self.context.root))

    def delete(self, step: Step) -> None:
        if self.stack is not None:
            Host(self.context.paths, self.stack).supervisor.take(_program(step.address.name))
        forget(self.context, step.address)

    def status(self, record: Record) -> Status:
        if not self._runs(record.address.name):
            return Status("its watcher does not run; repair it: mlops apply", "missing")
        return watched_status(self.context.paths.monitor(record.address.name), record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        if self.stack is None:
            return tuple(self.context.paths.monitor(record.address.name).glob(_LOG))
        return newest(Host(self.context.paths, self.stack).logs.glob(f"{_program(record.address.name)}.log"))

    def _runs(self, name: str) -> bool:
        """Say whether its watcher runs, where one is to."""
        if self.stack is None:
            return True
        state = Host(self.context.paths, self.stack).supervisor.states().get(_program(name))
        return state is not None and state.name in ("RUNNING", "STARTING")


def _program(name: str) -> str:
    return f"monitor-{name}"
