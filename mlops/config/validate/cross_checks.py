"""See whether resources fit each other.

Lives here: cross_check: what one resource says that another one, which it names, cannot do.
Not here: whether what it names is there (judge), what a target cannot do (schema.targets).
Law: what cannot be carried out is an error with its line before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.config.schema.targets.base import Misfit, Use
from mlops.errors import Problem, Source
from mlops.extensions import TARGET_SCHEMAS

Json = Mapping[str, Any]


def cross_check(settings: Json, resources: Json) -> Iterator[Problem]:
    """`settings` and `resources` have the shape that `judge` gives them."""
    for address, resource in resources.items():
        kind = address.partition(".")[0]
        if kind == "endpoint":
            yield from _problems(resource, _endpoint(address, resource, settings, resources))
        elif kind == "monitor":
            yield from _problems(resource, _monitor(address, resource, settings, resources))
    name = settings["training"]["stack"]
    if f"stack.{name}" in resources:
        stack = resources[f"stack.{name}"]["effective"]
        use = Use("training", "", f"stack.{name}", {}, stack, settings["environment"])
        source = _source_of(settings["origins"].get("training.stack", ""))
        for misfit in _misfits(use):
            yield Problem(misfit.summary, misfit.detail, None, source)


def _endpoint(address: str, endpoint: Json, settings: Json, resources: Json) -> Use:
    said = endpoint["inputs"]
    stack = resources[f"stack.{said['stack']}"]["effective"]
    package = resources[f"package.{said['package']}"]["effective"]
    return Use(
        "endpoint", address, f"stack.{said['stack']}", said, stack, settings["environment"], package,
        has_registry=bool(settings["registry"]),
    )  # fmt: skip


def _monitor(address: str, monitor: Json, settings: Json, resources: Json) -> Use:
    said = monitor["inputs"]
    endpoint = resources[f"endpoint.{said['endpoint']}"]
    name = f"stack.{endpoint['inputs']['stack']}"
    return Use("monitor", address, name, said, resources[name]["effective"], settings["environment"])


def _problems(resource: Json, use: Use) -> Iterator[Problem]:
    for misfit in _misfits(use):
        origin = resource["origins"].get(misfit.field)
        yield Problem(misfit.summary, misfit.detail, use.address, _source_of(origin) if origin else None)


def _misfits(use: Use) -> Iterator[Misfit]:
    misfits: Iterator[Misfit] = TARGET_SCHEMAS.load(str(use.stack["target"])).misfits(use)
    return misfits


def _source_of(origin: str) -> Source:
    file, _, line = origin.rpartition(":")
    return Source(file, int(line)) if line.isdigit() else Source(origin)
