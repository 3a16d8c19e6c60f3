"""A state that an earlier version wrote is read, and nothing in it looks changed.

recorded/flights.db: what `mlops apply` wrote for the project of tests/cases/conf, before kinds and targets were found in
tables. Written once, and never again: it stands for the states that users have.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops.api import Options, Project, why
from mlops.engine.resource import Action

HERE = Path(__file__).parent
CONF = HERE.parent / "cases" / "conf"
KEY = "a-key-for-the-test-alone"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELAY_API_KEY", KEY)
    copy_conf(tmp_path)
    (tmp_path / ".mlops").mkdir()
    shutil.copyfile(HERE / "recorded" / "flights.db", tmp_path / ".mlops" / "state.db")
    return tmp_path


def copy_conf(root: Path) -> None:
    """Copy the project without what was the default when its state was written, and is none any more."""
    shutil.copytree(CONF, root / "conf")
    model = root / "conf/model/delay.yaml"
    model.write_text(model.read_text().replace("lr: 1e-3, ", "").replace("batch_size: 1024, ", ""))


def test_recorded_state_plans_no_changes_where_conf_is_the_same(root: Path) -> None:
    plan = Project.open(root).plan(Options(refresh=False))
    assert {change.address.kind for change in plan.changes} == {
        "dataset", "model", "package", "stack", "endpoint", "monitor",
    }  # fmt: skip
    assert {str(change.address): change.action for change in plan.changes if change.action is not Action.NOOP} == {}


def test_recorded_state_shows_a_changed_field_with_its_category(root: Path) -> None:
    plan = Project.open(root, overrides=["endpoint.delay.replicas=3"]).plan(Options(refresh=False))
    changed = {str(change.address): change.category for change in plan.changes if change.action is not Action.NOOP}
    assert changed == {"endpoint.delay": "RESCALE"}


def test_recorded_state_has_its_history_and_its_reasons(root: Path) -> None:
    project = Project.open(root)
    assert [line["outcome"] for line in project.history()] == ["done"]
    assert project.show("model.delay")[0]["outputs"]["metrics"]["test_auc"] > 0.68
    assert why(project, "v1")["address"] == "endpoint.delay"


def test_changed_secret_of_a_recorded_state_is_seen_by_its_digest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELAY_API_KEY", "another")
    plan = Project.open(root).plan(Options(refresh=False))
    changed = {str(change.address): change.category for change in plan.changes if change.action is not Action.NOOP}
    assert changed == {"endpoint.delay": "RECONFIGURE"}
