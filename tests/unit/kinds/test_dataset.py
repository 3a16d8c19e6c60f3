"""What a data set means to a plan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mlops.engine.resource import Action
from mlops.kinds.staged.params import write_params
from tests.e2e.conftest import write_rows
from tests.unit.kinds.conftest import Look

ROOT = Path(__file__).parents[3]


def pin(look: Look) -> None:
    """What a colleague's clone has: the files of the project, params/ and dvc.lock, and no output."""
    write_rows(look.root / "rows.csv", 20)
    shutil.copy(ROOT / "dvc.yaml", look.root)
    write_params(look.spec, look.context)
    params = json.loads((look.root / "params/dataset/rows.json").read_text())
    lock = {
        "schema": "2.0",
        "stages": {
            "prepare@rows": {
                "cmd": "python pipelines/prepare.py rows",
                "params": {"params/dataset/rows.json": params},
                "outs": [{"path": "data/rows", "hash": "md5", "md5": "1" * 32 + ".dir", "size": 1, "nfiles": 1}],
            }
        },
    }
    (look.root / "dvc.lock").write_text(json.dumps(lock))


def test_dataset_depends_on_nothing(look: Look) -> None:
    assert look.needs("dataset.rows") == {}


def test_field_that_makes_other_data_reprocesses_and_words_do_not(look: Look) -> None:
    assert look.meaning("dataset.rows", "sql") == ("REPROCESS", Action.RUN, False)
    assert look.meaning("dataset.rows", "split.val") == ("REPROCESS", Action.RUN, False)
    assert look.meaning("dataset.rows", "description") == ("METADATA", Action.UPDATE, True)


def test_deletion_forgets_and_leaves_the_files(look: Look) -> None:
    assert look.kind("dataset.rows").deleted.action is Action.FORGET


def test_dataset_that_nobody_made_does_not_exist(look: Look) -> None:
    assert look.observe("dataset.rows").exists is False


def test_dataset_that_dvc_lock_pins_is_adopted(look: Look) -> None:
    pin(look)
    observed = look.observe("dataset.rows")
    assert observed.recorded is not None
    assert (observed.exists, observed.adopted) == (True, True)
    assert observed.recorded.inputs == look.desired["dataset.rows"].inputs
    assert observed.recorded.outputs["digest"] == "1" * 32 + ".dir"
    assert set(observed.recorded.outputs["locked"]) == {"prepare@rows"}


def test_source_that_changed_on_disk_makes_it_stale(look: Look) -> None:
    pin(look)
    before = {stale.reason.text for stale in look.observe("dataset.rows").stale}
    (look.root / "rows.csv").write_text("number,color,late\n1,red,true\n")
    after = look.observe("dataset.rows")
    assert {stale.reason.text for stale in after.stale} - before == {"source rows changed on disk (rows.csv)"}
    assert {stale.effect.category for stale in after.stale} == {"REPROCESS"}


def test_source_is_pinned_by_its_content(look: Look) -> None:
    desired = look.desired["dataset.rows"]
    pins = look.kind("dataset.rows").pins(desired)
    assert sorted(pins) == ["code of dataset.rows", "source dataset.rows.rows"]
    assert pins["source dataset.rows.rows"] == "missing"
    write_rows(look.root / "rows.csv", 20)
    digest = look.kind("dataset.rows").pins(desired)["source dataset.rows.rows"]
    assert len(digest) == 32


def test_status_says_how_many_rows_there_are(look: Look) -> None:
    kind = look.kind("dataset.rows")
    assert kind.status(look.record("dataset.rows", {"rows": {"result": 12000}})).text == "12,000 rows"
    assert kind.status(look.record("dataset.rows", {})).text == "made elsewhere"


def test_last_duration_is_noted_where_it_runs_again(look: Look) -> None:
    desired, record = look.desired["dataset.rows"], look.record("dataset.rows", {"seconds": 4.2})
    kind = look.kind("dataset.rows")
    assert kind.notes(desired, record, "REPROCESS") == ("about 4 s (as last time)",)
    assert kind.notes(desired, record, "METADATA") == ()
