"""Import a module without running what its packages import.

Lives here: hollow, which stands an empty package in the place of a real one, so that only the modules asked for load.
Not here: anything of Pulumi or Kubernetes.
Law: a plug-in starts for every preview, so it starts fast: 0.6 s of `pulumi` and 0.5 s of `kubernetes` are never needed.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import ModuleType


def hollow(*names: str) -> None:
    """After it, `import NAME.module` loads that module alone; what the package itself would offer is not there."""
    for name in names:
        if name in sys.modules:
            continue
        parent, _, last = name.rpartition(".")
        above = sys.modules.get(parent)
        spec = PathFinder.find_spec(name, above.__path__ if above else None)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"no package {name}")
        package = ModuleType(name)
        package.__spec__, package.__path__ = spec, list(spec.submodule_search_locations)
        sys.modules[name] = package
        if above:
            setattr(above, last, package)
