"""What a monitor is on a cluster.

Lives here: ClusterMonitor: a watcher beside the endpoint's log, by stacks/watching; its findings, read from its log.
Not here: the baseline (kinds.baseline), the watcher itself (workloads.monitoring).
Law: the watcher is given all that it compares with, and needs nothing of the cluster but the log.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.config.schema.category import Category
from mlops.context.context import METADATA, Context, without
from mlops.context.status import Status
from mlops.contracts.programs import FILES, LOGS, OUT
from mlops.engine.diff import diff
from mlops.engine.resource import Attention, Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import ToolFailed
from mlops.monitoring.baseline import Watch, forget, make_baseline, watch_of
from mlops.monitoring.findings import attention_of
from mlops.targets.kubernetes.cluster_context import (
    ClusterContext,
    cluster_context_of,
    drift_of,
    previewed,
    removed,
    unreachable,
)
from mlops.targets.kubernetes.health import log_files, monitor_status, on_cluster
from mlops.targets.kubernetes.preflight import answers, rights_of

_MENDS = Effect(Category.RECONFIGURE.value, Category.RECONFIGURE.rank, keeps=True)
_FINDING = "finding "
"""What a line of the watcher's log begins with that goes on with a finding as JSON; workloads.monitoring.findings.TOLD."""


class ClusterMonitor:
    def __init__(self, context: Context, stack: str, dataset: LoadedResource | None) -> None:
        self.context, self.stack, self.dataset = context, stack, dataset

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record.outputs.get("prints", {}) if record else {}
        if desired is None:
            return Observed(record, exists=record is not None, parts=removed(known))
        site = self._site()
        is_said = record is not None and not diff(without(record.inputs, *METADATA), without(desired.inputs, *METADATA))
        try:
            site.cluster.version()
            propose = desired.effective["on_finding"] == "propose"
            attention = self._findings(site, address, record, propose=propose) if record else ()
        except ToolFailed as error:
            return unreachable(address, record, error, is_said=is_said)
        if (
            is_said
            and record is not None
            and record.complete
            and site.prints().get(("watching", address.name), {}) == known
        ):
            return Observed(record, attention=attention)
        obstacles = answers(rights_of(site, "watching"))
        told = self._kept(address)
        if record is None or told is None:
            return Observed(record, exists=record is not None, obstacles=obstacles, attention=attention)
        parts, unfit = previewed(site, "watching", address.name, told, {}, refresh=True, unless=obstacles)
        stale = drift_of(parts, _MENDS) if is_said else ()
        if unfit and is_said:
            attention = (*attention, Attention(address, f"{address} may have drifted", unfit))
        return Observed(record, stale=stale, attention=attention, parts=parts if is_said else (), obstacles=obstacles)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        assert self.dataset is not None
        site = self._site()
        watch = watch_of(self.context, step, self.dataset)
        make_baseline(self.context, step, watch)
        inputs = self._inputs(site, step, watch)
        (watch.folder / "watching.json").write_text(json.dumps(inputs))
        site.program("watching", step.address.name).up(
            inputs, {}, lambda line: step.say(line, None), refresh=step.recorded is not None
        )
        outputs = {
            "digest": watch.digest, "model_digest": watch.model_digest, "stack": self.stack,
            "endpoint": step.desired.inputs["endpoint"], "prints": site.prints_of("watching", step.address.name),
        }  # fmt: skip
        return Outcome(outputs, f"baseline from {watch.model} {watch.model_digest[:8]}")

    def delete(self, step: Step) -> None:
        site = self._site(recorded=True)
        site.program("watching", step.address.name).destroy()
        forget(self.context, step.address)

    def _inputs(self, site: ClusterContext, step: Step, watch: Watch) -> dict[str, Any]:
        """See spec.programs.WatchingInputs."""
        assert step.desired is not None
        given = {"contract.json": watch.config["contract"], "schema.json": watch.config["schema"]}
        given |= {"profile.json": watch.config["profile"]}
        given |= {f"baseline/{name}": watch.baseline / name for name in ("baseline.json", "baseline.bin")}
        files = {name: base64.b64encode(Path(path).read_bytes()).decode() for name, path in given.items()}
        config = {
            **watch.config, "log_dir": LOGS, "out_dir": OUT, "baseline_dir": f"{FILES}/baseline",
            **{name: f"{FILES}/{name}.json" for name in ("contract", "schema", "profile")},
        }  # fmt: skip
        files["config.json"] = base64.b64encode(json.dumps(config, sort_keys=True).encode()).decode()
        schedule = step.desired.effective["schedule"]
        once = ["--once"] if schedule else []
        return {
            **site.common, "name": step.address.name, "endpoint": step.desired.inputs["endpoint"],
            "image": site.stack.images.watching, "files": files, "schedule": schedule,
            "command": ["python3", "-m", "mlops.workloads.monitoring.watcher", f"{FILES}/config.json", *once],
        }  # fmt: skip

    def status(self, record: Record) -> Status:
        return on_cluster(lambda: monitor_status(self._site(recorded=True), record))

    def logs(self, record: Record) -> tuple[Path, ...]:
        return log_files(self._site(recorded=True), record.address.name, "watching")

    def _site(self, *, recorded: bool = False) -> ClusterContext:
        return cluster_context_of(self.context, self.stack, recorded=recorded)

    def _kept(self, address: Address) -> dict[str, Any] | None:
        """What was given last, on this machine; another one gives it anew with its next apply."""
        try:
            told: dict[str, Any] = json.loads((self.context.paths.monitor(address.name) / "watching.json").read_text())
        except (OSError, ValueError):
            return None
        return told

    def _findings(
        self, site: ClusterContext, address: Address, record: Record, *, propose: bool
    ) -> tuple[Attention, ...]:
        """Those that the watcher's pods wrote, kept beside those of this machine so that `ack` closes them alike."""
        folder = self.context.paths.monitor(address.name) / "findings"
        labels = f"app.kubernetes.io/name={address.name},app.kubernetes.io/component=watching"
        for pod in site.cluster.all("Pod", site.namespace, labels=labels):
            try:
                text = site.cluster.log(site.namespace, pod["metadata"]["name"], lines=2000)
            except ToolFailed:
                continue
            for line in text.splitlines():
                if line.startswith(_FINDING):
                    finding = json.loads(line.removeprefix(_FINDING))
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / f"{finding['id']}.json").write_text(json.dumps(finding, indent=2) + "\n")
        digest = record.outputs.get("digest")
        return attention_of(self.context, address, folder.parent, digest, self.dataset, propose=propose)
