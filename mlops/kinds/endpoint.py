"""What an endpoint means.

Lives here: EndpointKind.
Not here: how it runs on a target (targets), moving traffic (rollout).
Law: a version is named by what it answers with; one that moves to another stack answers there before it ends here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.secrets import unseal
from mlops.context.status import Status
from mlops.engine.plan import Change
from mlops.engine.resource import Dependency, Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import MlopsError, Problem
from mlops.kinds.asked_of_pods import is_stack_term, with_stack_terms, without_stack_terms
from mlops.kinds.base import BaseKind, Question
from mlops.kinds.package import PackageKind
from mlops.rollout.strategies import outline
from mlops.targets.target import Hosted, stack_inputs, target_of_stack

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import Endpoint


class EndpointKind(BaseKind):
    name = "endpoint"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.REDEPLOY)
    mostly_waits = True

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        desired = super().desire(resource, project)
        needs = (
            Dependency(Address("package", resource.inputs["package"]), self.created, "digest"),
            Dependency(Address("stack", resource.inputs["stack"]), self.created, "address", follows=True),
        )
        desired = with_stack_terms(desired, project, resource.inputs["stack"], "serving")
        return replace(desired, depends_on=needs)

    @classmethod
    def as_declared(cls, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What pods have to carry is the stack's."""
        return without_stack_terms(inputs)

    def effect(self, path: str) -> Effect:
        return self.effect_of(Category.RECONFIGURE) if is_stack_term(path) else super().effect(path)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is not None and (desired is None or record.inputs["stack"] == desired.inputs["stack"]):
            return self._on(record.inputs["stack"], recorded=True).observe(address, desired, record)
        assert desired is not None
        found = self._on(desired.inputs["stack"]).observe(address, desired, None)
        return replace(found, recorded=record, exists=record is not None)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        of_target = self._on(desired.inputs["stack"]).notes(desired, record, category)
        if category != Category.REDEPLOY or record is None:
            return of_target
        endpoint: Endpoint = typed(desired.effective)
        return (outline(endpoint.rollout, endpoint.replicas), *of_target)

    def must_wait(self, changes: Sequence[Change]) -> Iterator[Problem]:
        for change in changes:
            resource = self.context.resources.get(change.address)
            if resource is None or change.category != Category.REDEPLOY:
                continue
            stack = str(resource.inputs["stack"])
            if not target_of_stack(self.context, stack).carries_on:
                words = (
                    f"Nothing on stack.{stack} goes on with a rollout after its apply has ended: its target, "
                    f"{stack_inputs(self.context, stack)['target']}, has no controller. Leave --no-wait out, or apply the rest: "
                    f"--no-wait --exclude {change.address}"
                )
                yield Problem("apply has to wait", words, address=str(change.address))

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

    def restore(self, step: Step) -> Outcome:
        """Serve the recorded bento again, whatever package is built now; it is built again where it is not kept."""
        assert step.restore is not None
        assert step.desired is not None
        at = Address("package", step.desired.inputs["package"])
        package = step.restore.upstream.get(at)
        if package is None or "tag" not in package.outputs:
            raise MlopsError.of(
                "version is not known",
                f"The state knows no version of {at} that {step.address} was made from at serial "
                f"{step.restore.record.serial}, so its bento cannot be found. Go back to another: mlops history {step.address}",
            )
        outputs = PackageKind(self.context).with_bento(package, step.say)
        return self.create(replace(step, upstream={**step.upstream, at: outputs}))

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._on(step.recorded.inputs["stack"], recorded=True).delete(step)

    def status(self, record: Record) -> Status:
        return self._on(record.inputs["stack"], recorded=True).status(record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        return self._on(record.inputs["stack"], recorded=True).logs(record)

    def question(self, record: Record, rows: Iterable[Mapping[str, Any]] | None) -> Question:
        headers = {}
        if auth := record.inputs.get("auth"):
            named = (one["secret"] for one in (auth.get("keys") or {}).values())
            key = auth.get("api_key") or next(named, None)
            if key is not None:
                headers["x-api-key"] = unseal(key, self.context.paths.secrets, field="auth")
        asked = list(rows) if rows is not None else _golden_rows(record)[:5]
        return Question(f"{record.outputs['url']}/predict", headers, tuple(asked))

    def _on(self, stack: str, *, recorded: bool = False) -> Hosted:
        return target_of_stack(self.context, stack, recorded=recorded).endpoint()


def _golden_rows(record: Record) -> list[Any]:
    """Return the rows of the test split that its model was checked with."""
    rows: list[Any] = json.loads((Path(record.outputs["bento"]) / "golden.json").read_text())["rows"]
    return rows
