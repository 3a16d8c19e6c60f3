"""One Pulumi stack of a test, and what its commands said.

Lives here: Watched, any stack; Trial, a world's program on the Automation API; Seen, what it would do or did; Place, a world and its trial.
Not here: the programs (world), production's own way of running Pulumi (mlops.tools.pulumi).
Law: a test reads operations and field paths, never Pulumi's prose.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation as auto
from pulumi.automation import events
from pulumi.automation.errors import CommandError

from tests.cluster.api import Api
from tests.cluster.world import World

QUIET = {"same", "refresh", "read"}


@dataclass(frozen=True)
class Seen:
    """`changes`: resource name -> (operation, {field path: kind of difference}), without what stays; `warnings` are the
    API server's."""

    summary: dict[str, int]
    changes: dict[str, tuple[str, dict[str, str]]]
    warnings: list[str]

    @property
    def is_empty(self) -> bool:
        return not self.changes and set(self.summary) <= QUIET


PROJECT = "world"
PROGRAM = """\
import json
from pathlib import Path
from tests.cluster.world import World
World(**json.loads((Path(__file__).parent / "world.json").read_text())).program()
"""


class Watched:
    """`stack`, and what its commands did."""

    stack: auto.Stack

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

    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.export_stack().deployment.get("resources", [])
        return found

    def outputs(self) -> dict[str, Any]:
        return {name: output.value for name, output in self.stack.outputs().items()}


@dataclass
class Trial(Watched):
    """A world's stack, by an inline program; and by the same program in a folder, for plain `pulumi`."""

    world: World
    env: dict[str, str]
    folder: Path
    stack: auto.Stack = field(init=False)

    def __post_init__(self) -> None:
        options = auto.LocalWorkspaceOptions(env_vars=self.env)
        self.stack = auto.create_or_select_stack("test", PROJECT, self.world.program, opts=options)

    def write(self) -> Path:
        """The folder, as the world is now."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        (self.folder / "__main__.py").write_text(PROGRAM)
        (self.folder / "world.json").write_text(json.dumps(asdict(self.world)))
        return self.folder

    def refused(self, verb: str, **options: Any) -> str:
        """What the engine says when it refuses. From the folder: the SDK leaves an inline program's coroutines behind
        when the engine stops it, and their collection complains in whatever test it happens."""
        workspace = auto.LocalWorkspaceOptions(env_vars=self.env)
        stack = auto.select_stack("test", work_dir=str(self.write()), opts=workspace)
        with pytest.raises(CommandError) as refused:
            getattr(stack, verb)(**options)
        return str(refused.value)


def _seen(summary: Any, heard: list[events.EngineEvent]) -> Seen:
    changes: dict[str, tuple[str, dict[str, str]]] = {}
    told_us = [event.diagnostic_event for event in heard if event.diagnostic_event]
    warnings = [one.message.strip() for one in told_us if one.severity == "warning"]
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
    return Seen({_word(key): count for key, count in summary.items()}, changes, warnings)


@dataclass
class Place:
    """A world applied, and both ways to look at it."""

    world: World
    trial: Trial
    admin: Api

    def path(self, kind: str, name: str, group: str = "api/v1") -> str:
        return f"/{group}/namespaces/{self.world.namespace}/{kind}/{name}"

    @property
    def deployment(self) -> str:
        return self.path("deployments", "web", "apis/apps/v1")

    def live(self) -> dict[str, Any]:
        found: dict[str, Any] = self.admin.get(self.deployment)
        return found


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))
