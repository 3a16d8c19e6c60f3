"""A package outside the tree brings a target: the one that docs/extending.md shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.api import Options, Project
from mlops.config.schema.json_schema import schemas
from mlops.engine.resource import Action
from mlops.errors import InvalidConfig
from tests.contract.test_recorded_state import KEY, copy_conf
from tests.plugins import documented, installed

HERE = Path(__file__).parent
RECORDED = Options(targets=("stack.shelf", "endpoint.delay"), refresh=False)


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("site")
    _, name = documented(folder, "A target")
    with installed(folder, name):
        yield


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose data, model and package are recorded, with one more stack."""
    monkeypatch.setenv("DELAY_API_KEY", KEY)
    copy_conf(tmp_path)
    (tmp_path / ".mlops").mkdir()
    shutil.copyfile(HERE / "recorded" / "flights.db", tmp_path / ".mlops" / "state.db")
    (tmp_path / "conf/stack/shelf.yaml").write_text("target: shelf\nfolder: shelf\n")
    endpoint = tmp_path / "conf/endpoint/delay.yaml"
    lines = [line for line in endpoint.read_text().splitlines() if not line.startswith("rate_limit")]
    endpoint.write_text("\n".join(lines).replace("stack: local", "stack: shelf") + "\n")
    (tmp_path / "conf/monitor/delay.yaml").unlink()
    shutil.rmtree(tmp_path / "conf/env")  # its files speak of the monitor
    return tmp_path


def pending(project: Project) -> dict[str, str]:
    changes = project.plan(RECORDED).changes
    return {str(change.address): change.category for change in changes if change.action is not Action.NOOP}


def apply(project: Project) -> None:
    report = project.apply(project.plan(RECORDED))
    assert report.error is None, report.error


def test_stack_and_endpoint_are_made_on_the_target_and_then_unchanged(root: Path) -> None:
    assert pending(Project.open(root)) == {"stack.shelf": "PROVISION", "endpoint.delay": "REDEPLOY"}
    apply(Project.open(root))
    assert json.loads((root / "shelf/delay.json").read_text())["tag"].startswith("delay:")
    assert pending(Project.open(root)) == {}


def test_status_logs_and_hints_come_from_the_target_and_its_kinds(root: Path) -> None:
    apply(Project.open(root))
    project = Project.open(root)
    status = {line["address"]: line["text"] for line in project.status()}
    assert status["stack.shelf"] == "1 files"
    assert status["endpoint.delay"].endswith("lies ready")
    assert project.keep_hints(["stack.shelf.folder=other"]) == [
        "To keep it, say in conf/stack/shelf.yaml:  folder: other"
    ]
    for said, written in (("{a:{log:[1,2]},b:x}", "{a: {log: [1, 2]}, b: x}"), ('"yes"', "'yes'"), ("3m", "3m")):
        assert project.keep_hints([f"stack.shelf.folder={said}"])[0].endswith(f"  folder: {written}")


def test_endpoint_whose_file_is_gone_is_planned_and_put_back(root: Path) -> None:
    apply(Project.open(root))
    (root / "shelf/delay.json").unlink()
    project = Project.open(root)
    observed = project.look().plan_inputs.observed[Address("endpoint", "delay")]
    assert [stale.reason.text for stale in observed.stale] == ["its file is gone"]


def test_what_the_target_refuses_is_an_error_with_its_line(root: Path) -> None:
    path = root / "conf/endpoint/delay.yaml"
    path.write_text(path.read_text() + "rate_limit: 5/s\n")
    with pytest.raises(InvalidConfig, match="the target shelf answers no requests itself") as refused:
        Project.open(root)
    assert str(refused.value.problems[0].source).startswith("conf/endpoint/delay.yaml:")


def test_monitor_on_the_target_is_refused_by_its_own_rule(root: Path) -> None:
    (root / "conf/monitor/delay.yaml").write_text("endpoint: delay\n")
    with pytest.raises(InvalidConfig, match=r"stack\.shelf keeps no prediction log"):
        Project.open(root)


def test_unknown_target_is_answered_with_a_near_name(root: Path) -> None:
    (root / "conf/stack/shelf.yaml").write_text("target: shelve\nfolder: shelf\n")
    with pytest.raises(InvalidConfig, match="it must be one of kubernetes, local, shelf") as refused:
        Project.open(root)
    assert refused.value.problems[0].hint == "Did you mean `shelf`?"


def test_schema_for_editors_has_the_target(root: Path) -> None:
    assert "Shelf" in schemas()["stack"]["$defs"]
