"""Find what the model that an endpoint serves learned from.

Lives here: Learned, and learned_of.
Not here: profiling it (baseline), which version a tag names (registry).
Law: a named version is watched by its own data, which dvc.lock need not pin any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.context.context import Context
from mlops.context.metrics_file import read_metrics
from mlops.engine.resource import Step
from mlops.tools.dvc.run import bring_object, checkout


@dataclass(frozen=True)
class Learned:
    """`digest`: of the model's export. `exported`: the folder with contract.json. `data`: the folder with train.parquet.
    `metrics`: what was measured of it."""

    model: Address
    digest: str
    exported: Path
    data: Path
    metrics: Mapping[str, Any]


def learned_of(context: Context, step: Step, dataset: str) -> Learned:
    """Return what is served, brought back where it is not here. `dataset`: the name of the data set that the model declares.
    Raises MlopsError where it is kept nowhere."""
    package = next((outputs for at, outputs in step.upstream.items() if at.kind == "package"), None)
    if package is not None:
        return _of_named_version(context, step, package)
    model = next(at for at in step.upstream if at.kind == "model")
    exported, data = context.root / "models" / model.name / "export", context.root / "data" / dataset
    for path, stage in ((exported, f"export@{model.name}"), (data, f"prepare@{dataset}")):
        if not path.exists():
            checkout(context.root, [stage], context.remote)
    metrics = read_metrics(context.root, model.name) or {}
    return Learned(model, str(step.upstream[model]["digest"]), exported, data, metrics)


def _of_named_version(context: Context, step: Step, package: Mapping[str, Any]) -> Learned:
    digest = str(package["data_digest"])
    data = context.root / "data" / str(package["dataset"])
    if not (data.exists() and context.hashes.tree(data) == digest):
        data = context.paths.monitor(step.address.name) / "data"
        if not (data.exists() and context.hashes.tree(data) == digest):
            bring_object(context.root, digest, data, context.remote)
    model = Address("model", str(package["model"]))
    return Learned(model, str(package["model_digest"]), Path(package["bento"]), data, package.get("metrics", {}))
