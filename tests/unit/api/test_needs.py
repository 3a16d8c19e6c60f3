"""What a project needs: named by doctor, shown by plan, and in the way of an apply before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.api import Project, doctor
from mlops.errors import InvalidConfig, MlopsError
from mlops.scaffold.stage_files import write_stage_files
from mlops.tools import installed
from tests.e2e.conftest import SMALL, write_rows

OF_THIS_REPOSITORY = ("make env", "requirements.lock", "Makefile", "README")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write_rows(tmp_path / "rows.csv", 20)
    write_stage_files(tmp_path)
    return tmp_path


def test_doctor_names_what_the_resources_of_the_project_need(root: Path) -> None:
    found = {check.name: check for check in doctor(root)}
    extras = {name for name in found if name.startswith("mlops[")}
    assert extras == {"mlops[data]", "mlops[training]", "mlops[package]", "mlops[local]", "mlops[monitoring]"}
    assert found["stage files"].good
    assert found["source rows.rows"].found == "rows.csv"
    assert "pulumi" not in found


def test_doctor_asks_a_project_of_one_value_for_no_packages(tmp_path: Path) -> None:
    (tmp_path / "conf/value").mkdir(parents=True)
    (tmp_path / "conf/project.yaml").write_text("name: values\n")
    (tmp_path / "conf/value/one.yaml").write_text("value: 1\n")
    assert {check.name for check in doctor(tmp_path)} <= {"python", "writable", "disk", "git", "project"}


def test_doctor_never_names_a_file_of_this_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "version", _absent)
    (root / "rows.csv").unlink()
    (root / "dvc.yaml").unlink()
    checks = doctor(root)
    assert {check.name for check in checks if not check.good} >= {"stage files", "source rows.rows", "mlops[training]"}
    texts = [f"{check.found} {check.remedy}" for check in (*checks, *doctor(root / "conf" / "dataset"))]
    assert not [text for text in texts if any(word in text for word in OF_THIS_REPOSITORY)]


def test_plan_says_in_one_line_that_an_upgrade_is_due(root: Path) -> None:
    (root / "pipelines/train.py").unlink()
    project = Project.open(root)
    (attention,) = project.plan().attention
    assert attention.summary == (
        "pipelines/train.py is missing or of an earlier version of mlops. Bring it up to date: mlops init --upgrade"
    )
    assert attention.lines == ()


def test_apply_without_the_script_of_a_stage_does_nothing(root: Path) -> None:
    (root / "pipelines/train.py").unlink()
    project = Project.open(root)
    with pytest.raises(InvalidConfig, match=r"pipelines/train.py is not there.* mlops init --upgrade"):
        project.apply(project.plan())
    assert not (root / "data").exists()


def test_apply_without_packages_names_the_extra_before_it_begins(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.open(root)
    monkeypatch.setattr(installed, "version", _absent)
    plan = project.plan()
    assert any('pip install "mlops[training]"' in item.summary for item in plan.attention)
    with pytest.raises(MlopsError, match=r'duckdb.*pip install "mlops\[data\]"'):
        project.apply(plan)
    assert not (root / "data").exists()


def test_extra_of_extras_needs_what_each_of_them_needs() -> None:
    names = {need.name for need in installed.packages_of_extra("training")}
    assert {"torch", "duckdb", "scikit-learn"} <= names
    assert "mlops" not in names
    assert "supervisor" not in names


def _absent(name: str) -> str:
    raise installed.PackageNotFoundError(name)
