"""The Pulumi programs that are shipped with the package are found where the import system says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.tools.pulumi_programs import find_program

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["platform", "training", "serving", "watching", "scoring"])
def test_program_is_found_beside_its_project_file(name: str) -> None:
    program = find_program(name)
    assert program.is_file()
    assert f"name: {name}\n" in (program.parent / "Pulumi.yaml").read_text()


def test_program_that_was_not_installed_is_an_error_with_a_way_out() -> None:
    with pytest.raises(MlopsError, match=r"lacks its Pulumi program network.* Install it again"):
        find_program("network")


@pytest.mark.slow
def test_programs_are_found_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "__init__.py").write_text("raise SystemExit('the stacks of the user')\n")
    code = (
        "import importlib, sys\n"
        "from mlops.tools.pulumi_programs import find_program, importable\n"
        "importable(find_program('serving'))\n"
        "print(importlib.import_module('stacks.objects.inputs').__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == find_program("serving").parents[1] / "objects" / "inputs.py"
