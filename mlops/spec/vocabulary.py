"""Know which kinds there are.

Lives here: Plugin, what a package that brings a kind registers; plugins, those that are installed; noun_of, model_of.
Not here: the built-in kinds' own models (kinds), what a kind does (the control plane's kinds).
Law: no package is imported before a file, or a record, of its kind is there.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mlops.errors import MlopsError
from mlops.spec.project import KINDS, NOUNS

if TYPE_CHECKING:
    from pydantic import BaseModel

GROUP = "mlops.kinds"
"""The group of entry points. The name of an entry point is the name of the kind, and it loads a Plugin."""
_NAME = re.compile(r"[a-z][a-z0-9]*")
_TAKEN = (*KINDS, "env", "experiment", "project", "schema", "hydra")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A kind that a package brings. `model` and `kind` are `MODULE:NAME`, imported when they are needed: the pydantic
    model of its files, and the class that is called with the Ground."""

    noun: str
    model: str
    kind: str
    version: str = ""
    """Of the package; filled in when it is found."""


@cache
def plugins() -> Mapping[str, Plugin]:
    """Every installed one, by the name of its kind. Raises MlopsError for one that cannot be loaded."""
    from importlib.metadata import entry_points

    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        if not _NAME.fullmatch(entry.name) or entry.name in _TAKEN:
            raise _unfit(
                entry.name, package, "a kind's name has lower-case letters and is none of those that are taken"
            )
        if entry.name in found:
            raise _unfit(entry.name, package, f"{found[entry.name].version} brings a kind of that name too")
        told = _load(entry.value, entry.name, package)
        if not isinstance(told, Plugin):
            raise _unfit(entry.name, package, f"`{entry.value}` is no mlops.plugin.Plugin")
        found[entry.name] = Plugin(told.noun, told.model, told.kind, package)
    return found


def noun_of(kind: str) -> str:
    return NOUNS[kind] if kind in NOUNS else plugins()[kind].noun


def model_of(kind: str) -> type[BaseModel]:
    """Imports pydantic."""
    from mlops.spec.kinds import MODELS

    if kind in MODELS:
        return MODELS[kind]
    plugin = plugins()[kind]
    model: type[BaseModel] = _load(plugin.model, kind, plugin.version)
    return model


def kind_of(name: str) -> Any:
    """The class of a kind that a package brings. Raises MlopsError where none does."""
    if name not in plugins():
        raise MlopsError.of(
            "kind is not installed",
            f"The state has resources of kind {name}, and no installed package brings that kind. Install it again; to "
            "forget them instead, say so in `removed:` of conf/project.yaml.",
        )
    plugin = plugins()[name]
    return _load(plugin.kind, name, plugin.version)


def version_of(kinds: tuple[str, ...]) -> str:
    """Changes with the packages that bring these kinds."""
    return " ".join(plugins()[kind].version for kind in kinds if kind not in KINDS)


def _load(path: str, name: str, package: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise _unfit(name, package, f"`{path}` cannot be imported: {type(error).__name__}: {error}") from error


def _unfit(name: str, package: str, why: str) -> MlopsError:
    return MlopsError.of(
        "plug-in does not fit", f"{package} brings the kind {name}: {why}. Correct or uninstall that package."
    )
