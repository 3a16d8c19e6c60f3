"""An apply that does not wait: what it records, what the next plan shows meanwhile and afterwards, and who is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.api import Project, plan_rollback
from mlops.api.notebook.plan import ShownPlan
from mlops.config.load import load
from mlops.context.context import Context
from mlops.context.paths import ProjectPaths
from mlops.engine.plan import Change
from mlops.engine.resource import Action, Record
from mlops.errors import MlopsError, Problem
from mlops.kinds.registry import build_kinds, refuse_to_leave
from mlops.rollout.state import RolloutState
from mlops.targets.local.controller import control
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from mlops.tools.supervisor import Program
from tests.fault.fake_project import Chain, FakeSupervisor, declare
from tests.fault.test_guarded_endpoint import programs
from tests.fault.test_rollback import FILES, apply, records, with_

ENDPOINT = Address("endpoint", "late")
CONTROLLER = "controller-late"


class Left(Chain):
    """Its supervisor runs the controller, in a thread, once `goes` is set."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(home, monkeypatch)
        self.goes, self.threads = threading.Event(), []
        self.versions = Versions(Host(ProjectPaths(self.root, "dev"), "local"), "late")
        put = FakeSupervisor.put

        def putting(supervisor: FakeSupervisor, program: Program) -> None:
            is_new = program.name not in self.doors.programs[supervisor.folder]
            put(supervisor, program)
            if is_new and program.name == CONTROLLER:
                self.threads.append(threading.Thread(target=self._control, daemon=True))
                self.threads[-1].start()

        monkeypatch.setattr(FakeSupervisor, "put", putting)
        declare(self.root, FILES)
        apply(self)
        declare(self.root, with_("model/late", trainer={"max_epochs": 5}))

    def _control(self) -> None:
        self.goes.wait(30)
        control(self.versions)
        self.versions.host.supervisor.take(CONTROLLER)

    def end(self) -> None:
        """Let the controller come to its end."""
        self.goes.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()

    def state(self) -> RolloutState:
        return self.versions.read()

    def leave(self, monkeypatch: pytest.MonkeyPatch) -> Record:
        """Apply without waiting; the first part begins, and the controller does nothing more before `goes`."""
        monkeypatch.setattr("mlops.targets.local.endpoint.begun", lambda versions, version: self._first(version))
        project = Project.open(self.root)
        report = project.carry_out(project.plan(), wait=False)
        assert report.error is None, report.error
        return records(self)[ENDPOINT]

    def _first(self, version: str) -> str:
        return f"{version} begins"


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Left]:
    made = Left(tmp_path, monkeypatch)
    yield made
    made.end()  # while the doors are still pretended


def shown(chain: Left) -> tuple[ShownPlan, list[str]]:
    """Return the plan and the reasons of its changes."""
    plan = Project.open(chain.root).plan()
    reasons = [reason.text for one in plan.changes if one.action.changes_something for reason in one.reasons]
    return plan, reasons


