"""Say what a target does for a kind.

Lives here: Target, the protocol of a kind's half that knows where things run, and hands_of, which picks one.
Not here: the targets (local, kubernetes), what fields mean (the kinds).
Law: a kind is one word whatever it runs on; a target is one small file for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.context.context import Context
from mlops.engine.resource import Desired, Observed, Outcome, Record, Step

LOCAL, KUBERNETES = "local", "kubernetes"


class Target(Protocol):
    """See engine.resource.Kind for what each must hold to. `observe` is called with a record, a wish, or both."""

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed: ...

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]: ...

    def update(self, step: Step) -> Outcome: ...

    def delete(self, step: Step) -> None: ...


def target_of(
    context: Context, resources: Mapping[Address, LoadedResource], stack: str, *, recorded: bool = False
) -> str:
    """Of the stack with this name: as it is said, or as it was recorded, whichever there is."""
    at = Address("stack", stack)
    said: Any = resources[at].inputs if at in resources else None
    was: Any = context.records[at].inputs if at in context.records else None
    told = (was or said) if recorded else (said or was)
    return str(told["target"]) if told else LOCAL
