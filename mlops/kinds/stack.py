"""What a stack means.

Lives here: StackKind.
Not here: what a stack is on a target (targets), what runs on it (endpoint, monitor).
Law: a stack that moves to another place is another stack: what was there is taken down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.schema.category import Category
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.status import Status
from mlops.engine.resource import Action, Desired, Effect, Observed, Outcome, Record, Step
from mlops.kinds.base import BaseKind
from mlops.targets.target import Hosted, target_named

_ELSEWHERE = ("target", "namespace", "context", "kubeconfig")


class StackKind(BaseKind):
    name = "stack"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.PROVISION)

    def effect(self, path: str) -> Effect:
        effect = super().effect(path)
        return replace(effect, action=Action.REPLACE) if path in _ELSEWHERE else effect

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record or desired
        assert known is not None
        return self._on(str(known.inputs["target"])).observe(address, desired, record)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return self._on(str(desired.inputs["target"])).notes(desired, record, category)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        return self._on(str(step.desired.inputs["target"])).update(step)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._on(str(step.recorded.inputs["target"])).delete(step)

    def missing_tools(self, inputs: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        return target_named(self.context, str(inputs["target"])).missing_tools()

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        return target_named(self.context, str(inputs["target"])).extras()

    def status(self, record: Record) -> Status:
        return self._on(str(record.inputs["target"])).status(record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        return self._on(str(record.inputs["target"])).logs(record)

    def _on(self, target: str) -> Hosted:
        return target_named(self.context, target).stack()
