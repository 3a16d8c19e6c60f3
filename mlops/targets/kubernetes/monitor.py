"""What a monitor is on a cluster.

Lives here: ClusterMonitor: a watcher beside the endpoint's log, by stacks/watching; its findings, read from its log.
Not here: the baseline (kinds.baseline), the watcher itself (workloads.monitoring).
Law: the watcher is given all that it compares with, and needs nothing of the cluster but the log.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from msgspec import structs

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.inputs import METADATA_NAMES, without_fields
from mlops.context.status import Status
from mlops.contracts.codec import ContractError, decode, encode, to_json
from mlops.contracts.names import FILES, LOGS, OUT
from mlops.contracts.watcher import FINDING_MARK, MonitorFinding
from mlops.contracts.watching import WatchingInputs
from mlops.engine.diff import diff
from mlops.engine.resource import Attention, Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import ToolFailed
from mlops.monitoring.baseline import Watch, forget, make_baseline, watch_of
from mlops.monitoring.findings import attention_of, is_newer
from mlops.targets.kubernetes.cluster_context import (
    ClusterContext,
    cluster_context_of,
    drift_of,
    maybe_drifted,
    previewed,
    program_inputs,
    removed,
    unreachable,
)
from mlops.targets.kubernetes.faults import faulty, watcher_faults
from mlops.targets.kubernetes.health import log_files, monitor_status, on_cluster
from mlops.targets.kubernetes.preflight import answers, rights_of

_MOST_MODEL = 256 * 1024
"""Bytes of a model that travels with the baseline, in a configuration map; a larger one is not asked again by the watcher."""
_MENDS = Effect(Category.RECONFIGURE.value, Category.RECONFIGURE.rank, keeps=True)


class ClusterMonitor:
    def __init__(self, context: Context, stack: str, dataset: LoadedResource | None) -> None:
        self.context, self.stack, self.dataset = context, stack, dataset

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record.outputs.get("prints", {}) if record else {}
        if desired is None:
            return Observed(record, exists=record is not None, parts=removed(known))
        cluster = self._cluster()
        is_said = record is not None and not diff(
            without_fields(record.inputs, *METADATA_NAMES), without_fields(desired.inputs, *METADATA_NAMES)
        )
        try:
            cluster.client.version()
            propose = desired.effective["on_finding"] != "record"
            attention = self._findings(cluster, address, record, propose=propose) if record else ()
        except ToolFailed as error:
            return unreachable(address, record, error, is_said=is_said)
        if (
            is_said
            and record is not None
            and record.complete
            and cluster.fingerprints().get(("watching", address.name), {}) == known
        ):
            return Observed(record, attention=(*attention, *faulty(address, watcher_faults(cluster, address.name))))
        obstacles = answers(rights_of(cluster, "watching"))
        kept = self._kept(address)
        if record is None or kept is None:
            return Observed(record, exists=record is not None, obstacles=obstacles, attention=attention)
        parts, unfit = previewed(cluster, "watching", address.name, lambda: kept, {}, refresh=True, unless=obstacles)
        stale = drift_of(parts, _MENDS) if is_said else ()
        attention = (*attention, *(maybe_drifted(address, unfit) if is_said else ()))
        return Observed(record, stale=stale, attention=attention, parts=parts if is_said else (), obstacles=obstacles)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        assert self.dataset is not None
        cluster = self._cluster()
        watch = watch_of(self.context, step, self.dataset)
        make_baseline(self.context, step, watch)
        inputs = program_inputs(lambda: self._inputs(cluster, step, watch))
        (watch.folder / "watching.json").write_text(json.dumps(inputs))
        cluster.program("watching", step.address.name).up(
            inputs, {}, lambda line: step.say(line, None), refresh=step.recorded is not None
        )
        outputs = {
            "digest": watch.digest, "model_digest": watch.model_digest, "stack": self.stack,
            "endpoint": step.desired.inputs["endpoint"], "prints": cluster.fingerprints_of("watching", step.address.name),
        }  # fmt: skip
        return Outcome(outputs, f"baseline from {watch.model} {watch.model_digest[:8]}")

    def delete(self, step: Step) -> None:
        cluster = self._cluster(recorded=True)
        cluster.program("watching", step.address.name).destroy()
        forget(self.context, step.address)

    def _inputs(self, cluster: ClusterContext, step: Step, watch: Watch) -> WatchingInputs:
        """Return what stacks/watching is given. Raises ValueError."""
        assert step.desired is not None
        given: dict[str, str | Path] = {"contract.json": watch.config.contract, "schema.json": watch.config.schema}
        given |= {"profile.json": watch.config.profile}
        given |= {f"baseline/{name}": watch.baseline / name for name in ("baseline.json", "baseline.bin")}
        model = watch.baseline / "model.onnx"
        if model.exists() and model.stat().st_size <= _MOST_MODEL:
            given["baseline/model.onnx"] = model
        files = {name: base64.b64encode(Path(path).read_bytes()).decode() for name, path in given.items()}
        config = structs.replace(
            watch.config, log_dir=LOGS, out_dir=OUT, baseline_dir=f"{FILES}/baseline",
            **({"metrics_host": "0.0.0.0"} if watch.config.metrics_port else {}),  # noqa: S104  the pod's own address
            **{name: f"{FILES}/{name}.json" for name in ("contract", "schema", "profile")},
        )  # fmt: skip
        files["config.json"] = base64.b64encode(encode(config).encode()).decode()
        schedule, image = step.desired.effective["schedule"], cluster.stack.images.watching
        assert image is not None  # a stack without one was refused for monitors
        once = ["--once"] if schedule else []
        return WatchingInputs(
            **cluster.common, name=step.address.name, endpoint=step.desired.inputs["endpoint"],
            image=image, files=files, schedule=schedule, pod=cluster.pods("watching"),
            command=("python3", "-m", "mlops.workloads.monitoring.watcher", f"{FILES}/config.json", *once),
        )  # fmt: skip

    def status(self, record: Record) -> Status:
        return on_cluster(lambda: monitor_status(self._cluster(recorded=True), record))

    def logs(self, record: Record) -> tuple[Path, ...]:
        return log_files(self._cluster(recorded=True), record.address.name, "watching")

    def _cluster(self, *, recorded: bool = False) -> ClusterContext:
        return cluster_context_of(self.context, self.stack, recorded=recorded)

    def _kept(self, address: Address) -> WatchingInputs | None:
        """Return what was given last, on this machine; another one gives it anew with its next apply."""
        try:
            return decode(WatchingInputs, (self.context.paths.monitor(address.name) / "watching.json").read_bytes())
        except (OSError, ContractError):
            return None

    def _findings(
        self, cluster: ClusterContext, address: Address, record: Record, *, propose: bool
    ) -> tuple[Attention, ...]:
        """Return the findings that the watcher's pods wrote; they are kept beside those of this machine so that `ack` closes them alike."""
        folder = self.context.paths.monitor(address.name) / "findings"
        labels = f"app.kubernetes.io/name={address.name},app.kubernetes.io/component=watching"
        for pod in cluster.client.all("Pod", cluster.namespace, labels=labels):
            try:
                text = cluster.client.log(cluster.namespace, pod["metadata"]["name"], lines=2000)
            except ToolFailed:
                continue
            for line in text.splitlines():
                if line.startswith(FINDING_MARK):
                    try:
                        finding = decode(MonitorFinding, line.removeprefix(FINDING_MARK))
                    except ContractError:
                        continue  # a line that was cut off
                    folder.mkdir(parents=True, exist_ok=True)
                    _keep_newest(folder / f"{finding.id}.json", finding)
        digest = record.outputs.get("digest")
        return attention_of(self.context, address, folder.parent, digest, self.dataset, propose=propose)


def _keep_newest(path: Path, finding: MonitorFinding) -> None:
    """Write a finding, unless a later state of it is there: pods that ran one after another are not read in their order."""
    try:
        known = decode(MonitorFinding, path.read_bytes())
    except (OSError, ContractError):
        known = None
    if known is None or is_newer(to_json(finding), to_json(known)):
        path.write_text(encode(finding, indent=2) + "\n")
