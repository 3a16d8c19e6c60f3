"""One Pulumi stack of a test, and what its commands said.

Lives here: Trial, an inline program on the Automation API; Seen, what a preview or an update would do or did.
Not here: the programs (the tests bring them), production's own way of running Pulumi (mlops.tools.pulumi).
Law: a test reads operations and field paths, never Pulumi's prose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pulumi import automation as auto
from pulumi.automation import events

QUIET = {"same", "refresh", "read"}


@dataclass(frozen=True)
class Seen:
    """`changes`: resource name -> (operation, {field path: kind of difference}); untouched resources are left out."""

    summary: dict[str, int]
    changes: dict[str, tuple[str, dict[str, str]]]

    @property
    def is_empty(self) -> bool:
        return not self.changes and set(self.summary) <= QUIET


@dataclass
class Trial:
    name: str
    program: Callable[[], None]
    env: dict[str, str]
    stack: auto.Stack = field(init=False)

    def __post_init__(self) -> None:
        options = auto.LocalWorkspaceOptions(env_vars=self.env)
        self.stack = auto.create_or_select_stack("test", self.name, self.program, opts=options)

    def preview(self, **options: Any) -> Seen:
        heard: list[events.EngineEvent] = []
        return _seen(self.stack.preview(on_event=heard.append, **options).change_summary, heard)

    def up(self, **options: Any) -> Seen:
        heard: list[events.EngineEvent] = []
        return _seen(self.stack.up(on_event=heard.append, **options).summary.resource_changes or {}, heard)

    def refresh(self, **options: Any) -> Seen:
        heard: list[events.EngineEvent] = []
        return _seen(self.stack.refresh(on_event=heard.append, **options).summary.resource_changes or {}, heard)

    def destroy(self) -> Seen:
        heard: list[events.EngineEvent] = []
        return _seen(self.stack.destroy(on_event=heard.append).summary.resource_changes or {}, heard)

    def urn(self, name: str) -> str:
        return next(item["urn"] for item in self.resources() if item["urn"].endswith(f"::{name}"))

    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.export_stack().deployment.get("resources", [])
        return found

    def outputs(self) -> dict[str, Any]:
        return {name: output.value for name, output in self.stack.outputs().items()}


def _seen(summary: Any, heard: list[events.EngineEvent]) -> Seen:
    changes: dict[str, tuple[str, dict[str, str]]] = {}
    for event in heard:
        if event.resource_pre_event is None:
            continue
        told = event.resource_pre_event.metadata
        operation, name = _word(told.op), told.urn.rsplit("::", 1)[-1]
        if operation in QUIET or told.type.startswith("pulumi:"):
            continue
        if operation in ("create-replacement", "delete-replaced"):
            continue
        paths = {path: _word(one.diff_kind) for path, one in (told.detailed_diff or {}).items()}
        changes[name] = (operation, paths)
    return Seen({_word(key): count for key, count in summary.items()}, changes)


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))
