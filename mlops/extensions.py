"""Find what is registered under a name.

Lives here: Table, the entries of one group of entry points, and the tables of everything that varies.
Not here: what an entry must be able to do (the protocol of its room).
Law: built-ins are registered exactly as a package of somebody else registers its own; nothing is imported before it is
used, and other packages are looked through only for a name that this one does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any

from mlops.errors import MlopsError, near

_OWN = "mlops"


@dataclass(frozen=True)
class Table:
    """`group`: of entry points. `noun`: what an entry is called in a message, such as "data source"."""

    group: str
    noun: str

    def __contains__(self, name: str) -> bool:
        return name in _own(self.group) or name in self._all()

    def names(self) -> tuple[str, ...]:
        """All that are installed, sorted. Raises MlopsError where two packages register one name."""
        return tuple(sorted(self._all()))

    def own_names(self) -> tuple[str, ...]:
        """The built-ins, sorted; no other package is looked at."""
        return tuple(sorted(_own(self.group)))

    def module(self, name: str) -> str:
        """Name the module that holds what is registered, without importing it. Raises MlopsError where nothing is."""
        return self._entry(name).module

    def load(self, name: str) -> Any:
        """What is registered. Raises MlopsError where nothing is, or where it cannot be imported."""
        entry = self._entry(name)
        try:
            return entry.load()
        except Exception as error:
            raise MlopsError.of(
                "plug-in does not fit",
                f"{_package(entry)} brings the {self.noun} {name}: `{entry.value}` cannot be imported: "
                f"{type(error).__name__}: {error}. Correct or uninstall that package.",
            ) from error

    def _entry(self, name: str) -> EntryPoint:
        entry = _own(self.group).get(name) or self._all().get(name)
        if entry is None:
            raise self.unknown(name)
        return entry

    def unknown(self, name: str) -> MlopsError:
        known = self.names()
        return MlopsError.of(
            f"no such {self.noun}",
            f"`{name}` is not a {self.noun} that is installed. There are: {', '.join(known) or 'none'}.",
            hint=near(name, known),
        )

    def package(self, name: str) -> str:
        """Name and version of the package that brings it; empty for a built-in and for a name that nobody brings."""
        entry = None if name in _own(self.group) else self._all().get(name)
        return _package(entry) if entry else ""

    def _all(self) -> Mapping[str, EntryPoint]:
        return _installed(self.group, self.noun)


KINDS = Table("mlops.kinds", "kind")
KIND_SCHEMAS = Table("mlops.kinds.schema", "kind")
TARGETS = Table("mlops.targets", "target")
TARGET_SCHEMAS = Table("mlops.targets.schema", "target")
SOURCES = Table("mlops.sources", "data source")
SOURCE_SCHEMAS = Table("mlops.sources.schema", "data source")
SOURCE_FINGERPRINTS = Table("mlops.sources.fingerprint", "data source")
TRANSFORMS = Table("mlops.transforms", "feature transform")
TRANSFORM_SCHEMAS = Table("mlops.transforms.schema", "feature transform")
CHECKS = Table("mlops.checks", "check")
CHECK_SCHEMAS = Table("mlops.checks.schema", "check")
SPLITS = Table("mlops.splits", "split")
SPLIT_SCHEMAS = Table("mlops.splits.schema", "split")
FAMILIES = Table("mlops.families", "model family")
FAMILY_SCHEMAS = Table("mlops.families.schema", "model family")
METRICS = Table("mlops.metrics", "metric")
JUDGES = Table("mlops.rollout.judges", "judge of a rollout")
TABLES = (
    KINDS, KIND_SCHEMAS, TARGETS, TARGET_SCHEMAS, SOURCES, SOURCE_SCHEMAS, SOURCE_FINGERPRINTS, TRANSFORMS,
    TRANSFORM_SCHEMAS, CHECKS, CHECK_SCHEMAS, SPLITS, SPLIT_SCHEMAS, FAMILIES, FAMILY_SCHEMAS, METRICS, JUDGES,
)  # fmt: skip


def forget_installed() -> None:
    """Look again: packages were installed, or taken away, in this process."""
    _own.cache_clear()
    _installed.cache_clear()
    packages.cache_clear()


@cache
def _own(group: str) -> Mapping[str, EntryPoint]:
    """What this package registers; reading one package's list costs a tenth of reading all."""
    try:
        entries = distribution(_OWN).entry_points.select(group=group)
    except PackageNotFoundError:
        return {}
    return {entry.name: entry for entry in entries}


@cache
def _installed(group: str, noun: str) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise MlopsError.of(
                "plug-in does not fit",
                f"{_package(other)} and {_package(entry)} both bring a {noun} called {entry.name}. Uninstall one of them.",
            )
    return found


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


@cache
def packages() -> Mapping[str, str]:
    """Name -> version of every other package that registers something here."""
    entries = [entry for table in TABLES for entry in entry_points(group=table.group)]
    return {entry.dist.name: entry.dist.version for entry in entries if entry.dist and entry.dist.name != _OWN}


def are_installed(versions: Mapping[str, str]) -> bool:
    """Say whether each of these packages is there in this version."""
    try:
        return all(distribution(name).version == version for name, version in versions.items())
    except PackageNotFoundError:
        return False
