"""Know which registered code a data set runs.

Lives here: preparing_modules and encoding_modules, the modules that the stages find by the names in a data set's inputs.
Not here: what else a stage runs (code), what is registered (extensions).
Law: an entry counts where its name is said, whoever brings it; nothing is imported to find out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.extensions import CHECKS, SOURCES, SPLITS, TRANSFORMS
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
