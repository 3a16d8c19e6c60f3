"""Know which registered code the stages of a data set or a model run.

Lives here: preparing_modules and encoding_modules, the modules that the stages find by the names in a data set's inputs;
learning_module and measuring_modules, those that they find by the names in a model's.
Not here: what else a stage runs (code), what is registered (extensions).
Law: an entry counts where its name is said, whoever brings it; no work is imported to find out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.config.schema.gate import parse_gate
from mlops.extensions import CHECKS, FAMILIES, METRICS, SOURCES, SPLITS, TRANSFORMS
from mlops.metrics.table import metric_named
from mlops.sources.source import scheme_of


def preparing_modules(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules of the sources, checks and split that a data set names. Raises MlopsError."""
    for source in inputs["sources"].values():
        yield SOURCES.module(scheme_of(source["uri"]))
    words = {word for item in inputs.get("expect", ()) for word in item} - {"column"}
    yield from (CHECKS.module(word) for word in sorted(words) if word in CHECKS)
    yield SPLITS.module(inputs["split"]["by"])


def encoding_modules(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules of the feature transforms that a data set names. Raises MlopsError."""
    yield from (TRANSFORMS.module(name) for name in sorted(inputs["features"]) if name in TRANSFORMS)


def learning_module(inputs: Mapping[str, Any]) -> str:
    """Name the module of a model's family. Raises MlopsError."""
    return FAMILIES.module(inputs["architecture"]["name"])


def measuring_modules(inputs: Mapping[str, Any]) -> list[str]:
    """Name the modules of the metrics, and those that compute them: of all built-in metrics, and of those of other packages
    that a gate asks for, so that a model is measured again when a gate asks for something new. Raises MlopsError."""
    asked = {parse_gate(gate).metric.partition("_")[2] for gate in inputs.get("gates", ())}
    names = {*METRICS.own_names(), *(name for name in asked if name in METRICS)}
    computing = {metric_named(name).compute.partition(":")[0] for name in names} - {""}
    return sorted(computing | {METRICS.module(name) for name in names})
