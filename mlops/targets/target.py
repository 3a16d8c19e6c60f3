"""Say what a target does.

Lives here: Target, the base class that each target extends; Hosted, what it does for one kind of resource; Training; Schedules; and
target_of_stack, which finds the target of a stack.
Not here: the targets themselves (local, kubernetes, other packages), what fields mean (kinds).
Law: everything that differs between two targets stands behind this protocol; a name that is not registered is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.context.context import Context
from mlops.context.status import Status
from mlops.engine.resource import Desired, Observed, Outcome, Record, Step
from mlops.errors import MlopsError
from mlops.extensions import TARGETS


class Hosted(Protocol):
    """What a target does for one kind. See engine.resource.Kind for what each method must hold to; `observe` is called with
    a record, with what is desired, or with both."""

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed: ...

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]: ...

    def update(self, step: Step) -> Outcome: ...

    def delete(self, step: Step) -> None: ...

    def status(self, record: Record) -> Status: ...

    def logs(self, record: Record) -> tuple[Path, ...]:
        """Return the newest log files of its processes; empty where there are none."""
        ...


class Training(Protocol):
    """The stages of models, run on a target instead of on this machine."""

    def obstacles(self, model_name: str) -> tuple[str, ...]:
        """Say why a training could not start as things stand."""
        ...

    def notes(self, model_name: str, accelerator: str) -> str: ...

    def run(self, step: Step, stages: Sequence[str], deps: Sequence[str]) -> None:
        """Run the stages, which read `deps`, and write dvc.lock. Raises MlopsError."""
        ...

    def forget(self, model_name: str) -> None:
        """Take away what is left of its runs."""
        ...


class Schedules(Protocol):
    """The schedules of batches, kept by a stack."""

    def runs(self, name: str) -> bool:
        """Say whether the schedule of a batch is kept."""
        ...

    def start(self, name: str, config: Path, schedule: str, *, anew: bool) -> None:
        """Keep a schedule. `config`: a ScoringConfig. `anew`: it is another than before."""
        ...

    def stop(self, name: str) -> None: ...

    def logs(self, name: str) -> tuple[Path, ...]: ...


class Target:
    """One place where things run. An instance serves one command."""

    carries_on: ClassVar[bool] = False
    """Whether something there goes on with a rollout after its apply has ended (`Step.waits`)."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def stack(self) -> Hosted:
        raise NotImplementedError

    def endpoint(self) -> Hosted:
        raise NotImplementedError

    def monitor(self, stack: str, dataset: LoadedResource | None) -> Hosted:
        """`dataset`: that of the model which is watched; None where only what is recorded matters."""
        raise NotImplementedError

    def schedules(self, stack: str) -> Schedules | None:
        """Return what keeps the schedules of batches there; None where the target keeps none."""
        return None

    def training(self, stack: str) -> Training | None:
        """Return what runs stages there; None where they run on this machine anyway."""
        return None

    def extras(self) -> tuple[str, ...]:
        """Return the extras of this package, such as `local`, that the target needs on this machine."""
        return ()

    def missing_tools(self) -> tuple[tuple[str, str, str], ...]:
        """Return (program, what was found or empty, what to do) of each program that it needs, for `mlops doctor`."""
        return ()


def target_named(context: Context, name: str) -> Target:
    """Raises MlopsError with a hint for a name that no package registers."""
    target: Target = TARGETS.load(name)(context)
    return target


def target_of_stack(context: Context, stack: str, *, recorded: bool = False) -> Target:
    """Find the target of the stack as it is declared or, with `recorded`, as it was applied, whichever there is."""
    inputs = stack_inputs(context, stack, recorded=recorded)
    return target_named(context, str(inputs["target"]))


def stack_inputs(context: Context, stack: str, *, recorded: bool = False) -> Any:
    """Raises MlopsError where the stack is neither declared nor recorded."""
    at = Address("stack", stack)
    declared = context.resources[at].inputs if at in context.resources else None
    applied = context.records[at].inputs if at in context.records else None
    inputs = (applied or declared) if recorded else (declared or applied)
    if inputs is None:
        raise MlopsError.of(
            "no such stack",
            f"{at} is neither declared in conf/stack/ nor recorded in this environment's state, so nothing is known of "
            "where it runs. Declare it again, or forget what ran on it: `removed:` in conf/project.yaml.",
        )
    return inputs
