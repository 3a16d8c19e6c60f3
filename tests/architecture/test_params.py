"""What DVC reads of this project is what its configuration renders."""

from __future__ import annotations

from pathlib import Path

from mlops.config.load import load
from mlops.context.context import Context
from mlops.kinds.staged.params import rendered
from mlops.tools.digest import Hashes

ROOT = Path(__file__).parents[2]


def test_params_are_what_a_machine_without_any_memory_renders(tmp_path: Path) -> None:
    project = load(ROOT)
    context = Context(ROOT, project.settings, resources=project.resources)
    context.__dict__["hashes"] = Hashes(tmp_path / "hashes.json")
    for path, text in rendered(project, context).items():
        assert (ROOT / path).read_text() == text, f"{path}: run `mlops render`, and look at the difference"
