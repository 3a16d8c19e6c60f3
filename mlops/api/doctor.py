"""Check what the tool needs of this machine and of the project.

Lives here: Requirement, doctor, and install_pulumi, which runs only when the user asks for it.
Not here: repairing.
Law: each check says what was found and, where it is not good, what to do.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import MlopsError

_PROGRAMS = ("dvc", "supervisord", "envoy", "bentoml")
_PACKAGES = ("torch", "lightning", "onnxruntime", "duckdb", "whylogs", "uvicorn")
_ROOM = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed. `found`: what is there. `remedy`: what to do where it is not good."""

    name: str
    good: bool
    found: str
    remedy: str = ""


def doctor(root: Path) -> list[Requirement]:
    """Check everything. `root`: the project's folder, or the folder in which none was found."""
    return [
        _python(),
        _project(root),
        _writable(root),
        _room(root),
        _git(),
        *(_program(name) for name in _PROGRAMS),
        *(_package(name) for name in _PACKAGES),
        *_resource_tools(root),
    ]


def _resource_tools(root: Path) -> list[Requirement]:
    """Check the programs that the project's resources need; none for a project that cannot be read."""
    from mlops.config.load import load
    from mlops.context.context import Context
    from mlops.kinds.registry import build_kinds

    try:
        spec = load(root)
    except MlopsError:
        return []
    context = Context(root, spec.settings, resources=spec.resources)
    kinds = build_kinds(context)
    needed = {
        tool
        for address, resource in spec.resources.items()
        for tool in kinds[address.kind].missing_tools(resource.inputs)
    }
    return [
        Requirement(program, bool(found), found or "not found", remedy) for program, found, remedy in sorted(needed)
    ]


def install_pulumi() -> str:
    """Fetch Pulumi where it is missing, and return a sentence about it. Raises ToolFailed."""
    from mlops.tools.pulumi import find_command, install_command

    found = find_command()
    return f"{found} is there already." if found else f"Fetched {install_command()}."


def _python() -> Requirement:
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Requirement("python", good, sys.version.split()[0], "Use Python 3.11 or 3.12: make env PYTHON=python3.11")


def _project(root: Path) -> Requirement:
    good = (root / "conf" / "project.yaml").is_file()
    return Requirement(
        "project", good, str(root), "No conf/project.yaml here or above. Go into a project, or use -C DIR."
    )


def _writable(root: Path) -> Requirement:
    folder = root / ".mlops" if (root / ".mlops").exists() else root
    good = os.access(folder, os.W_OK)
    return Requirement("writable", good, str(folder), f"State is kept there. Make it yours: chown -R $(id -u) {folder}")


def _room(root: Path) -> Requirement:
    free = shutil.disk_usage(root).free
    return Requirement("disk", free >= _ROOM, f"{free / 2**30:.1f} GiB free", "Training and packages need 2 GiB.")


def _git() -> Requirement:
    found = shutil.which("git")
    return Requirement("git", bool(found), found or "not found", "Install git; plans and state note the commit.")


def _program(name: str) -> Requirement:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return Requirement(name, bool(found), found or "not found", "Install what requirements.lock pins: make env")


def _package(name: str) -> Requirement:
    try:
        return Requirement(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Requirement(name, False, "not installed", "Install what requirements.lock pins: make env")
