"""Packages that bring kinds, made in a folder as an installer would leave them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
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
    """`folder` is then what PYTHONPATH must name."""
    told = folder / f"{module}-1.0.dist-info"
    told.mkdir(parents=True)
    (folder / f"{module}.py").write_text(text)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        f"[mlops.kinds]\n{kind} = {module}:{work or f'{kind.title()}Kind'}\n"
        f"[mlops.kinds.schema]\n{kind} = {module}:{model or kind.title()}\n"
    )
    return folder


def example() -> str:
    """The module of docs/extending.md."""
    found = re.search(r"```python\n(# acme_file.py\n.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@contextmanager
def installed(folder: Path, module: str) -> Iterator[None]:
    """For this process."""
    sys.path.insert(0, str(folder))
    _forget(module)
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _forget(module)


def _forget(module: str) -> None:
    sys.modules.pop(module, None)
    extensions.forget()
    schema._schema.cache_clear()
    schema.category_of.cache_clear()
