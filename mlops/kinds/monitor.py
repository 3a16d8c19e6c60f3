"""What a monitor means.

Lives here: MonitorKind.
Not here: statistics (workloads.monitoring), proposals (monitoring), running watchers (targets).
Law: a finding changes nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.config.schema.model_reference import split_reference
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.inputs import without_fields
from mlops.context.secrets import seal
from mlops.context.status import Status
from mlops.engine.plan import Change
from mlops.engine.resource import Dependency, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import Problem
from mlops.kinds.asked_of_pods import is_stack_term, with_stack_terms, without_stack_terms
from mlops.kinds.base import BaseKind
from mlops.kinds.named_version import NamedVersions
from mlops.monitoring.alerts import alert_inputs, alert_origins
from mlops.monitoring.findings import Proposal, acknowledge, open_findings, proposal_for
from mlops.targets.local.batch_monitor import BatchMonitor
from mlops.targets.target import Hosted, target_of_stack


class MonitorKind(BaseKind):
    name = "monitor"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.RECONFIGURE)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        """Where nothing keeps the schedule of a batch, its newly scored rows are looked at in the apply that scores them."""
        watched = _watched(resource.inputs)
        package = Address("package", project.resources[watched].inputs["package"])
        model, name = split_reference(project.resources[package].inputs["model"])
        follows, output = (package, "model_digest") if name else (Address("model", model), "digest")
        needs = (
            Dependency(follows, effect_of(Category.RECONFIGURE), output, follows=True, words="new baseline"),
            self._after(watched, project),
        )
        desired = super().desire(resource, project)
        if alerts := alert_inputs(project.settings, resource.address.name):
            sealed = seal(alerts, self.context.paths.secrets, self.context.salt)
            origins = {**desired.origins, **alert_origins(project.settings)}
            desired = replace(desired, inputs={**desired.inputs, "alerts": sealed}, origins=origins)
        if (stack := project.resources[watched].inputs.get("stack")) is not None:
            desired = with_stack_terms(desired, project, stack, "watching")
        return replace(desired, depends_on=needs)

    def _after(self, watched: Address, project: ProjectSpec) -> Dependency:
        if watched.kind == "batch" and not project.resources[watched].inputs.get("stack"):
            mends = effect_of(Category.RECONFIGURE)
            return Dependency(watched, mends, "digest", follows=True, words="newly scored rows")
        return Dependency(watched)

    @classmethod
    def as_declared(cls, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Who is told is the environment's, and what pods have to carry the stack's."""
        return without_stack_terms(without_fields(inputs, "alerts"))

    def effect(self, path: str) -> Effect:
        of_others = path.partition(".")[0] == "alerts" or is_stack_term(path)
        return self.effect_of(Category.RECONFIGURE) if of_others else super().effect(path)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if desired is not None and record is None:
            return self._of(desired).observe(address, desired, None)
        if desired is None or record is None:
            return Observed(record, exists=record is not None)
        if self._stack(desired) != record.outputs.get("stack") or _is_batch(desired.inputs) != _is_batch(record.inputs):
            moves = "it watches something else" if _is_batch(desired.inputs) != _is_batch(record.inputs) else ""
            reason = moves or f"its {_watched(desired.inputs).kind} moves to another stack"
            return Observed(record, stale=(Stale(Reason(reason), self.created),))
        return self._of(desired).observe(address, desired, record)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        stack, recorded = self._stack(step.desired), step.recorded
        if recorded is not None and recorded.outputs:
            is_other = _is_batch(recorded.inputs) != _is_batch(step.desired.inputs)
            if is_other or recorded.outputs.get("stack") not in (None, stack):
                self.delete(step)
        return self._of(step.desired).update(step)

    def problems(self, changes: Sequence[Change]) -> Iterator[Problem]:
        yield from super().problems(changes)
        for change in changes:
            resource = self.context.resources.get(change.address)
            package = self._package(resource.inputs) if resource is not None else None
            if package is not None:
                yield from NamedVersions(self.context).data_problems(change.address, package.inputs)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        if step.recorded.outputs.get("stack") or _is_batch(step.recorded.inputs):
            self._recorded(step.recorded).delete(step)

    def status(self, record: Record) -> Status:
        return self._recorded(record).status(record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        return self._recorded(record).logs(record)

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        return ("monitoring",)

    def acknowledge(self, record: Record, *, who: str, reason: str, finding_id: str | None) -> list[str]:
        return acknowledge(self.context.paths.monitor(record.address.name), who, reason, finding_id)

    def proposals(
        self, record: Record, declared: LoadedResource
    ) -> Iterator[tuple[Mapping[str, Any], Proposal | None]]:
        """Yield the open findings of a monitor, each with the edit that is proposed for it."""
        dataset = self._dataset_of(declared.inputs)
        for finding in open_findings(self.context.paths.monitor(record.address.name), record.outputs.get("digest")):
            has_edit = dataset is not None and finding["kind"] != "quality"
            yield finding, proposal_for(self.context, dataset) if has_edit and dataset else None

    def _stack(self, desired: Desired) -> str | None:
        """Return the stack that the watcher runs on; None for a batch whose schedule nothing keeps."""
        stack = self.context.resources[_watched(desired.inputs)].inputs.get("stack")
        return str(stack) if stack else None

    def _dataset(self, desired: Desired) -> LoadedResource | None:
        return self._dataset_of(desired.inputs)

    def _dataset_of(self, inputs: Mapping[str, Any]) -> LoadedResource | None:
        package = self._package(inputs)
        model = (
            self.context.resources.get(Address("model", split_reference(package.inputs["model"])[0]))
            if package
            else None
        )
        return self.context.resources.get(Address("dataset", model.inputs["dataset"])) if model else None

    def _package(self, inputs: Mapping[str, Any]) -> LoadedResource | None:
        watched = self.context.resources.get(_watched(inputs))
        return self.context.resources.get(Address("package", watched.inputs["package"])) if watched else None

    def _of(self, desired: Desired) -> Hosted:
        stack, dataset = self._stack(desired), self._dataset(desired)
        if _is_batch(desired.inputs):
            return BatchMonitor(self.context, stack, dataset)
        assert stack is not None
        return target_of_stack(self.context, stack).monitor(stack, dataset)

    def _recorded(self, record: Record) -> Hosted:
        stack = record.outputs.get("stack")
        if _is_batch(record.inputs):
            return BatchMonitor(self.context, str(stack) if stack else None, None)
        return target_of_stack(self.context, str(stack), recorded=True).monitor(str(stack), None)


def _is_batch(inputs: Mapping[str, Any]) -> bool:
    return bool(inputs.get("batch"))


def _watched(inputs: Mapping[str, Any]) -> Address:
    """Return the endpoint or batch that is watched."""
    return Address("batch", inputs["batch"]) if _is_batch(inputs) else Address("endpoint", inputs["endpoint"])
