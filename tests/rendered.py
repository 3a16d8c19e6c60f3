"""Run a program of stacks/ without an engine and keep what it registers."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import settings
from pulumi.runtime.mocks import MockEngine, MockMonitor
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from mlops.tools.pulumi import run_program
from mlops.tools.pulumi_programs import find_program, importable

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Masked:
    """A value that Pulumi keeps encrypted."""

    value: Any

    @property
    def decoded(self) -> str:
        return base64.b64decode(self.value).decode()


@dataclass
class Rendered:
    """`objects`: logical name -> what the API server gets. `after`: logical name -> those that it waits for."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    exports: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [it for it in self.objects.values() if it.get("kind") == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (it,) = self.of(kind)
        return it


class _Monitor(MockMonitor):
    """Answers what was given. Pulumi's own mocks share their settings among threads."""

    def __init__(self, into: Rendered) -> None:
        super().__init__(mocks=None)
        self._into = into

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.custom:
            inputs = _plain(json_format.MessageToDict(request.object))
            self._into.objects[request.name] = inputs
            self._into.types[request.name] = request.type
            self._into.after[request.name] = {urn.rsplit("::", 1)[-1] for urn in request.dependencies}
            self._into.providers[request.name] = request.provider
        return resource_pb2.RegisterResourceResponse(urn=urn, id=request.name, object=request.object)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self._into.exports.update(_plain(json_format.MessageToDict(request.outputs)))
        return empty_pb2.Empty()


def _plain(value: Any) -> Any:
    match value:
        case dict() if _SIGNATURE in value:
            inner = _plain(value.get("value"))
            return Masked(inner) if value[_SIGNATURE] == _SECRET or value.get("secret") else inner
        case dict():
            return {key: _plain(it) for key, it in value.items()}
        case list():
            return [_plain(it) for it in value]
        case float() if value.is_integer():
            return int(value)
    return value


def render(program: str, inputs: dict[str, Any], secrets: dict[str, str] | None = None) -> Rendered:
    """Raises pulumi.RunError where the program refuses its inputs."""
    return contextvars.copy_context().run(_render, program, inputs, secrets)


def _render(program: str, inputs: dict[str, Any], secrets: dict[str, str] | None) -> Rendered:
    into = Rendered()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        settings.reset_options(project=program, stack="test")
        settings.configure(settings.Settings(program, "test", monitor=_Monitor(into), engine=MockEngine(None)))
        config = {f"{program}:inputs": json.dumps(inputs)}
        if secrets is not None:
            config[f"{program}:secrets"] = json.dumps(secrets)
        pulumi.runtime.set_all_config(config, [f"{program}:secrets"])
        path = find_program(program)
        importable(path)
        loop.run_until_complete(run_in_stack(lambda: run_program(path)))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
    return into
