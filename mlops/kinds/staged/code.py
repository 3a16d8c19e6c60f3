"""Know which code a stage runs.

Lives here: stage_code, file -> digest of all that a stage's work imports, and moved_files, which names what changed.
Not here: finding imports (tools.imports), what a stage does (workloads).
Law: what may change an output counts, found by its imports; what is exempt stands in EXEMPT, each with its reason.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import mlops
from mlops.errors import MlopsError
from mlops.tools.digest import Hashes
from mlops.tools.imports import closure, code_digest

ENTRIES: Mapping[str, str] = {
    "prepare": "mlops.workloads.data.prepare",
    "tune": "mlops.workloads.tuning.tune",
    "train": "mlops.workloads.training.train",
    "evaluate": "mlops.workloads.training.evaluate",
    "export": "mlops.workloads.training.export",
}
"""Stage -> the module that its script in pipelines/ calls."""
EXEMPT: Mapping[str, str] = {
    "mlops.address": "names resources, and computes nothing",
    "mlops.config": "judges parameters that are pinned as they are; a default never changes",
    "mlops.contracts": "gives values their types, and computes nothing",
    "mlops.errors": "words messages",
    "mlops.extensions": "finds registered code, which is counted itself",
    "mlops.secret_values": "reads secrets, and computes nothing",
    "mlops.sources": "pins what is read, by its content",
    "mlops.workloads.stage": "reports progress and problems",
    "mlops.workloads.parent_death": "ends processes",
}
_LENGTH = 12
_PACKAGE = Path(mlops.__file__).parent


def stage_code(stage: str, hashes: Hashes, *, registered: Iterable[str] = ()) -> dict[str, str]:
    """Return file -> beginning of the digest of its code. `registered`: modules that the stage finds by name, such as a model's family;
    those of other packages count with what they import of their own package."""
    return work_code([ENTRIES[stage], *registered], hashes)


def work_code(modules: Sequence[str], hashes: Hashes) -> dict[str, str]:
    """Return file -> beginning of the digest of the code that these modules of workloads run."""
    packages = {top: _folder(top) for top in sorted({module.partition(".")[0] for module in modules} - {"mlops"})}

    def found() -> dict[str, str]:
        return _digests(closure(modules, {"mlops": _PACKAGE, **packages}, hashes, skip=_is_exempt), hashes)

    return found() if packages else dict(hashes.once(("code", *modules), found))


def project_code(target: str, root: Path, hashes: Hashes) -> dict[str, str]:
    """Return the code of the module that a `_target_` names, and of all that it imports inside the project or its own package.
    Raises MlopsError where there is no such module."""
    module = target.rpartition(".")[0]
    top = module.partition(".")[0]
    inside = {path.parent.name: path.parent for path in root.glob("*/*.py")}
    inside |= {path.stem: path for path in root.glob("*.py")}
    inside |= {path.parent.name: path.parent for path in root.glob("*/__init__.py")}
    packages = {**({} if top in inside or top == "mlops" else _installed(top)), **inside, "mlops": _PACKAGE}
    found = closure([module], packages, hashes, skip=_is_exempt)
    if module not in found:
        raise MlopsError.of(
            "target not found",
            f"`_target_: {target}`: the module {module} is neither in the project nor installed.",
        )
    return _digests(found, hashes)


def moved_files(pinned: object, now: Mapping[str, str]) -> str:
    """Name the files that differ, at most three; empty where none does. `pinned`: what dvc.lock holds, of any version."""
    if not isinstance(pinned, Mapping):
        return "which files it has was not recorded yet"
    names = sorted(name for name in {*pinned, *now} if pinned.get(name) != now.get(name))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _digests(found: Mapping[str, Path], hashes: Hashes) -> dict[str, str]:
    return {
        _shown(name, file): digest[:_LENGTH]
        for name, file in sorted(found.items())
        for digest in hashes.remembered(file, "code", code_digest)
    }


def _is_exempt(name: str) -> bool:
    return any(name == exempt or name.startswith(f"{exempt}.") for exempt in EXEMPT)


def _shown(name: str, file: Path) -> str:
    path = name.replace(".", "/")
    return f"{path}/__init__.py" if file.name == "__init__.py" else f"{path}.py"


def _folder(top: str) -> Path:
    found = _installed(top)
    if top not in found:
        raise MlopsError.of(
            "package is not installed", f"The package {top} registers code, and cannot be found. Install it."
        )
    return found[top]


def _installed(top: str) -> dict[str, Path]:
    """Found without importing it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return {}
    if spec is None:
        return {}
    if spec.origin:
        file = Path(spec.origin)
        return {top: file.parent if file.name == "__init__.py" else file}
    folder = next(iter(spec.submodule_search_locations or ()), None)
    return {top: Path(folder)} if folder else {}
