"""What an endpoint means.

Lives here: EndpointKind, and what the targets share of it.
Not here: how it runs on a target (local.endpoint, kubernetes.endpoint), moving traffic (rollout).
Law: a version is named by what it answers with; one that moves to another stack answers there before it ends here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlops.address import Address
from mlops.engine.resource import Action, Dependency, Desired, Effect, Observed, Outcome, Record, Step
from mlops.kinds.ground import Ground, effect_of, field_effect
from mlops.kinds.local.endpoint import LocalEndpoint
from mlops.kinds.rollout import terms_of
from mlops.kinds.secrets import seal
from mlops.kinds.target import LOCAL, Target, target_of
from mlops.spec.category import Category
from mlops.spec.project import LoadedResource, Project


class EndpointKind:
    name = "endpoint"
    created = effect_of(Category.REDEPLOY)
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.DELETE)

    def __init__(self, ground: Ground, resources: Mapping[Address, LoadedResource]) -> None:
        self.ground = ground
        self.resources = resources

    def desire(self, resource: LoadedResource, project: Project) -> Desired:
        inputs = seal(resource.inputs, self.ground.places.secrets, self.ground.salt)
        needs = (
            Dependency(Address("package", inputs["package"]), self.created, "digest"),
            Dependency(Address("stack", inputs["stack"]), self.created, "address"),
        )
        return Desired(resource.address, inputs, needs, resource.protect, resource.origins)

    def effect(self, path: str) -> Effect:
        return field_effect("endpoint", path)

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
        return self.update(step)

    def update(self, step: Step) -> Outcome:
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
        target = target_of(self.ground, self.resources, stack, recorded=recorded)
        if target == LOCAL:
            return LocalEndpoint(self.ground)
        from mlops.kinds.kubernetes.endpoint import ClusterEndpoint

        return ClusterEndpoint(self.ground, self.resources)
