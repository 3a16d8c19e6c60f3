"""What a stack means to a plan."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mlops.api import Project
from mlops.engine.resource import Action
from mlops.errors import MlopsError
from tests.small_project import write_files
from tests.unit.kinds.conftest import Look

OUTPUTS = {"address": "http://127.0.0.1:8080", "host": "127.0.0.1", "port": 8080}


def test_stack_depends_on_nothing(look: Look) -> None:
    assert look.needs("stack.local") == {}


def test_stack_that_moves_is_replaced_and_other_fields_are_updated(look: Look) -> None:
    assert look.meaning("stack.local", "target")[:2] == ("PROVISION", Action.REPLACE)
    assert look.meaning("stack.local", "namespace")[1] is Action.REPLACE
    assert look.meaning("stack.local", "port")[:2] == ("PROVISION", Action.UPDATE)


def test_stack_that_nobody_made_does_not_exist(look: Look) -> None:
    assert look.observe("stack.local").exists is False


def test_stack_whose_supervisor_is_gone_is_mended_without_a_change_of_its_outputs(look: Look) -> None:
    (stale,) = look.observe("stack.local", look.record("stack.local", OUTPUTS)).stale
    assert stale.reason.text == "its supervisor does not run"
    assert (stale.effect.category, stale.effect.keeps) == ("PROVISION", True)


def test_status_of_a_stack_that_does_not_run_says_how_to_repair_it(look: Look) -> None:
    status = look.kind("stack.local").status(look.record("stack.local", OUTPUTS))
    assert (status.state, status.text) == ("missing", "its supervisor does not run; repair it: mlops apply")


def test_recorded_target_that_is_not_installed_is_an_error(look: Look) -> None:
    record = look.record("stack.local", OUTPUTS, target="lokal")
    with pytest.raises(MlopsError, match="`lokal` is not a target that is installed") as caught:
        look.observe("stack.local", record)
    assert caught.value.problems[0].hint == "Did you mean `local`?"


def obstacles(root: Path, stack: str) -> list[str]:
    write_files(root, {"conf/project.yaml": "name: small\n", "conf/stack/here.yaml": stack})
    return [obstacle for change in Project.open(root).plan().changes for obstacle in change.obstacles]


def test_port_of_another_program_is_in_the_way_of_a_new_stack(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (obstacle,) = obstacles(tmp_path, f"target: local\nport: {port}\n")
    assert obstacle == (
        f"Another program listens on 127.0.0.1:{port}. End it, or choose another port in conf/stack/here.yaml."
    )


def test_program_that_is_not_installed_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert obstacles(tmp_path, "target: local\n") == []
    monkeypatch.setattr("mlops.targets.local.stack._PROGRAMS", ("sh", "envoy-of-nobody"))
    assert obstacles(tmp_path, "target: local\n") == [
        "envoy-of-nobody is not installed here: pip install 'mlops[local]'."
    ]
