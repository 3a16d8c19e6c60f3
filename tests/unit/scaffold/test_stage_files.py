"""The files that are the same in every project: written once, brought up to date, never overwritten."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.scaffold import stage_files
from mlops.scaffold.stage_files import (
    IGNORE_FILES,
    STAGE_FILES,
    STAGES,
    edited_stage_files,
    outdated_stage_files,
    stage_file_text,
    upgrade_stage_files,
    write_stage_files,
)
from mlops.tools.dvc.reader import read_stages
from mlops.tools.process import beside_python

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "mlops" / "scaffold" / "templates"
INDEX = {"dataset": ["rows"], "model": {}, "prepare": {"rows": {"reads": ["pipelines/prepare.py"] * 4}}, "tune": {}}
VERSIONS = json.loads((TEMPLATES / "versions.json").read_text())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a project's folder, ü"


def test_written_files_are_all_there_and_current(root: Path) -> None:
    written = write_stage_files(root)
    assert {path.relative_to(root).as_posix() for path in written} == {
        file.path for file in (*STAGE_FILES, *IGNORE_FILES)
    }
    assert outdated_stage_files(root) == []
    assert edited_stage_files(root) == []
    assert write_stage_files(root) == []


def test_written_stages_are_read_as_those_of_dvc(root: Path) -> None:
    write_stage_files(root)
    (root / "params").mkdir()
    (root / "params/index.json").write_text(json.dumps({**INDEX, "model": {"late": {"dataset": "rows"}}}))
    assert set(read_stages(root)) == {"prepare@rows", "train@late", "evaluate@late", "export@late"}


@pytest.mark.slow
@pytest.mark.parametrize("git", [True, False])
def test_dvc_accepts_a_written_project_with_git_and_without(root: Path, git: bool) -> None:
    root.mkdir()
    if git:
        subprocess.run(["git", "init", "-q", root], check=True)
    write_stage_files(root)
    (root / "params/dataset").mkdir(parents=True)
    (root / "params/index.json").write_text(json.dumps(INDEX))
    (root / "params/dataset/rows.json").write_text('{"prepare": {}}')
    done = subprocess.run([beside_python("dvc"), "status"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "prepare@rows" in done.stdout


def test_settings_of_dvc_follow_git_when_it_comes_later(root: Path) -> None:
    write_stage_files(root)
    assert "no_scm = true" in (root / ".dvc/config").read_text()
    (root / ".git").mkdir()
    assert upgrade_stage_files(root).written == (root / ".dvc/config",)
    assert "no_scm" not in (root / ".dvc/config").read_text()


def test_project_in_a_folder_of_a_repository_uses_its_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write_stage_files(tmp_path / "models" / "churn")
    assert "no_scm" not in (tmp_path / "models/churn/.dvc/config").read_text()


def test_existing_files_stay_as_the_user_wrote_them(root: Path) -> None:
    (root / "pipelines").mkdir(parents=True)
    (root / "pipelines/train.py").write_text("# mine\n")
    (root / ".gitignore").write_text("*.secret")
    write_stage_files(root)
    assert (root / "pipelines/train.py").read_text() == "# mine\n"
    lines = (root / ".gitignore").read_text().splitlines()
    assert lines[0] == "*.secret"
    assert {"/.mlops/", "/.dvc/cache", "/.dvc/config.local"} <= set(lines)
    assert edited_stage_files(root) == ["pipelines/train.py"]


def test_upgrade_replaces_what_an_earlier_version_wrote(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stage_files(root)
    (root / "dvc.yaml").write_text("stages: {}\n")
    earlier = hashlib.sha256(b"stages: {}\n").hexdigest()
    versions = {**VERSIONS, "dvc.yaml": [earlier, *VERSIONS["dvc.yaml"]]}
    monkeypatch.setattr(stage_files, "_versions", lambda: versions)
    assert outdated_stage_files(root) == ["dvc.yaml"]
    done = upgrade_stage_files(root)
    assert (done.written, done.kept) == ((root / "dvc.yaml",), ())
    assert (root / "dvc.yaml").read_text() == stage_file_text(root, STAGE_FILES[0])
    assert outdated_stage_files(root) == []


def test_upgrade_keeps_a_file_that_was_edited_and_says_so(root: Path) -> None:
    write_stage_files(root)
    edited = (root / "dvc.yaml").read_text() + "  report:\n    cmd: python report.py\n    outs: [report]\n"
    (root / "dvc.yaml").write_text(edited)
    assert outdated_stage_files(root) == []
    assert upgrade_stage_files(root).kept == (root / "dvc.yaml",)
    assert (root / "dvc.yaml").read_text() == edited


def test_upgrade_writes_a_missing_stage_and_no_unneeded_file(root: Path) -> None:
    write_stage_files(root)
    shutil.rmtree(root / ".github")
    (root / "pipelines/export.py").unlink()
    assert outdated_stage_files(root) == ["pipelines/export.py"]
    assert upgrade_stage_files(root).written == (root / "pipelines/export.py",)
    assert not (root / ".github").exists()


def test_remote_in_the_settings_of_dvc_survives_an_upgrade(root: Path) -> None:
    write_stage_files(root)
    with (root / ".dvc/config").open("a") as file:
        file.write("    remote = store\n['remote \"store\"']\n    url = s3://bucket\n")
    assert upgrade_stage_files(root).written == ()
    assert "s3://bucket" in (root / ".dvc/config").read_text()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MlopsError, match="file cannot be written"):
        write_stage_files(tmp_path / "file" / "project")


@pytest.mark.parametrize("file", STAGE_FILES, ids=lambda file: file.path)
def test_every_template_stands_last_in_the_list_of_its_versions(file: stage_files.StageFile) -> None:
    digest = hashlib.sha256((TEMPLATES / file.template).read_bytes()).hexdigest()
    assert VERSIONS[file.path][-1] == digest, f"append the digest of {file.template} to {VERSIONS[file.path]}"


def test_every_stage_has_a_script_and_a_place_in_dvc_yaml() -> None:
    scripts = {path.name for path in (TEMPLATES / "pipelines").iterdir()}
    assert scripts == {f"{stage}.py.template" for stage in STAGES}
    text = (TEMPLATES / "dvc.yaml.template").read_text()
    assert all(f"cmd: python pipelines/{stage}.py" in text for stage in STAGES)


def test_this_repository_has_what_every_project_has(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for file in (*STAGE_FILES, *IGNORE_FILES):
        if (ROOT / file.path).exists():
            (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file.path, tmp_path / file.path)
    written = {path.relative_to(tmp_path).as_posix() for path in write_stage_files(tmp_path)}
    assert written <= {".dvc/.gitignore", ".github/workflows/mlops.yaml"}
    assert (outdated_stage_files(tmp_path), edited_stage_files(tmp_path)) == ([], [])
    assert upgrade_stage_files(tmp_path) == stage_files.Upgrade((), ())
