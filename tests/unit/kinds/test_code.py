"""Which code forces a stage to run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.kinds.staged.code import ENTRIES, EXEMPT, moved_files, project_code, stage_code
from mlops.tools.digest import Hashes


@pytest.fixture
def hashes(tmp_path: Path) -> Hashes:
    return Hashes(tmp_path / "hashes.json")


@pytest.mark.parametrize("stage", ENTRIES)
def test_every_stage_counts_its_entry_and_what_sets_the_arithmetic(stage: str, hashes: Hashes) -> None:
    code = stage_code(stage, hashes)
    assert f"{ENTRIES[stage].replace('.', '/')}.py" in code
    assert "mlops/workloads/__init__.py" in code


def test_training_counts_features_and_no_preparation(hashes: Hashes) -> None:
    rooms = {file.split("/")[2] for file in stage_code("train", hashes) if file.count("/") > 2}
    assert rooms == {"features", "metrics", "training"}


@pytest.mark.parametrize("stage", ENTRIES)
def test_exempt_rooms_force_no_stage_to_run(stage: str, hashes: Hashes) -> None:
    code = stage_code(stage, hashes)
    assert not [file for file in code for exempt in EXEMPT if file.startswith(f"{exempt.replace('.', '/')}/")]
    assert all(reason for reason in EXEMPT.values())


def test_code_of_a_target_counts_what_it_imports_inside_the_project(tmp_path: Path, hashes: Hashes) -> None:
    nets = tmp_path / "nets"
    nets.mkdir()
    (nets / "__init__.py").write_text("")
    (nets / "deep.py").write_text("from nets.layers import width\n")
    (nets / "layers.py").write_text("width = 3\n")
    before = project_code("nets.deep.Net", tmp_path, hashes)
    assert sorted(before) == ["nets/deep.py", "nets/layers.py"]
    (nets / "layers.py").write_text("width = 4\n")
    assert moved_files(before, project_code("nets.deep.Net", tmp_path, hashes)) == "nets/layers.py"


def test_code_of_a_target_counts_helpers_in_folders_that_are_no_packages(tmp_path: Path, hashes: Hashes) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/net.py").write_text(
        "import lightning\nfrom blocks.layers import width\nfrom shapes import depth\n"
    )
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks/layers.py").write_text("width = 3\n")
    (tmp_path / "shapes.py").write_text("depth = 3\n")
    (tmp_path / "unread.py").write_text("1\n")
    assert sorted(project_code("nets.net.Net", tmp_path, hashes)) == ["blocks/layers.py", "nets/net.py", "shapes.py"]


def test_target_without_a_module_is_an_error(tmp_path: Path, hashes: Hashes) -> None:
    with pytest.raises(MlopsError, match="the module nowhere is neither in the project nor installed"):
        project_code("nowhere.Net", tmp_path, hashes)


def test_moved_files_names_three_and_counts_the_rest() -> None:
    now = dict.fromkeys("abcde", "1")
    assert moved_files(now, now) == ""
    assert moved_files({}, now) == "a, b, c and 2 more"
    assert moved_files("0123456789abcdef", now) == "which files it has was not recorded yet"
