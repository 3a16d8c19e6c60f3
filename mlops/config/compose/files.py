"""Find what conf/ holds.

Lives here: Files, the bytes of every YAML file below conf/, and which resource, environment or experiment each is.
Not here: what the bytes mean (yaml_source), putting them together (compose).
Law: reads each file once and imports no parser, so that a cached composition costs no more than this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from mlops.errors import FileLocation, InvalidConfig, Problem
from mlops.extensions import KINDS

CONF = "conf"
PROJECT = f"{CONF}/project.yaml"
ENV = "env"
EXPERIMENT = "experiment"
_SCHEMA = f"{CONF}/schema"
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LIMIT = 4 * 2**20


@dataclass(frozen=True)
class Files:
    """What conf/ holds. `texts`: path from the project's root, with forward slashes -> content, sorted. `unread`: the
    problems of files that cannot be read or lie in a wrong place. `kinds`: the kinds that have a folder in conf/."""

    root: Path
    texts: Mapping[str, bytes]
    unread: tuple[Problem, ...] = field(default=())
    kinds: tuple[str, ...] = ()

    def names(self, folder: str) -> dict[str, str]:
        """Return name -> path of each YAML file directly in conf/FOLDER/."""
        prefix = f"{CONF}/{folder}/"
        inside = (path for path in self.texts if path.startswith(prefix) and "/" not in path[len(prefix) :])
        return {path[len(prefix) : -len(".yaml")]: path for path in inside}


def read_files(root: Path) -> Files:
    """Read every YAML file below conf/. Raises InvalidConfig where there is no conf/ at all."""
    if not (root / CONF).is_dir():
        raise InvalidConfig.of(
            "no project here",
            f"{root} has no folder {CONF}/. Go to the folder of a project, or name it: mlops -C PATH …",
        )
    texts: dict[str, bytes] = {}
    problems: list[Problem] = []
    paths = sorted(_walk(root))
    kinds = _kinds(paths)
    for path in paths:
        try:
            with open(root / path, "rb") as file:
                content = file.read(_LIMIT + 1)
        except OSError as error:
            problems.append(
                Problem("unreadable file", f"It cannot be read: {error.strerror or error}.", source=FileLocation(path))
            )
            continue
        problem = _misplaced(path, len(content), kinds)
        if problem:
            problems.append(problem)
        elif path.endswith(".yaml"):
            texts[path] = content
    return Files(root, texts, tuple(problems), kinds)


def _walk(root: Path) -> list[str]:
    """Return the paths of all YAML files below conf/, from the root, without hidden ones and the schemas."""
    found: list[str] = []
    folders = [CONF]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if entry.name.startswith(".") or path == _SCHEMA:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.name.endswith((".yaml", ".yml")):
                found.append(path)
    return found


def _kinds(paths: list[str]) -> tuple[str, ...]:
    folders = {path.split("/")[1] for path in paths if path.count("/") > 1} - {ENV, EXPERIMENT}
    return tuple(sorted(folder for folder in folders if folder in KINDS))


def _misplaced(path: str, size: int, kinds: tuple[str, ...]) -> Problem | None:
    if size > _LIMIT:
        return Problem(
            "file too large", f"It has more than {_LIMIT // 2**20} MiB; nobody wrote that.", source=FileLocation(path)
        )
    if path.endswith(".yml"):
        return Problem(
            "file with the wrong ending",
            f"Files end in .yaml here. Rename it to {path[:-4]}.yaml.",
            source=FileLocation(path),
        )
    folder, _, name = path[len(CONF) + 1 : -len(".yaml")].rpartition("/")
    if not folder and name != "project":
        return Problem(
            "file in the wrong place",
            f"Only project.yaml lies in {CONF}/ itself. A resource is {CONF}/KIND/NAME.yaml; kinds are {', '.join(KINDS.names())}.",
            source=FileLocation(path),
        )
    if folder in (*kinds, ENV, EXPERIMENT) and not _NAME.fullmatch(name):
        return Problem(
            "invalid name",
            f"`{name}` names the {folder}, and a name has lower-case letters, digits and hyphens, begins with a letter "
            "and has at most 63 characters. Rename the file.",
            source=FileLocation(path),
        )
    top = folder.split("/")[0]
    if top in (*kinds, ENV, EXPERIMENT):
        return None
    near = get_close_matches(top, (*KINDS.names(), ENV, EXPERIMENT), 1, 0.75)
    if near:
        return Problem(
            "no such kind",
            f"`{folder}` is not a kind, so this file would be no resource. Kinds are {', '.join(KINDS.names())}.",
            source=FileLocation(path),
            hint=f"Did you mean {CONF}/{near[0]}/{name}.yaml?",
        )
    return None
