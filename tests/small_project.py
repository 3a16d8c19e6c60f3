"""Projects of a few lines, for tests that need no program beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops.config.load import load
from mlops.config.project import ProjectSpec
from mlops.errors import InvalidConfig, Problem

VALUES = {"conf/project.yaml": "name: values\n", "conf/value/one.yaml": "value: 1\n"}
"""One resource of the kind `value`, which touches nothing outside the state."""


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def share_cache(root: Path, cache: Path) -> None:
    """Let a project use what others in this session have composed and hashed: both are kept by content."""
    (root / ".mlops").mkdir(parents=True, exist_ok=True)
    (root / ".mlops" / "cache").symlink_to(cache)


def load_files(root: Path, files: Mapping[str, str], *overrides: str) -> ProjectSpec:
    return load(write_files(root, files), overrides=overrides)


def problems_of(root: Path, files: Mapping[str, str], *overrides: str) -> tuple[Problem, ...]:
    """What is wrong with a project; none where it is valid."""
    try:
        load_files(root, files, *overrides)
    except InvalidConfig as error:
        return error.problems
    return ()