def test_rollout_is_a_fact_while_it_goes_on_and_nothing_once_it_is_over(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = left.leave(monkeypatch)
    assert record.outputs["version"] == "v2"
    assert (left.state().live, left.state().rolling is not None) == ("v1", True)
    assert programs(left) == {"late-v1-0", "late-v2-0", CONTROLLER}
    plan, reasons = shown(left)
    (attention,) = plan.attention
    assert reasons == []
    assert attention.summary == "endpoint.late rolls v2 out"
    assert attention.commands == ("mlops status --watch",)
    status = {one["address"]: one for one in Project.open(left.root).status()}["endpoint.late"]
    assert status["text"].startswith("v1  healthy")
    assert status["rollout"] == {"text": "v2 is ready, and takes over by canary", "is_running": True}
    left.end()
    plan, reasons = shown(left)
    assert (reasons, plan.attention) == ([], ())
    assert (left.state().live, set(left.state().versions)) == ("v2", {"v2"})
    assert programs(left) == {"late-v2-0"}
    assert records(left)[ENDPOINT] == record


def test_version_that_was_found_bad_is_planned_again_with_the_evidence(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.leave(monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(Versions, "ask_golden", lambda versions, version: "the golden request got 500: no")
        left.end()
    assert (left.state().live, programs(left)) == ("v1", {"late-v1-0"})
    plan, reasons = shown(left)
    assert reasons == ["its rollout gave up v2: v2 at 10%: the golden request got 500: no"]
    (attention,) = plan.attention
    assert attention.summary == "the rollout of endpoint.late gave up"
    assert attention.commands == ("mlops rollback endpoint.late",)
    project = Project.open(left.root)
    assert project.carry_out(plan_rollback(project, "endpoint.late", None)).error is None
    assert records(left)[ENDPOINT].outputs["version"] == "v1"
    assert Project.open(left.root).plan().attention == ()
    apply(left)
    assert (left.state().live, shown(left)[1]) == ("v3", [])


def test_rollout_without_a_controller_is_a_fault_that_an_apply_goes_on_with(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.leave(monkeypatch)
    left.versions.host.supervisor.take(CONTROLLER)
    assert shown(left)[1] == ["nothing carries on the rollout of v2"]
    apply(left)
    assert (left.state().live, shown(left)[1]) == ("v2", [])
    assert programs(left) == {"late-v2-0"}


def test_rollback_ends_a_rollout_and_no_controller_is_left(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    left.leave(monkeypatch)
    project = Project.open(left.root)
    assert project.carry_out(plan_rollback(project, "endpoint.late", None, at_once=True)).error is None
    assert (left.state().live, left.state().rolling, programs(left)) == ("v1", None, {"late-v1-0"})
    left.end()
    assert (left.state().live, set(left.state().versions)) == ("v1", {"v1"})


def test_apply_says_that_the_version_was_found_bad_before_it_returned(left: Left) -> None:
    left.goes.set()
    project = Project.open(left.root)
    bad = pytest.MonkeyPatch()
    bad.setattr(Versions, "start", _does_not_start)
    try:
        report = project.carry_out(project.plan(), wait=False)
    finally:
        bad.undo()
    assert report.error is not None
    assert report.error.problems[0].summary == "version does not start"
    assert (left.state().live, left.state().rolling) == ("v1", None)
    left.end()
    assert programs(left) == {"late-v1-0"}


def _does_not_start(*args: Any) -> RolloutState:
    raise MlopsError.of("version does not start", "v2 of late gave up.")


def test_apply_waits_until_the_first_part_has_begun(left: Left) -> None:
    left.goes.set()
    project = Project.open(left.root)
    lines: list[str] = []
    report = project.carry_out(project.plan(), sink=lambda event: lines.append(str(event.data.get("note"))), wait=False)
    assert report.error is None
    left.end()
    assert any(line.startswith("v2 takes ") or line == "v2 live" for line in lines)
    assert (left.state().live, shown(left)[1]) == ("v2", [])


def test_target_without_a_controller_refuses_before_anything_is_done(tmp_path: Path) -> None:
    gateway = {"name": "shared", "namespace": "gateways", "url": "https://models.example.com"}
    stack = {"target": "kubernetes", "context": "prod", "namespace": "ml", "gateway": gateway}
    package = {"model": "late", "image": {"base": f"localhost/python@sha256:{'0' * 64}"}}
    project = {"name": "chain", "registry": {"url": "registry.example.com/team"}}
    declare(tmp_path, {**FILES, "project": project, "stack/local": stack, "package/late": package})
    spec = load(tmp_path, overrides=())
    kinds = build_kinds(Context(tmp_path, spec.settings, resources=spec.resources))
    with pytest.raises(MlopsError, match="has no controller") as raised:
        refuse_to_leave(kinds, [Change(ENDPOINT, Action.CREATE, "REDEPLOY", 3, ())])
    (problem,) = raised.value.problems
    assert problem == Problem("apply has to wait", problem.detail, address="endpoint.late")
    assert "--no-wait --exclude endpoint.late" in problem.detail
    refuse_to_leave(kinds, [Change(ENDPOINT, Action.DELETE, "DESTROY", 3, ())])
