"""Check whether resources fit each other.

Lives here: cross_check, which finds what one resource says that another one, which it names, cannot do or does not fit.
Not here: whether what it names is there (references), what a target cannot do (schema.targets).
Law: what cannot be carried out is an error with its line before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.config.schema.package import Api, answer_misfits
from mlops.config.schema.targets.base import Incompatibility, StackUse
from mlops.config.validate.labels import family_problems, label_problems
from mlops.errors import FileLocation, Problem
from mlops.extensions import TARGET_SCHEMAS

_SHARED = ("dataset", "task")
"""What a model, and those that it reads, have in common."""


def cross_check(settings: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for everything that a stack cannot run, for every task that the labels do not fit, and for models that do
    not fit each other. `settings` and `resources`: as `judge` returns them."""
    for address, resource in resources.items():
        kind = address.partition(".")[0]
        if kind == "endpoint":
            yield from _problems(resource, _endpoint(address, resource, settings, resources))
            yield from _other_model(address, resource, resources)
        elif kind == "monitor":
            if resource["inputs"].get("batch"):
                yield from _batch_monitor(address, resource, resources)
            else:
                yield from _problems(resource, _monitor(address, resource, settings, resources))
        elif kind == "model":
            dataset = resources[f"dataset.{resource['inputs']['dataset']}"]
            for check in (family_problems, label_problems):
                for found in check(resource["inputs"], dataset["inputs"]):
                    yield _problem(found, resource, address)
            yield from _members(address, resource, resources)
        elif kind == "package":
            yield from _answers(address, resource, resources)
    name = settings["training"]["stack"]
    if f"stack.{name}" in resources:
        stack = resources[f"stack.{name}"]["effective"]
        use = StackUse("training", "", f"stack.{name}", {}, stack, settings["environment"])
        source = _source_of(settings["origins"].get("training.stack", ""))
        for found in _incompatibilities(use):
            yield Problem(found.summary, found.detail, None, source)


def _endpoint(
    address: str, endpoint: Mapping[str, Any], settings: Mapping[str, Any], resources: Mapping[str, Any]
) -> StackUse:
    inputs = endpoint["inputs"]
    stack = resources[f"stack.{inputs['stack']}"]["effective"]
    package = resources[f"package.{inputs['package']}"]["effective"]
    return StackUse(
        "endpoint", address, f"stack.{inputs['stack']}", inputs, stack, settings["environment"], package,
        has_registry=bool(settings["registry"]),
    )  # fmt: skip


def _other_model(address: str, endpoint: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem where an endpoint says a model and its package another."""
    said, name = endpoint["inputs"].get("model"), endpoint["inputs"]["package"]
    serves = resources[f"package.{name}"]["inputs"]["model"]
    if said is not None and said != serves:
        origin = endpoint["origins"].get("model")
        detail = (
            f"`model: {said}` is for a package that needs no file, and package.{name} says `model: {serves}`. Say it there, or "
            f"take conf/package/{name}.yaml away."
        )
        yield Problem("models do not fit", detail, address, _source_of(origin) if origin else None)


def _answers(address: str, package: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each answer that a package promises and its model does not give."""
    model = resources.get(f"model.{package['inputs']['model']}")  # none: a version that a tag names
    api = package["inputs"].get("api")
    if model is None or not api:
        return
    dataset = resources[f"dataset.{model['inputs']['dataset']}"]["inputs"]
    has_images = "image" in dataset["features"]
    for field, why in answer_misfits(Api.model_validate(api), model["effective"]["task"], has_images=has_images):
        detail = f"{why}. Take it out."
        yield _problem(Incompatibility("answer does not fit the model", detail, f"api.{field}"), package, address)


def _batch_monitor(address: str, monitor: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem where the rows of a batch cannot be watched."""
    name = monitor["inputs"]["batch"]
    batch = resources[f"batch.{name}"]["effective"]
    origin = monitor["origins"].get("batch")
    source = _source_of(origin) if origin else None
    if batch["output"]["url"]:
        detail = f"batch.{name} writes into a table, and a monitor reads the Parquet files of a folder. Say `output: {{path: …}}` there."
        yield Problem("batch cannot be watched", detail, address, source)
    elif batch["time"] is None:
        detail = f"batch.{name} has no `time` and `interval`, so that there are no windows to compare. Say them there."
        yield Problem("batch cannot be watched", detail, address, source)


def _monitor(
    address: str, monitor: Mapping[str, Any], settings: Mapping[str, Any], resources: Mapping[str, Any]
) -> StackUse:
    inputs = monitor["inputs"]
    endpoint = resources[f"endpoint.{inputs['endpoint']}"]
    name = f"stack.{endpoint['inputs']['stack']}"
    return StackUse("monitor", address, name, inputs, resources[name]["effective"], settings["environment"])


def _members(address: str, model: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for every model that this one reads and that learned something else."""
    for path, named in model["references"]:
        if path == "init_from":  # weights may have learned something else
            continue
        other = resources[named]["effective"] if named.startswith("model.") else model["effective"]
        fields = [field for field in _SHARED if other[field] != model["effective"][field]]
        if fields:
            differences = " and ".join(
                f"`{field}: {other[field]}` is not `{model['effective'][field]}`" for field in fields
            )
            detail = f"{address} reads {named}, whose {differences}. Both must learn the same thing from the same data."
            origin = model["origins"].get(path)
            yield Problem("models do not fit", detail, address, _source_of(origin) if origin else None)


def _problems(resource: Mapping[str, Any], use: StackUse) -> Iterator[Problem]:
    for found in _incompatibilities(use):
        yield _problem(found, resource, use.address)


def _problem(found: Incompatibility, resource: Mapping[str, Any], address: str) -> Problem:
    origin = resource["origins"].get(found.field)
    return Problem(found.summary, found.detail, address, _source_of(origin) if origin else None)


def _incompatibilities(use: StackUse) -> Iterator[Incompatibility]:
    incompatibilities: Iterator[Incompatibility] = TARGET_SCHEMAS.load(str(use.stack["target"])).incompatibilities(use)
    return incompatibilities


def _source_of(origin: str) -> FileLocation:
    file, _, line = origin.rpartition(":")
    return FileLocation(file, int(line)) if line.isdigit() else FileLocation(origin)
