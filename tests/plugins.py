"""Packages that bring entries of our tables, made in a folder as an installer would leave them."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlops import extensions
from mlops.config.schema import json_schema as schema

ROOT = Path(__file__).parents[1]

SLOW = '''\
"""A kind whose creation waits until the project has a file `go`, or the name of the resource begins with "quick"."""
import time
from mlops.plugin.fields import Resource
from mlops.plugin.kind import BaseKind, Outcome


class Slow(Resource):
    """Takes its time."""

    size: int = 1


class SlowKind(BaseKind):
    name = "slow"

    def create(self, step):
        (self.context.root / f"started-{step.address.name}").touch()
        while not (self.context.root / "go").exists():
            time.sleep(0.02)
        return Outcome({"digest": str(step.desired.inputs.get("size", 1))})

    def delete(self, step):
        pass
'''


def install(folder: Path, kind: str, module: str, text: str, *, model: str = "", work: str = "") -> Path:
    """Make a package of one module that brings a kind. `folder` is then what PYTHONPATH must name."""
    entry_points = {
        "mlops.kinds": {kind: f"{module}:{work or f'{kind.title()}Kind'}"},
        "mlops.kinds.schema": {kind: f"{module}:{model or kind.title()}"},
    }
    return install_package(folder, module, {f"{module}.py": text}, entry_points)


def install_package(
    folder: Path, name: str, files: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]
) -> Path:
    """Make a package. `files`: path -> text. `entry_points`: group -> name -> value. `folder` is what PYTHONPATH must name."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = {
        f"[{group}]": [f"{key} = {value}" for key, value in names.items()] for group, names in entry_points.items()
    }
    (info / "entry_points.txt").write_text("".join("\n".join([head, *lines, ""]) for head, lines in groups.items()))
    return folder


def documented(folder: Path, section: str) -> tuple[Path, str]:
    """Install what a section of docs/extending.md shows: its Python files and its entry points; give its package's name."""
    text = (ROOT / "docs" / "extending.md").read_text()
    found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/extending.md has no section {section!r}"
    files = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", found[1], re.DOTALL))
    declared = re.search(r"```toml\n(.*?)```", found[1], re.DOTALL)
    assert files
    assert declared
    name = next(iter(files)).split("/")[0].removesuffix(".py")
    return install_package(folder, name, files, tomllib.loads(declared[1])["project"]["entry-points"]), name


def example() -> str:
    """The module of docs/extending.md."""
    found = re.search(r"```python\n(# acme_file.py\n.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@contextmanager
def installed(folder: Path, *modules: str) -> Iterator[None]:
    """Make the packages in a folder importable in this process, and known to the tables."""
    sys.path.insert(0, str(folder))
    _forget(modules)
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _forget(modules)


def _forget(modules: Collection[str]) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in modules]:
        del sys.modules[name]
    extensions.forget_installed()
    schema.schema_of.cache_clear()
    schema.category_of.cache_clear()
