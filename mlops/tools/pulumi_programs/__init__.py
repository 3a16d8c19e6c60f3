"""Find the Pulumi programs that are shipped with this package.

Lives here: find_program, and importable, which makes what the programs share importable.
Not here: the programs (stacks/ of the source tree, installed as the subpackage `stacks` of this one), running them (pulumi).
Law: a checkout and a wheel are looked at in the same way: the import system knows where `stacks` lies.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from mlops.errors import MlopsError


def find_program(name: str) -> Path:
    """Return the file `__main__.py` of a program; `pulumi up` runs in its folder, too. Raises MlopsError."""
    spec = find_spec(f"{__name__}.stacks")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for folder in folders if (path := Path(folder) / name / "__main__.py").is_file()]
    if not found:
        raise MlopsError.of(
            "no such program",
            f"The installed package mlops lacks its Pulumi program {name}. Install it again, by pip or uv: what runs here "
            "was put together in another way.",
        )
    return found[0]


def importable(program: Path) -> None:
    """Make the package `stacks`, of which the program is a part, importable by this process."""
    folder = str(program.resolve().parents[2])
    if folder not in sys.path:
        sys.path.insert(0, folder)
