"""What an endpoint means.

Lives here: EndpointKind, and what the targets share of it.
Not here: how it runs on a target (local.endpoint, kubernetes.endpoint), moving traffic (rollout).
Law: a version is named by what it answers with; one that moves to another stack answers there before it ends here.
"""

from __future__ import annotations

from dataclasses import replace

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import KEEPING, effect_of
from mlops.context.secrets import seal
from mlops.engine.resource import Dependency, Desired, Observed, Outcome, Record, Step
from mlops.kinds.base import BaseKind
from mlops.rollout.rollout import terms_of
from mlops.targets.local.endpoint import LocalEndpoint
from mlops.targets.target import LOCAL, Target, target_of


class EndpointKind(BaseKind):
    name = "endpoint"
    keeping = KEEPING
    created = effect_of(Category.REDEPLOY)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        inputs = seal(resource.inputs, self.context.paths.secrets, self.context.salt)
        needs = (
            Dependency(Address("package", inputs["package"]), self.created, "digest"),
            Dependency(Address("stack", inputs["stack"]), self.created, "address"),
        )
        return Desired(resource.address, inputs, needs, resource.protect, resource.origins)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is not None and (desired is None or record.inputs["stack"] == desired.inputs["stack"]):
            return self._on(record.inputs["stack"], recorded=True).observe(address, desired, record)
        assert desired is not None
        seen = self._on(desired.inputs["stack"]).observe(address, desired, None)
        return replace(seen, recorded=record, exists=record is not None)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        told = self._on(desired.inputs["stack"]).notes(desired, record, category)
        if category != Category.REDEPLOY or record is None:
            return told
        steps = " → ".join(f"{share * 100:g}%" for share in terms_of(desired.inputs).steps)
        return (f"{steps}, judged at each step; else back to what is live", *told)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        if step.category == Category.METADATA and step.recorded:
            return Outcome(step.recorded.outputs, "nothing that runs changed")
        stack, before = step.desired.inputs["stack"], step.recorded
        moves = before is not None and before.inputs["stack"] != stack
        outcome = self._on(stack).update(replace(step, recorded=None) if moves else step)
        if moves:
            self.delete(step)
        return outcome

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._on(step.recorded.inputs["stack"], recorded=True).delete(step)

    def _on(self, stack: str, *, recorded: bool = False) -> Target:
        target = target_of(self.context, self.context.resources, stack, recorded=recorded)
        if target == LOCAL:
            return LocalEndpoint(self.context)
        from mlops.targets.kubernetes.endpoint import ClusterEndpoint

        return ClusterEndpoint(self.context, self.context.resources)
