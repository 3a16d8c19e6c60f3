"""What a model means.

Lives here: ModelKind.
Not here: training one (workloads.training), the arithmetic of gates (gates).
Law: what dvc.lock pins is what is recorded; gates are judged here, for this environment, and recorded.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.inputs import metadata_fields, without_fields
from mlops.context.metrics_file import read_metrics
from mlops.context.status import Status
from mlops.engine.resource import Action, Dependency, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import GateFailed, MlopsError, Problem
from mlops.kinds.base import BaseKind
from mlops.kinds.staged.code import moved_files
from mlops.kinds.staged.first_weights import weights_folder
from mlops.kinds.staged.gates import Verdict, judge_gates, judged_gates, needs_live
from mlops.kinds.staged.measured import evaluation_lines, metrics_change
from mlops.kinds.staged.outputs import push_outputs, remote_attention, unpushed_of
from mlops.kinds.staged.params import DECIDING, JUDGING, MEASURING, model_folder, model_params, models_read
from mlops.kinds.staged.restore import LOCKED, lock_entries_of, restore_stages
from mlops.kinds.staged.same_version import Committed, keep_committed
from mlops.kinds.staged.stages import make, stale_of
from mlops.kinds.staged.training_time import effort_of, steps_taken, time_estimate
from mlops.kinds.staged.tuned import (
    TRAINING,
    TUNE,
    price_obstacles,
    search_note,
    searched_before,
    stages_of,
    tune_folder,
)
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import headlines_of
from mlops.metrics.task import Task
from mlops.targets.target import Training, target_of_stack
from mlops.tools.process import run

if TYPE_CHECKING:
    from mlops.config.schema.model import Model

_LEARNING = (Category.RETRAIN, Category.RETUNE, Category.REPROCESS)
RUN_LINES = "training.log"
"""The file of lines for people in the folder of a run."""


class ModelKind(BaseKind):
    name = "model"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.RETRAIN)
    logs_while_made = True
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.FORGET)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        learns = effect_of(Category.RETUNE) if resource.inputs.get(TUNE) else self.created
        needs = [Dependency(Address("dataset", resource.inputs["dataset"]), learns, "digest")]
        needs += [Dependency(Address("model", name), self.created, "digest") for name in models_read(resource)]
        if stack := self.context.settings.training.stack:
            needs.append(Dependency(Address("stack", stack)))
        return replace(super().desire(resource, project), depends_on=tuple(needs))

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if desired is None:
            return Observed(record)
        name = address.name
        train, evaluate, export = (self.context.lock.get(f"{stage}@{name}") for stage in TRAINING)
        cluster = self._cluster()
        obstacles = (*(cluster.obstacles(name) if cluster else ()), *price_obstacles(desired, self.context))
        if train is None or evaluate is None or export is None:
            return Observed(record, exists=False, obstacles=obstacles)
        file = f"params/model/{name}.json"
        trained = train.params.get(file, {}).get("train", {})
        inputs = {**without_fields(trained, "code", "fingerprint"), **metadata_fields(record, desired.inputs, *JUDGING)}
        inputs |= searched_before(self.context, name)
        for stage, lock, fields in (("evaluate", evaluate, MEASURING), ("export", export, DECIDING)):
            read = lock.params.get(file, {}).get(stage, {})
            inputs |= {name: read[name] for name in fields if read.get(name) not in (None, [], {})}
        digest = export.outs.get(f"models/{name}/export", "")
        same = record is not None and record.outputs.get("digest") == digest
        stages = [f"{stage}@{name}" for stage in stages_of(inputs)]
        kept = record.outputs if record and same else {LOCKED: lock_entries_of(self.context, stages)}
        data = f"data/{trained.get('dataset', '')}"
        upstream = {f"dataset.{trained.get('dataset', '')}:digest": train.deps.get(data)}
        read = {model_folder(at.name): at for at in self._models(desired)}
        upstream |= {f"{at}:digest": train.deps.get(folder) for folder, at in read.items()}
        truth = Record(
            address, inputs, {**kept, "digest": digest}, upstream,
            record.depends_on if record else (), record.protect if record else desired.protect,
            record.complete if record and same else True, record.serial if record else 0, record.extra if record else {},
            record.rolled_back_to if record and same else None,
        )  # fmt: skip
        stale = (
            *self._stale(desired, name, [data, *read, *weights_folder(desired.inputs)], same), *self._missed(truth, same),
            *unpushed_of(self.context, stages, record),
        )  # fmt: skip
        return Observed(
            truth, adopted=not same, stale=stale, obstacles=obstacles, attention=remote_attention(self.context, address)
        )

    def pinned(self, address: Address) -> dict[str, Any] | None:
        """Return the inputs that dvc.lock holds of it, without gates; None where it holds none."""
        locked = self.context.lock.get(f"train@{address.name}")
        trained = locked.params.get(f"params/model/{address.name}.json", {}).get("train", {}) if locked else {}
        return without_fields(trained, "code", "fingerprint") or None

    @staticmethod
    def _models(desired: Desired) -> list[Address]:
        """Return the models that its training reads."""
        return [need.address for need in desired.depends_on if need.address.kind == "model"]

    def _stale(self, desired: Desired, name: str, read: Sequence[str], recorded: bool) -> list[Stale]:
        params = model_params(desired.inputs, self.context)
        stale: list[Stale] = []
        searches = (
            {TUNE: effect_of(Category.RETUNE)} if f"{TUNE}@{name}" in self.context.lock and TUNE in params else {}
        )
        effects = {
            **searches,
            "train": self.created,
            "evaluate": effect_of(Category.REEVALUATE),
            "export": self.created,
        }
        for stage, effect in effects.items():
            follows = [*read, f"models/{name}/train", tune_folder(name)]
            stale += stale_of(self.context, f"{stage}@{name}", effect, recorded=recorded, follows=follows)
            locked = self.context.lock[f"{stage}@{name}"].params.get(f"params/model/{name}.json", {}).get(stage, {})
            if moved := moved_files(locked.get("code"), params[stage]["code"]):
                stale.append(Stale(Reason(f"the code of stage {stage} changed: {moved}"), effect))
            stale += [Stale(Reason(text), effect) for text in _moved_models(locked, params[stage])]
        return stale

    def _missed(self, truth: Record, same: bool) -> list[Stale]:
        """Say which gates stand in the way: those that were missed, until they or the model change. Taken over from elsewhere, the
        gates that need nothing live are judged by the metrics in the repository."""
        effect = effect_of(Category.REEVALUATE)
        if same:
            missed = [verdict["words"] for verdict in truth.outputs.get("gates", ()) if not verdict["holds"]]
        else:
            metrics = read_metrics(self.context.root, truth.address.name) or {}
            gates = [gate for gate in judged_gates(truth.inputs) if not needs_live([gate])]
            missed = [judged.words for judged in judge_gates(gates, metrics, None) if not judged.holds]
        return [Stale(Reason(f"gate missed: {words}"), effect) for words in missed]

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        parts: list[str] = []
        model: Model = typed(desired.effective)
        if desired.inputs.get(TUNE):
            parts += search_note(desired, record, self.context.root, category)
        is_guessed = desired.inputs.get(TUNE) and category in (Category.RETUNE, Category.REPROCESS)
        if category in _LEARNING and record and record.outputs.get("seconds") and not is_guessed:
            parts.append(time_estimate(desired, record))
        if cluster := self._cluster() if category in _LEARNING else None:
            parts.append(cluster.notes(desired.address.name, model.trainer.accelerator))
        gates = judged_gates(desired.inputs)
        if gates and category != Category.METADATA:
            parts.append(f"gates: {', '.join(gates)}")
        if changed := self._metrics_change(desired, record, category):
            return (*((" · ".join(parts),) if parts else ()), f"metrics: {changed}")
        return (" · ".join(parts),) if parts else ()

    def _metrics_change(self, desired: Desired, record: Record | None, category: str) -> str:
        """Return the headlines before and after; those that dvc.lock pins already are known before the apply."""
        if category in (Category.METADATA, Category.NOOP):
            return ""
        before = record.outputs.get("metrics", {}) if record else {}
        found = read_metrics(self.context.root, desired.address.name) or {}
        is_pinned = any(found.get(name) != value for name, value in before.items()) or not before
        runs = self.context.settings.build and (self._must_run(desired) or (category in _LEARNING and not is_pinned))
        return metrics_change(Task(desired.inputs["task"]), before, None if runs else found)

    def _must_run(self, desired: Desired) -> bool:
        """Say whether dvc.lock holds another model than the one that is wanted, or none."""
        name, sections = desired.address.name, model_params(desired.inputs, self.context)
        locks = {stage: self.context.lock.get(f"{stage}@{name}") for stage in stages_of(desired.inputs)}
        file = f"params/model/{name}.json"
        return any(
            lock is None or lock.params.get(file, {}).get(stage) != sections[stage] for stage, lock in locks.items()
        )

    def create(self, step: Step) -> Outcome:
        """Raises GateFailed, with what was made as its `partial`, where a gate is missed."""
        assert step.desired is not None
        name, inputs = step.address.name, step.desired.inputs
        cluster, stages = self._cluster(), [f"{stage}@{name}" for stage in stages_of(inputs)]
        committed = Committed.of(self.context, name, stages)
        lock, seconds = make(
            self.context, step, model_params(inputs, self.context), stages,
            (lambda stages, reads: cluster.run(step, stages, reads)) if cluster else None,
        )  # fmt: skip
        metrics = read_metrics(self.context.root, name)
        if metrics is None:
            raise MlopsError.of(
                "no metrics", f"metrics/model/{name}.json is missing or damaged. Run: dvc repro evaluate@{name}"
            )
        digest = lock[f"export@{name}"].outs[f"models/{name}/export"]
        before = step.recorded.outputs if step.recorded else {}
        gates = judged_gates(inputs)
        data = str(step.upstream[Address("dataset", inputs["dataset"])].get("digest"))
        step.say("judging gates", 0.97)
        verdicts = judge_gates(gates, metrics, self._live(step.address, digest, data) if needs_live(gates) else None)
        missed = [verdict for verdict in verdicts if not verdict.holds]
        other = [] if missed else keep_committed(self.context, committed, Task(inputs["task"]), metrics)
        metrics = read_metrics(self.context.root, name) or metrics
        summary = json.loads((self.context.root / "models" / name / "train" / "summary.json").read_text())
        outputs = {
            "digest": digest, "metrics": without_fields(metrics, "slices", "fairness"), "gates": [v.as_json() for v in verdicts],
            "seconds": round(seconds, 1) or before.get("seconds", 0.0), LOCKED: lock_entries_of(self.context, stages),
        }  # fmt: skip
        if training := self._training_seconds(outputs, name, before):
            outputs["training_seconds"] = training
        effort = effort_of(inputs)
        if effort:
            outputs |= {key: summary[key] for key in (effort.key, effort.most) if key in summary}
        push_outputs(self.context, step, stages, Outcome(outputs))
        if missed:
            raise _missed_error(step.address, missed, Outcome(outputs))
        took = [steps_taken(effort, summary)] if effort and effort.key in summary else []
        changed = metrics_change(Task(inputs["task"]), before.get("metrics", {}), metrics, most=1)
        held = [f"{sum(v.holds for v in verdicts)} of {len(verdicts)} gates"] if verdicts else []
        return Outcome(outputs, ", ".join([*took, *([changed] if changed else []), *held, *other]))

    def _cluster(self) -> Training | None:
        """Return where stages run; None where they run here."""
        stack = self.context.settings.training.stack
        if stack is None or not self.context.settings.build:
            return None
        return target_of_stack(self.context, stack).training(stack)

    def _live(self, address: Address, digest: str, data: str) -> Mapping[str, Any] | None:
        """Return the metrics of the model that this environment's endpoints serve, on the candidate's test split."""
        served = live_model(self.context, address.name)
        if served is None:
            return None
        if served.digest == digest:
            return read_metrics(self.context.root, address.name)
        evaluate = model_params(self.context.resources[address].inputs, self.context)["evaluate"]
        asked_for = hashlib.md5(json.dumps(evaluate, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:8]
        cached = self.context.root / ".mlops" / "cache" / "live" / f"{served.digest}-{data}-{asked_for}.json"
        if not cached.exists():
            config = {
                "model": str(served.folder),
                "dataset": self.context.resources[address].inputs["dataset"],
                "out": str(cached),
                "evaluate": evaluate,
            }
            cached.parent.mkdir(parents=True, exist_ok=True)
            asked = cached.with_suffix(".config.json")
            asked.write_text(json.dumps(config))
            run([sys.executable, "-m", "mlops.workloads.training.rescore", str(asked)], cwd=self.context.root)
        metrics: Mapping[str, Any] = json.loads(cached.read_text())
        return metrics

    def status(self, record: Record) -> Status:
        metrics, gates = record.outputs.get("metrics", {}), record.outputs.get("gates", ())
        task = Task(record.inputs["task"])
        named = [(f"{MEASURED_SPLITS[0]}_{metric.name}", metric) for metric in headlines_of(task)]
        text = ", ".join(f"{name} {metric.shown(metrics[name])}" for name, metric in named if name in metrics)
        return Status(text + (f", {sum(gate['holds'] for gate in gates)} of {len(gates)} gates" if gates else ""))

    def record_lines(self, record: Record) -> tuple[str, ...]:
        outputs = record.outputs
        return evaluation_lines(Task(record.inputs["task"]), outputs.get("metrics", {}), outputs.get("gates", []))

    def logs(self, record: Record) -> tuple[Path, ...]:
        """Return the log of the training that goes on, or else of the one that made what is recorded; that of its search, and of its
        pods."""
        name, paths = record.address.name, self.context.paths
        live, kept = paths.live_run(name) / RUN_LINES, self._run(record.outputs, name) / RUN_LINES
        written = [path for path in (live, kept) if path.exists()]
        newest = [max(written, key=lambda path: path.stat().st_mtime)] if written else []
        return (*newest, *(path for path in (paths.search_log(name), paths.training_log(name)) if path.exists()))

    def _training_seconds(self, outputs: Mapping[str, Any], name: str, before: Mapping[str, Any]) -> float | None:
        """Return how long the family learned, without what a stage does besides; None where that ran elsewhere."""
        try:
            return float(json.loads((self._run(outputs, name) / "timing.json").read_text())["seconds"])
        except (OSError, ValueError, KeyError):
            return before.get("training_seconds")

    def _run(self, outputs: Mapping[str, Any], name: str) -> Path:
        """Return the folder of the run that made these outputs; it is where the training ran, and nowhere else."""
        entry = outputs.get(LOCKED, {}).get(f"train@{name}", {})
        digests = [out["md5"] for out in entry.get("outs", ()) if out.get("path") == f"models/{name}/train"]
        return self.context.paths.runs / (digests[0].removesuffix(".dir") if digests else "none")

    def pins(self, desired: Desired) -> Mapping[str, str]:
        sections = model_params(desired.inputs, self.context)
        code = json.dumps([sections[stage]["code"] for stage in stages_of(desired.inputs)])
        return {f"code of {desired.address}": hashlib.md5(code.encode(), usedforsecurity=False).hexdigest()}

    def missing_tools(self, inputs: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        """Return the libraries of the system that its family needs, found or not; in pods, the image has them."""
        from mlops.config.schema.families.family import family_spec

        if self._cluster() or not self.context.settings.build:
            return ()
        libraries = family_spec(inputs["architecture"]["name"]).libraries()
        return tuple((name, _found(name), remedy) for name, remedy in libraries)

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        if not self.context.settings.build:
            return ()
        return ("data",) if self._cluster() else ("training", *(["tuning"] if inputs.get(TUNE) else []))

    @property
    def restored(self) -> Effect:
        return effect_of(Category.RESTORE)

    def restore(self, step: Step) -> Outcome:
        """Put back the model that was trained then, with its metrics and verdicts; nothing is trained."""
        outputs = restore_stages(
            self.context,
            step,
            [f"{stage}@{step.address.name}" for stage in stages_of(step.recorded.inputs if step.recorded else {})],
        )
        return Outcome(outputs, "taken from what is kept; nothing ran")

    def delete(self, step: Step) -> None:
        """Remove what is left of its job; files, lock entry and cache stay."""
        if cluster := self._cluster():
            cluster.forget(step.address.name)


def _moved_models(locked: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """Say which files of models have another content than when they were read."""
    before, now = locked.get("fingerprint", {}), params.get("fingerprint", {})
    return [
        f"{params['architecture'][field.partition('.')[2]]} has another content"
        for field in now
        if field in before and before[field] != now[field]
    ]


class Served:
    """A model that an endpoint serves: its digest, and the folder with model.onnx and contract.json."""

    def __init__(self, digest: str, folder: Path) -> None:
        self.digest, self.folder = digest, folder


def live_model(context: Context, name: str) -> Served | None:
    for address, record in context.records.items():
        outputs = record.outputs
        if address.kind == "endpoint" and outputs.get("model") == name and outputs.get("version"):
            folder = Path(outputs["bento"])
            if (folder / "model.onnx").exists():
                return Served(outputs["model_digest"], folder)
    return None


def _found(library: str) -> str:
    """Return the name of a library of the system where the loader finds it; else nothing."""
    with suppress(OSError):
        ctypes.CDLL(library)
        return library
    return ""


def _missed_error(address: Address, missed: list[Verdict], partial: Outcome) -> GateFailed:
    error = GateFailed(
        *(
            Problem(
                "gate missed",
                f"{verdict.words}. The model was made and is kept; nothing below it moves, and what is live stays live. "
                f"Improve {address}, or change the gate in conf/model/{address.name}.yaml.",
                address=str(address),
            )
            for verdict in missed
        )
    )
    error.partial = partial  # type: ignore[attr-defined]
    return error
