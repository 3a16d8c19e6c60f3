"""What a stack means.

Lives here: StackKind.
Not here: what a stack is on a target (local.stack, kubernetes.stack), what runs on it (endpoint, monitor).
Law: a stack that moves to another place is another stack: what was there is taken down.
"""

from __future__ import annotations

from dataclasses import replace

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import KEEPING, effect_of
from mlops.engine.resource import Action, Desired, Effect, Observed, Outcome, Record, Step
from mlops.kinds.base import BaseKind
from mlops.targets.local.stack import LocalStack
from mlops.targets.target import LOCAL, Target

_ELSEWHERE = ("target", "namespace", "context", "kubeconfig")


class StackKind(BaseKind):
    name = "stack"
    keeping = KEEPING
    created = effect_of(Category.PROVISION)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        return Desired(resource.address, resource.inputs, (), resource.protect, resource.origins)

    def effect(self, path: str) -> Effect:
        told = super().effect(path)
        return replace(told, action=Action.REPLACE) if path in _ELSEWHERE else told

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        told = record or desired
        assert told is not None
        return self._target(str(told.inputs["target"])).observe(address, desired, record)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return self._target(str(desired.inputs["target"])).notes(desired, record, category)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        return self._target(str(step.desired.inputs["target"])).update(step)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._target(str(step.recorded.inputs["target"])).delete(step)

    def _target(self, name: str) -> Target:
        if name == LOCAL:
            return LocalStack(self.context)
        from mlops.targets.kubernetes.stack import ClusterStack

        return ClusterStack(self.context)
