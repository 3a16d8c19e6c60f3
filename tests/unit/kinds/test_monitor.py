"""What a monitor means to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.engine.resource import Action
from mlops.errors import MlopsError
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, problems_of
from tests.unit.kinds.conftest import Look


def test_monitor_follows_the_model_that_its_endpoint_serves(look: Look) -> None:
    assert look.needs("monitor.late") == {"model.late": "RECONFIGURE", "endpoint.late": None}
    model = look.desired["monitor.late"].depends_on[0]
    assert model.words == "new baseline"


def test_every_field_reconfigures_and_restarts_no_model(look: Look) -> None:
    assert look.meaning("monitor.late", "window") == ("RECONFIGURE", Action.UPDATE, True)
    assert look.meaning("monitor.late", "drift.method") == ("RECONFIGURE", Action.UPDATE, True)


BATCH = {
    **SMALL,
    "conf/batch/late.yaml": "input: { uri: rows.parquet }\ntime: day\ninterval: 1d\n",
    "conf/monitor/late.yaml": "batch: late\n",
}


def test_monitor_of_a_batch_needs_no_endpoint_and_follows_what_is_scored(tmp_path: Path) -> None:
    files = {name: text for name, text in BATCH.items() if "/endpoint/" not in name and "/stack/" not in name}
    look = Look(tmp_path, load_files(tmp_path, files), {})
    assert look.needs("monitor.late") == {"model.late": "RECONFIGURE", "batch.late": "RECONFIGURE"}
    assert look.desired["monitor.late"].depends_on[1].words == "newly scored rows"
    record = look.record("monitor.late", {"digest": "d"})
    (stale,) = look.observe("monitor.late", record).stale
    assert stale.reason.text == "its baseline is gone"


def test_monitor_of_a_batch_with_a_schedule_runs_by_itself(tmp_path: Path) -> None:
    files = {**BATCH, "conf/batch/late.yaml": BATCH["conf/batch/late.yaml"] + "schedule: 0 6 * * *\nstack: local\n"}
    look = Look(tmp_path, load_files(tmp_path, files), {})
    assert look.needs("monitor.late") == {"model.late": "RECONFIGURE", "batch.late": None}
    record = look.record("monitor.late", {"digest": "d", "stack": "local"})
    (stale,) = look.observe("monitor.late", record).stale
    assert stale.reason.text == "its watcher does not run"


@pytest.mark.parametrize(
    ("monitor", "batch", "words"),
    [
        ("endpoint: late\nbatch: late\n", "time: day\ninterval: 1d\n", "either an endpoint or a batch"),
        ("batch: late\n", "", "has no `time` and `interval`"),
        (
            "batch: late\n",
            "time: day\ninterval: 1d\noutput: { url: 'sqlite:///s.db', table: s }\n",
            "writes into a table",
        ),
        ("batch: lat\n", "time: day\ninterval: 1d\n", "Did you mean `late`?"),
    ],
)
def test_batch_that_cannot_be_watched_is_refused(tmp_path: Path, monitor: str, batch: str, words: str) -> None:
    files = {
        **BATCH, "conf/monitor/late.yaml": monitor, "conf/batch/late.yaml": "input: { uri: rows.parquet }\n" + batch
    }  # fmt: skip
    (problem,) = problems_of(tmp_path, files)
    assert words in f"{problem.detail} {problem.hint}"
    assert str(problem.source).startswith("conf/monitor/late.yaml:")


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
