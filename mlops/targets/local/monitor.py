"""What a monitor is on this machine.

Lives here: LocalMonitor.
Not here: the baseline (monitoring), the watcher itself (workloads.monitoring).
Law: a watcher is restarted only where what it watches by is another.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.context.status import Status
from mlops.engine.resource import Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.monitoring.alerts import write_alerts
from mlops.monitoring.baseline import Watch, baseline_fault, forget, make_baseline, watch_of
from mlops.monitoring.findings import attention_of, watched_status
from mlops.targets.local.host import Host, newest
from mlops.targets.local.versions import Versions
from mlops.tools.supervisor import Program

if TYPE_CHECKING:
    from mlops.contracts.watcher import WatcherConfig


class LocalMonitor:
    """`dataset`: that of the model which is watched."""

    def __init__(self, context: Context, dataset: LoadedResource | None) -> None:
        self.context = context
        self.dataset = dataset

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None:
            return Observed(None, exists=False)
        folder = self.context.paths.monitor(address.name)
        propose = desired is not None and desired.effective["on_finding"] != "record"
        attention = attention_of(
            self.context, address, folder, record.outputs.get("digest"), self.dataset, propose=propose
        )
        stale: tuple[Stale, ...] = ()
        mends = effect_of(Category.RECONFIGURE)
        state = self._host(record.outputs["stack"]).supervisor.states().get(_program(address.name))
        if state is None or state.name not in ("RUNNING", "STARTING"):
            stale = (Stale(Reason("its watcher does not run"), mends),)
        elif (wrong := baseline_fault(folder / "baseline", record.outputs.get("digest"))) is not None:
            stale = (Stale(Reason(f"its baseline is {wrong}"), mends),)
        return Observed(record, stale=stale, attention=attention)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        from msgspec import structs

        assert self.dataset is not None
        watch = watch_of(self.context, step, self.dataset)
        stack = str(watch.watched["stack"])
        host = self._host(stack)
        name = step.desired.inputs["endpoint"] if step.desired else ""
        config = structs.replace(watch.config, log_dir=str(Versions(host, name).log_folder))
        self._start(step, host, watch, config)
        outputs = {"digest": watch.digest, "model_digest": watch.model_digest, "stack": stack, "endpoint": name}
        return Outcome(outputs, f"baseline from {watch.model} {watch.model_digest[:8]}")

    def _start(self, step: Step, host: Host, watch: Watch, config: WatcherConfig) -> None:
        from mlops.contracts.codec import encode

        watch.folder.mkdir(parents=True, exist_ok=True)
        path = watch.folder / "config.json"
        text = encode(config, indent=1)
        same = path.exists() and path.read_bytes() == text.encode()
        same = not make_baseline(self.context, step, watch) and same
        path.write_text(text)
        write_alerts(self.context, step.address, watch.folder)
        name = _program(step.address.name)
        if not same:
            host.supervisor.take(name)
        host.supervisor.put(
            Program(
                name, [sys.executable, "-m", "mlops.workloads.monitoring.watcher", str(path)],
                host.logs / f"{name}.log", cwd=self.context.root, env={"WHYLOGS_NO_ANALYTICS": "1"},
            )
        )  # fmt: skip

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._host(step.recorded.outputs["stack"]).supervisor.take(_program(step.address.name))
        forget(self.context, step.address)

    def status(self, record: Record) -> Status:
        folder = self.context.paths.monitor(record.address.name)
        state = self._host(record.outputs["stack"]).supervisor.states().get(_program(record.address.name))
        if state is None or state.name not in ("RUNNING", "STARTING"):
            return Status("its watcher does not run; repair it: mlops apply", "missing")
        return watched_status(folder, record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        return newest(self._host(record.outputs["stack"]).logs.glob(f"{_program(record.address.name)}.log"))

    def _host(self, stack: str) -> Host:
        return Host(self.context.paths, stack)


def _program(name: str) -> str:
    return f"monitor-{name}"
