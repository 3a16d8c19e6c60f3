"""See whether resources fit each other.

Lives here: cross_check: what one resource says that another one, which it names, cannot do.
Not here: whether what it names is there (judge).
Law: what a target cannot do is an error with its line before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.errors import Problem, Source

Tree = Mapping[str, Any]
_ELSEWHERE = {
    "local": {"autoscale": "starts as many replicas as `replicas` says, and no more", "resources": "shares the machine among all"},
    "kubernetes": {"rate_limit": "reaches endpoints through the Gateway API, which has no standard for limits: set one at "
                                 "the Gateway itself"},
}  # fmt: skip


def cross_check(settings: Tree, resources: Tree) -> Iterator[Problem]:
    """`settings` and `resources` as `judge` makes them."""
    for address, told in resources.items():
        kind = address.partition(".")[0]
        if kind == "endpoint":
            yield from _endpoint(address, told, resources, settings)
        elif kind == "monitor":
            yield from _monitor(address, told, resources)
    yield from _training(settings, resources)


def _endpoint(address: str, told: Tree, resources: Tree, settings: Tree) -> Iterator[Problem]:
    inputs = told["inputs"]
    name = f"stack.{inputs['stack']}"
    stack = resources[name]["inputs"]
    target = stack["target"]
    for field, why in _ELSEWHERE[target].items():
        if field in inputs:
            detail = f"`{field}` cannot be had on {name}: the target {target} {why}. Take `{field}` out."
            yield Problem("not on this target", detail, address, _source(told, field))
    if target != "kubernetes":
        return
    if not stack.get("gateway"):
        detail = f"{address} is to be reached on {name}, and {name} names no `gateway`. Name one in its file."
        yield Problem("no gateway", detail, address, _source(told, "stack"))
    package = resources[f"package.{inputs['package']}"]
    if not package["inputs"].get("image"):
        detail = (
            f"{name} runs images, and package.{inputs['package']} makes none. Say `image: {{…}}` in "
            f"conf/package/{inputs['package']}.yaml."
        )
        yield Problem("no image", detail, address, _source(told, "package"))
    elif not settings["registry"]:
        detail = (
            f"{name} pulls images from a registry, and environment {settings['environment']} names none: they would stay on "
            f"the machine that built them. Say `registry: {{url: …}}` in conf/env/{settings['environment']}.yaml."
        )
        yield Problem("no registry", detail, address, _source(told, "stack"))


def _monitor(address: str, told: Tree, resources: Tree) -> Iterator[Problem]:
    endpoint = resources[f"endpoint.{told['inputs']['endpoint']}"]["inputs"]
    name = f"stack.{endpoint['stack']}"
    stack = resources[name]["inputs"]
    if stack["target"] == "local" and "schedule" in told["inputs"]:
        detail = f"`schedule` cannot be had on {name}: on the target local a watcher looks all the time. Take it out."
        yield Problem("not on this target", detail, address, _source(told, "schedule"))
    if stack["target"] == "kubernetes":
        for field in ("images.watching", "storage"):
            if not _at(stack, field):
                detail = (
                    f"{address} watches on {name}, and {name} says no `{field}`: a watcher runs an image, and reads the "
                    "prediction log from shared storage. Say it in its file."
                )
                yield Problem("stack has no room for watchers", detail, address, _source(told, "endpoint"))


def _training(settings: Tree, resources: Tree) -> Iterator[Problem]:
    name = settings["training"].get("stack")
    stack = resources.get(f"stack.{name}")
    if stack is None:
        return
    where = Source(*_place(settings["origins"].get("training.stack", "")))
    if stack["inputs"]["target"] == "local":
        detail = (
            f"`training.stack: {name}` is this machine, where stages run anyway. Name a stack on Kubernetes, or none."
        )
        yield Problem("not on this target", detail, None, where)
    elif not _at(stack["inputs"], "images.training"):
        detail = (
            f"Stages are to run on stack.{name}, which says no `images.training`. Say it in conf/stack/{name}.yaml."
        )
        yield Problem("no image", detail, None, where)


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _source(told: Tree, field: str) -> Source | None:
    said = told["origins"].get(field)
    return Source(*_place(said)) if said else None


def _place(said: str) -> tuple[str, int | None]:
    file, _, line = said.rpartition(":")
    return (file, int(line)) if line.isdigit() else (said, None)
