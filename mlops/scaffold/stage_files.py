"""Write the files that are the same in every project, and bring them up to date.

Lives here: write_stage_files and upgrade_stage_files; which of them are missing, outdated or edited.
Not here: conf/ and the README of a project; what the stages do (workloads).
Law: a file is replaced only where it is, byte for byte, one that an earlier version wrote; whatever else stands in its
place is the user's, and is left as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlops.errors import MlopsError
from mlops.tools.git import is_in_git

_TEMPLATES = Path(__file__).with_name("templates")
_VERSIONS = _TEMPLATES / "versions.json"
_CONFIG = ".dvc/config"
UPGRADE = "mlops init --upgrade"
"""The command that writes what is missing, and replaces what an earlier version wrote."""


@dataclass(frozen=True)
class StageFile:
    """A file of every project. `template`: its text, below templates/. `needed`: no stage runs without it."""

    path: str
    template: str
    needed: bool = True


STAGES = ("prepare", "tune", "train", "evaluate", "export")
STAGE_FILES: Sequence[StageFile] = (
    StageFile("dvc.yaml", "dvc.yaml.template"),
    *(StageFile(f"pipelines/{stage}.py", f"pipelines/{stage}.py.template") for stage in STAGES),
    StageFile(_CONFIG, "dvc/config.template"),
    StageFile(".dvc/.gitignore", "dvc/gitignore.template", needed=False),
    StageFile(".github/workflows/mlops.yaml", "workflow.yaml.template", needed=False),
)
IGNORE_FILES: Sequence[StageFile] = (
    StageFile(".gitignore", "gitignore.template", needed=False),
    StageFile(".dvcignore", "dvcignore.template", needed=False),
)
"""Files to which the user adds lines: only lines that they lack are written, at their end."""
_CONFIG_WITHOUT_GIT = "dvc/config-without-git.template"


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did. `written`: files that it made or brought up to date. `kept`: files that differ from every
    version of them, because somebody edited them, and were left as they are."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def write_stage_files(root: Path) -> list[Path]:
    """Write those that are missing, and return the files that were made or got lines. Idempotent. Raises MlopsError
    where the folder cannot be written."""
    missing = [file for file in STAGE_FILES if not (root / file.path).exists()]
    return [*_write(root, missing), *_complete_lists(root)]


def upgrade_stage_files(root: Path) -> Upgrade:
    """Write those that are missing and needed, and replace those that an earlier version wrote. Idempotent. Raises
    MlopsError where the folder cannot be written."""
    replaced = [
        file
        for file in STAGE_FILES
        if (file.needed and _is_missing(root, file)) or _is_earlier(root, file) or _is_other(root, file)
    ]
    written = [*_write(root, replaced), *_complete_lists(root)]
    return Upgrade(tuple(written), tuple(root / path for path in edited_stage_files(root)))


def missing_stage_files(root: Path) -> list[str]:
    """Return the paths of those that are not there, and without which no stage runs: dvc.yaml and the scripts that it
    names."""
    return [file.path for file in STAGE_FILES if file.needed and file.path != _CONFIG and _is_missing(root, file)]


def outdated_stage_files(root: Path) -> list[str]:
    """Return the paths of those that an upgrade would make or replace, without those that nothing needs and nobody
    has."""
    return [file.path for file in STAGE_FILES if (file.needed and _is_missing(root, file)) or _is_earlier(root, file)]


def edited_stage_files(root: Path) -> list[str]:
    """Return the paths of those that are no version of the file: somebody edited them. Settings of DVC are made to be
    edited, and are not among them."""
    return [
        file.path
        for file in STAGE_FILES
        if file.path != _CONFIG and (digest := _digest(root / file.path)) and digest not in _versions()[file.path]
    ]


def stage_file_text(root: Path, file: StageFile) -> str:
    """Return the text that belongs into the project: DVC's settings say whether the project is in a git repository."""
    without_git = file.path == _CONFIG and not is_in_git(root)
    return (_TEMPLATES / (_CONFIG_WITHOUT_GIT if without_git else file.template)).read_text(encoding="utf-8")


def _is_missing(root: Path, file: StageFile) -> bool:
    return not (root / file.path).exists()


def _is_earlier(root: Path, file: StageFile) -> bool:
    """Say whether it is one that an earlier version wrote."""
    versions = _versions()[file.path]
    current = {_digest(_TEMPLATES / file.template)} | (
        {_digest(_TEMPLATES / _CONFIG_WITHOUT_GIT)} if file.path == _CONFIG else set()
    )
    digest = _digest(root / file.path)
    return digest in versions and digest not in current


def _is_other(root: Path, file: StageFile) -> bool:
    """Say whether it is as written for a project with git, and this one has none, or the other way round."""
    return _digest(root / file.path) in _versions()[file.path] and (
        (root / file.path).read_text(encoding="utf-8") != stage_file_text(root, file)
    )


def _write(root: Path, files: Sequence[StageFile]) -> list[Path]:
    for file in files:
        _put(root / file.path, stage_file_text(root, file))
    return [root / file.path for file in files]


def _complete_lists(root: Path) -> list[Path]:
    """Add the lines that a file lacks, and return the files that got some."""
    written = []
    for file in IGNORE_FILES:
        path = root / file.path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        wanted = stage_file_text(root, file)
        lacking = [line for line in wanted.splitlines() if line not in text.splitlines()]
        if lacking:
            between = "\n" if text and not text.endswith("\n") else ""
            _put(path, wanted if not text else f"{text}{between}{chr(10).join(lacking)}\n")
            written.append(path)
    return written


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MlopsError.of(
            "file cannot be written", f"{path}: {error.strerror}. Make the folder yours, or choose another one."
        ) from error


@cache
def _versions() -> Mapping[str, Sequence[str]]:
    """Path -> the digests of all texts that any version wrote there, the newest last."""
    versions: dict[str, list[str]] = json.loads(_VERSIONS.read_text(encoding="utf-8"))
    return versions


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; empty where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
