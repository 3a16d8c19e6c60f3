"""Check what the tool needs of this machine and of the project.

Lives here: Requirement, doctor, and install_pulumi, which runs only when the user asks for it.
Not here: repairing.
Law: each check says what was found and, where it is not good, what to do; what no resource of the project needs is not
checked.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.api.needs import STAGED, extras_needed
from mlops.errors import MlopsError
from mlops.scaffold.stage_files import UPGRADE, edited_stage_files, outdated_stage_files
from mlops.tools.git import is_in_git

if TYPE_CHECKING:
    from mlops.config.project import ProjectSpec

_FREE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed. `found`: what is there. `remedy`: what to do where it is not good."""

    name: str
    good: bool
    found: str
    remedy: str = ""


def doctor(root: Path) -> list[Requirement]:
    """Check this machine, and what the project's resources need of it. `root`: the project's folder, or the folder in which
    none was found."""
    machine = [_python(), _writable(root), _disk(root)]
    if not (root / "conf" / "project.yaml").is_file():
        missing = f"There is no conf/project.yaml in {root} or above it. Go into a project, use -C DIR, or make one: mlops init"
        return [*machine, Requirement("project", False, "none", missing)]
    return [*machine, *_git(root), *_project(root)]


def install_pulumi() -> str:
    """Fetch Pulumi where it is missing, and return a sentence about it. Raises ToolFailed."""
    from mlops.tools.pulumi import find_command, install_command

    found = find_command()
    return f"{found} is there already." if found else f"Fetched {install_command()}."


def _project(root: Path) -> list[Requirement]:
    from mlops.config.load import load

    try:
        spec = load(root)
    except MlopsError as error:
        count = len(error.problems)
        found = f"{count} problem{'' if count == 1 else 's'}"
        return [Requirement("project", False, found, "Read them: mlops validate")]
    said = f"{spec.name}, {spec.environment}, {len(spec.resources)} resources in {root}"
    return [Requirement("project", True, said), *_stage_files(spec), *_sources(spec), *_extras(spec), *_programs(spec)]


def _stage_files(spec: ProjectSpec) -> list[Requirement]:
    """Check dvc.yaml and the scripts that it names, where the project has stages."""
    if not any(address.kind in STAGED for address in spec.resources):
        return []
    if outdated := outdated_stage_files(spec.root):
        found = f"missing, or of an earlier version: {', '.join(outdated)}"
        return [Requirement("stage files", False, found, f"Write those of this version: {UPGRADE}")]
    edited = edited_stage_files(spec.root)
    return [Requirement("stage files", True, f"edited by hand: {', '.join(edited)}" if edited else "of this version")]


def _sources(spec: ProjectSpec) -> list[Requirement]:
    """Check that each data source can be found and read."""
    from mlops.context.context import Context

    context = Context(spec.root, spec.settings, resources=spec.resources)
    checks = []
    for address, resource in spec.resources.items():
        for name, source in resource.inputs.get("sources", {}).items() if address.kind == "dataset" else ():
            uri = str(source["uri"])
            try:
                context.sources.of(address.name, name, source)
            except MlopsError as error:
                checks.append(Requirement(f"source {address.name}.{name}", False, uri, error.problems[0].detail))
            else:
                checks.append(Requirement(f"source {address.name}.{name}", True, uri))
    return checks


def _extras(spec: ProjectSpec) -> list[Requirement]:
    """Check that the packages are installed that the project's resources need on this machine."""
    from mlops.context.context import Context
    from mlops.kinds.registry import build_kinds
    from mlops.tools.installed import lacking_of_extra

    kinds = build_kinds(Context(spec.root, spec.settings, resources=spec.resources))
    inputs = {address: resource.inputs for address, resource in spec.resources.items()}
    users = {extra: list(map(str, addresses)) for extra, addresses in extras_needed(kinds, inputs).items()}
    if (spec.settings.state_url or "").startswith("postgres"):
        users["postgres"] = ["state.url"]
    checks = []
    for extra, needed_by in sorted(users.items()):
        more = f" and {len(needed_by) - 1} more" if len(needed_by) > 1 else ""
        lacking = lacking_of_extra(extra)
        found = f"not installed: {', '.join(lacking)}" if lacking else f"installed, for {needed_by[0]}{more}"
        remedy = f'{needed_by[0]}{more} needs it: pip install "mlops[{extra}]"'
        checks.append(Requirement(f"mlops[{extra}]", not lacking, found, remedy))
    return checks


def _programs(spec: ProjectSpec) -> list[Requirement]:
    """Check the programs, beside Python packages, that the project's resources need."""
    from mlops.context.context import Context
    from mlops.kinds.registry import build_kinds

    kinds = build_kinds(Context(spec.root, spec.settings, resources=spec.resources))
    needed = {
        tool
        for address, resource in spec.resources.items()
        for tool in kinds[address.kind].missing_tools(resource.inputs)
    }
    return [Requirement(name, bool(found), found or "not found", remedy) for name, found, remedy in sorted(needed)]


def _python() -> Requirement:
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Requirement(
        "python", good, sys.version.split()[0], "Install mlops into an environment of Python 3.11 or 3.12."
    )


def _writable(root: Path) -> Requirement:
    folder = root / ".mlops" if (root / ".mlops").exists() else root
    good = os.access(folder, os.W_OK)
    return Requirement(
        "writable", good, str(folder), f"State is kept there. Make it yours: chown -R $(id -u) '{folder}'"
    )


def _disk(root: Path) -> Requirement:
    free = shutil.disk_usage(root).free
    return Requirement("disk", free >= _FREE_BYTES, f"{free / 2**30:.1f} GiB free", "Training and packages need 2 GiB.")


def _git(root: Path) -> list[Requirement]:
    """Check the program git, where the project lies in a repository."""
    if not is_in_git(root):
        return []
    found = shutil.which("git")
    return [
        Requirement("git", bool(found), found or "not found", "Install git: the project lies in a repository of it.")
    ]
