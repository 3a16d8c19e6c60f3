"""Make what a monitor compares with.

Lives here: Watch (all that a watcher must know, besides where it runs), watch_of, make_baseline, baseline_fault, forget.
Not here: statistics (workloads.monitoring), running watchers (the targets).
Law: the baseline follows the model that the endpoint serves.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.project import LoadedResource
from mlops.context.context import Context
from mlops.engine.resource import Json, Step
from mlops.monitoring.learned import learned_of
from mlops.tools.process import run

if TYPE_CHECKING:
    from mlops.config.schema.monitor import FalseAlarmRate, Monitor
    from mlops.contracts.watcher import LabelSource, WatcherConfig


@dataclass(frozen=True)
class Watch:
    """`config`: for the watcher, as on this machine, without its `log_dir`. `folder`: holds config, baseline and findings.
    `watched`: the outputs of the endpoint or batch."""

    model: Address
    model_digest: str
    digest: str
    folder: Path
    config: WatcherConfig
    watched: Mapping[str, Any]

    @property
    def baseline(self) -> Path:
        return self.folder / "baseline"


def watch_of(context: Context, step: Step, dataset: LoadedResource) -> Watch:
    """Gather what the watcher of this step's monitor must know; brings data and model back where they are not here."""
    from mlops.contracts.watcher import DriftTests, WatcherConfig

    assert step.desired is not None
    monitor: Monitor = typed(step.desired.effective)
    learned = learned_of(context, step, dataset.address.name)
    model_digest, folder = learned.digest, context.paths.monitor(step.address.name)
    identity = [model_digest, monitor.drift.ignore, monitor.drift.predictions]
    if monitor.drift.method != "auto":
        identity.append(monitor.drift.method)
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    drift = monitor.drift
    config = WatcherConfig(
        monitor=str(step.address), baseline_dir=str(folder / "baseline"), out_dir=str(folder),
        labels_keep=monitor.labels.keep, slices=tuple(monitor.slices), metrics_port=monitor.metrics_port,
        labels_source=_label_source(monitor), window=monitor.window, window_rows=monitor.window_rows,
        min_rows=monitor.min_rows, on_finding=monitor.on_finding,
        drift=DriftTests(
            method=drift.method, threshold=drift.threshold, ignore=tuple(drift.ignore), predictions=drift.predictions,
            false_alarms=share_of_windows(drift.false_alarms, monitor.window), floors=dict(drift.floors),
        ),
        contract=str(learned.exported / "contract.json"), schema=str(learned.data / "schema.json"),
        profile=str(learned.data / "profile.json"), baseline_digest=digest,
        time_column=dataset.inputs["split"].get("column"),
        metrics={name: value for name, value in learned.metrics.items() if name != "slices"},
    )  # fmt: skip
    watched = Address("batch", monitor.batch) if monitor.batch else Address("endpoint", str(monitor.endpoint))
    return Watch(learned.model, model_digest, digest, folder, config, step.upstream[watched])


def _label_source(monitor: Monitor) -> LabelSource | None:
    from mlops.contracts.watcher import LabelSource

    labels = monitor.labels
    if labels.source is None:
        return None
    source = labels.source.model_dump(mode="json", exclude_defaults=True)
    return LabelSource(source=source, id=labels.id, value=labels.value, row=labels.row)


def share_of_windows(false_alarms: FalseAlarmRate, window: float) -> float:
    """Return which share of windows, each `window` seconds long, may be false alarms; half of them at most."""
    number, seconds = false_alarms.number, false_alarms.seconds
    return min(0.5, number if seconds is None else number * window / seconds)


def make_baseline(context: Context, step: Step, watch: Watch) -> bool:
    """Profile the training data where the baseline is missing, damaged or of another digest; return whether it was."""
    from mlops.contracts.codec import encode

    if baseline_fault(watch.baseline, watch.digest) is None:
        return False
    step.say("profiling the training data", 0.3)
    watch.folder.mkdir(parents=True, exist_ok=True)
    path = watch.folder / "baseline.config.json"
    path.write_text(encode(watch.config, indent=1))
    run([sys.executable, "-m", "mlops.workloads.monitoring.baseline", str(path)], cwd=context.root)
    return True


def baseline_fault(folder: Path, digest: Json) -> str | None:
    """What is wrong with the files of a baseline: gone, damaged, or of another digest; None where nothing is."""
    try:
        written = json.loads((folder / "baseline.json").read_bytes())
        profile = hashlib.sha256((folder / "baseline.bin").read_bytes()).hexdigest()
        if written.get("profile", profile) != profile:
            return "damaged"
        if written["digest"] != digest:
            return "of another model"
        return None if {"calibration", "reference"} <= set(written) else "of a version before this one"
    except FileNotFoundError:
        return "gone"
    except (OSError, ValueError, KeyError, AttributeError):
        return "damaged"


def forget(context: Context, address: Address) -> None:
    """Take away what lies on this machine of a monitor."""
    folder = context.paths.monitor(address.name)
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    (context.paths.proposals / f"{address}.patch").unlink(missing_ok=True)
