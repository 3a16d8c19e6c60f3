"""What a monitor means to a plan."""

from __future__ import annotations

import pytest

from mlops.engine.resource import Action
from mlops.errors import MlopsError
from tests.unit.kinds.conftest import Look


def test_monitor_follows_the_model_that_its_endpoint_serves(look: Look) -> None:
    assert look.needs("monitor.late") == {"model.late": "RECONFIGURE", "endpoint.late": None}
    model = look.desired["monitor.late"].depends_on[0]
    assert model.words == "new baseline"


def test_every_field_reconfigures_and_restarts_no_model(look: Look) -> None:
    assert look.meaning("monitor.late", "window") == ("RECONFIGURE", Action.UPDATE, True)
    assert look.meaning("monitor.late", "drift.method") == ("RECONFIGURE", Action.UPDATE, True)


def test_monitor_that_nobody_made_does_not_exist(look: Look) -> None:
    assert look.observe("monitor.late").exists is False


def test_monitor_whose_endpoint_moves_is_made_there(look: Look) -> None:
    (stale,) = look.observe("monitor.late", look.record("monitor.late", {"stack": "elsewhere"})).stale
    assert stale.reason.text == "its endpoint moves to another stack"
    assert stale.effect.category == "RECONFIGURE"


def test_monitor_without_findings_has_nothing_to_acknowledge(look: Look) -> None:
    record = look.record("monitor.late", {"stack": "local"})
    with pytest.raises(MlopsError, match="finding"):
        look.kind("monitor.late").acknowledge(record, who="me", reason="known", finding_id=None)


def test_deletion_of_what_was_never_made_whole_does_nothing(look: Look) -> None:
    step = look.step("monitor.late", Action.DELETE, "DESTROY", look.record("monitor.late", {}))
    look.kind("monitor.late").delete(step)


def test_status_of_a_watcher_that_does_not_run_is_no_success(look: Look) -> None:
    status = look.kind("monitor.late").status(look.record("monitor.late", {"stack": "local"}))
    assert status.state != "ok"
