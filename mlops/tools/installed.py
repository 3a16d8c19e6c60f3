"""Look up which packages are installed.

Lives here: lacking_of_extra, what an extra of this package needs and the environment lacks.
Not here: who needs which extra (kinds, targets), installing.
Law: this package's own metadata say what an extra consists of; nothing is imported to look it up.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

_OWN = "mlops"


def packages_of_extra(extra: str) -> list[Requirement]:
    """Return what the extra needs, with what the extras that it names need in turn."""
    found: dict[str, Requirement] = {}
    todo, seen = [extra], set()
    while todo:
        name = todo.pop()
        seen.add(name)
        for need in map(Requirement, requires(_OWN) or ()):
            if need.marker is None or not need.marker.evaluate({"extra": name}):
                continue
            if need.name == _OWN:
                todo += sorted(need.extras - seen)
            else:
                found[need.name] = need
    return [found[name] for name in sorted(found)]


def lacking_of_extra(extra: str) -> list[str]:
    """Return a phrase for each package of the extra that is not installed, or is not in a version that fits."""
    lacking = []
    for need in packages_of_extra(extra):
        try:
            there = version(need.name)
        except PackageNotFoundError:
            lacking.append(need.name)
            continue
        if not need.specifier.contains(there, prereleases=True):
            lacking.append(f"{need.name}{need.specifier} (there is {there})")
    return lacking
