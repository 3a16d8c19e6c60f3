"""What a monitor means.

Lives here: MonitorKind, for endpoints on the target `local`.
Not here: statistics (workloads.monitoring), proposals (findings).
Law: the baseline follows the model that the endpoint serves; a finding changes nothing by itself.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.engine.resource import Action, Dependency, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.kinds.findings import attention_of
from mlops.kinds.ground import Ground, effect_of, field_effect
from mlops.kinds.local.host import Host
from mlops.kinds.local.versions import Versions
from mlops.kinds.model import read_metrics
from mlops.spec.category import Category
from mlops.spec.project import LoadedResource, Project
from mlops.tools.dvc.run import checkout
from mlops.tools.process import run
from mlops.tools.supervisor import Program

_DEFAULTS: Mapping[str, Any] = {"window": "1h", "min_rows": 500, "drift": {}, "on_finding": "propose"}


class MonitorKind:
    name = "monitor"
    created = effect_of(Category.RECONFIGURE)
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.DELETE)

    def __init__(self, ground: Ground, project: Project) -> None:
        self.ground = ground
        self.project = project

    def desire(self, resource: LoadedResource, project: Project) -> Desired:
        endpoint = Address("endpoint", resource.inputs["endpoint"])
        package = Address("package", project.resources[endpoint].inputs["package"])
        model = Address("model", project.resources[package].inputs["model"])
        needs = (
            Dependency(model, effect_of(Category.RECONFIGURE), "digest", "new baseline"),
            Dependency(endpoint),
        )
        return Desired(resource.address, resource.inputs, needs, resource.protect, resource.origins)

    def effect(self, path: str) -> Effect:
        return field_effect("monitor", path)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None or desired is None:
            return Observed(record, exists=record is not None)
        folder = self.ground.places.monitor(address.name)
        propose = record.inputs.get("on_finding", "propose") == "propose"
        attention = attention_of(
            self.ground, address, folder, record.outputs.get("digest"), self._dataset(desired), propose=propose
        )
        stale: tuple[Stale, ...] = ()
        watched = self.project.resources[Address("endpoint", desired.inputs["endpoint"])].inputs["stack"]
        if watched != record.outputs["stack"]:
            return Observed(record, stale=(Stale(Reason("its endpoint moves to another stack"), self.created),))
        state = self._host(record.outputs["stack"]).supervisor.states().get(_program(address.name))
        if state is None or state.name not in ("RUNNING", "STARTING"):
            stale = (Stale(Reason("its watcher does not run"), self.created),)
        elif not (folder / "baseline" / "baseline.json").exists():
            stale = (Stale(Reason("its baseline is gone"), self.created),)
        return Observed(record, stale=stale, attention=attention)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def create(self, step: Step) -> Outcome:
        return self.update(step)

    def update(self, step: Step) -> Outcome:
        from mlops.spec.units import parse_duration

        assert step.desired is not None
        inputs = {**_DEFAULTS, **step.desired.inputs}
        model = next(at for at in step.upstream if at.kind == "model")
        endpoint = step.upstream[Address("endpoint", inputs["endpoint"])]
        dataset = self._dataset(step.desired)
        assert dataset is not None
        folder = self.ground.places.monitor(step.address.name)
        host = self._host(endpoint["stack"])
        exported = self.ground.root / "models" / model.name / "export"
        data = self.ground.root / "data" / dataset.address.name
        for path, stage in ((exported, f"export@{model.name}"), (data, f"prepare@{dataset.address.name}")):
            if not path.exists():
                checkout(self.ground.root, [stage])
        model_digest = step.upstream[model]["digest"]
        drift = inputs["drift"]
        told = [model_digest, drift.get("ignore", []), drift.get("predictions", True)]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        config = {
            "monitor": str(step.address), "log_dir": str(Versions(host, inputs["endpoint"]).log_folder),
            "baseline_dir": str(folder / "baseline"), "out_dir": str(folder), "window": parse_duration(inputs["window"]),
            "min_rows": inputs["min_rows"], "drift": drift, "on_finding": inputs["on_finding"],
            "contract": str(exported / "contract.json"), "schema": str(data / "schema.json"),
            "profile": str(data / "profile.json"), "baseline_digest": digest,
            "metrics": {k: v for k, v in (read_metrics(self.ground.root, model.name) or {}).items() if k != "slices"},
        }  # fmt: skip
        self._start(step, host, folder, config)
        short = str(model_digest)[:8]
        outputs = {
            "digest": digest,
            "model_digest": model_digest,
            "stack": endpoint["stack"],
            "endpoint": inputs["endpoint"],
        }
        return Outcome(outputs, f"baseline from {model} {short}")

    def _start(self, step: Step, host: Host, folder: Path, config: Mapping[str, Any]) -> None:
        """Make the baseline where it is another, and (re)start the watcher where anything is."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "config.json"
        text = json.dumps(config, indent=1, sort_keys=True)
        same = path.exists() and path.read_text() == text
        made = folder / "baseline" / "baseline.json"
        if not made.exists() or json.loads(made.read_text())["digest"] != config["baseline_digest"]:
            step.say("profiling the training data", 0.3)
            path.write_text(text)
            run([sys.executable, "-m", "mlops.workloads.monitoring.baseline", str(path)], cwd=self.ground.root)
            same = False
        path.write_text(text)
        name = _program(step.address.name)
        if not same:
            host.supervisor.take(name)
        host.supervisor.put(
            Program(
                name, [sys.executable, "-m", "mlops.workloads.monitoring.watcher", str(path)],
                host.folder / "logs" / f"{name}.log", cwd=self.ground.root, env={"WHYLOGS_NO_ANALYTICS": "1"},
            )
        )  # fmt: skip

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._host(step.recorded.outputs["stack"]).supervisor.take(_program(step.address.name))
        folder = self.ground.places.monitor(step.address.name)
        shutil.rmtree(folder, ignore_errors=True)
        for parent in (folder.parent, folder.parent.parent):
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        (self.ground.places.proposals / f"{step.address}.patch").unlink(missing_ok=True)

    def _dataset(self, desired: Desired) -> LoadedResource | None:
        model = next((d.address for d in desired.depends_on if d.address.kind == "model"), None)
        resource = self.project.resources.get(model) if model else None
        return self.project.resources.get(Address("dataset", resource.inputs["dataset"])) if resource else None

    def _host(self, stack: str) -> Host:
        return Host(self.ground.places, stack)


def _program(name: str) -> str:
    return f"monitor-{name}"
