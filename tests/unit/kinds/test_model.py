"""What a model means to a plan."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.engine.resource import Action
from mlops.kinds.staged.measured import metrics_change
from mlops.kinds.staged.model import live_model
from mlops.kinds.staged.params import model_params
from mlops.metrics.task import Task
from mlops.scaffold.stage_files import write_stage_files
from tests.e2e.conftest import SMALL
from tests.small_project import load_files
from tests.unit.kinds.conftest import Look


def test_model_depends_on_its_dataset(look: Look) -> None:
    assert look.needs("model.late") == {"dataset.rows": "RETRAIN"}


def test_field_that_trains_otherwise_retrains_and_a_gate_is_only_judged(look: Look) -> None:
    assert look.meaning("model.late", "trainer.max_epochs") == ("RETRAIN", Action.RUN, False)
    assert look.meaning("model.late", "architecture.name") == ("RETRAIN", Action.RUN, False)
    assert look.meaning("model.late", "gates") == ("REEVALUATE", Action.UPDATE, True)


def test_deletion_forgets_and_leaves_the_files(look: Look) -> None:
    assert look.kind("model.late").deleted.action is Action.FORGET


def test_model_that_nobody_trained_does_not_exist(look: Look) -> None:
    observed = look.observe("model.late")
    assert (observed.exists, observed.obstacles) == (False, ())
    assert look.kind("model.late").pinned(Address("model", "late")) is None


def test_edit_of_a_helper_that_the_target_imports_retrains_and_names_the_file(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = "architecture: { name: custom, _target_: nets.net.Net }"
    files = {
        **SMALL,
        "conf/project.yaml": SMALL["conf/project.yaml"].replace("mlops.workloads.training", "nets"),
        "conf/model/late.yaml": SMALL["conf/model/late.yaml"].replace("architecture: { name: linear }", target),
    }
    look = Look(tmp_path, load_files(tmp_path_factory.mktemp("conf"), files), {})
    write_stage_files(tmp_path)
    for name, text in {"nets/net.py": "from shapes import layers\n", "shapes/layers.py": "width = 3\n"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    file, sections = "params/model/late.json", model_params(look.desired["model.late"].inputs, look.context)
    locked = {
        f"{stage}@late": {"cmd": "x", "params": {file: {stage: sections[stage]}}, "outs": [{"path": out, "md5": "0"}]}
        for stage, out in (("train", "models/late/train"), ("evaluate", "metrics/model/late.json"), ("export", "models/late/export"))
    }  # fmt: skip
    (tmp_path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": locked}))
    (tmp_path / "shapes/layers.py").write_text("width = 4\n")
    moved = {
        stale.reason.text: stale.effect.category
        for stale in Look(tmp_path, look.spec, {}).observe("model.late").stale
        if "the code of" in stale.reason.text
    }
    means = {"train": "RETRAIN", "evaluate": "REEVALUATE", "export": "RETRAIN"}
    assert moved == {f"the code of stage {stage} changed: shapes/layers.py": what for stage, what in means.items()}


def test_notes_say_what_it_costs_and_what_it_is_judged_by(look: Look) -> None:
    desired, record = look.desired["model.late"], look.record("model.late", {"seconds": 10.0, "epochs": 4})
    kind = look.kind("model.late")
    assert kind.notes(desired, record, "RETRAIN") == (
        "about 5 s (last time 10 s for 4 epochs) · gates: test_auc >= 0.6, test_auc > trivial",
    )
    assert kind.notes(desired, None, "RETRAIN") == ("gates: test_auc >= 0.6, test_auc > trivial",)
    assert kind.notes(desired, record, "METADATA") == ()


def test_status_says_the_headline_and_the_gates(look: Look) -> None:
    outputs = {
        "metrics": {"test_auc": 0.6912},
        "gates": [{"words": "a", "holds": True}, {"words": "b", "holds": False}],
    }
    text = look.kind("model.late").status(look.record("model.late", outputs)).text
    assert text == "test_auc 0.691, 1 of 2 gates"


def test_logs_are_those_of_the_newest_run_on_a_cluster(look: Look) -> None:
    record = look.record("model.late", {})
    assert look.kind("model.late").logs(record) == ()
    path = look.context.paths.training_log("late")
    path.parent.mkdir(parents=True)
    path.write_text("epoch 1\n")
    assert look.kind("model.late").logs(record) == (path,)


def test_live_model_is_the_one_that_an_endpoint_serves(look: Look) -> None:
    bento = look.root / "bento"
    outputs = {"model": "late", "version": "v3", "bento": str(bento), "model_digest": "m"}
    look.records[Address("endpoint", "late")] = look.record("endpoint.late", outputs)
    assert live_model(look.context, "late") is None
    bento.mkdir()
    (bento / "model.onnx").touch()
    served = live_model(look.context, "late")
    assert served is not None
    assert (served.digest, served.folder) == ("m", bento)
    assert live_model(look.context, "other") is None


def test_override_hint_names_the_file_and_the_line_to_write(look: Look) -> None:
    hint = look.kind("model.late").override_hint(Address("model", "late"), "trainer.max_epochs", "5")
    assert hint == "To keep it, say in conf/model/late.yaml:  trainer.max_epochs: 5"


def test_threshold_is_read_by_evaluation_and_export_and_not_by_training(look: Look) -> None:
    inputs = look.desired["model.late"].inputs
    before = model_params(inputs, look.context)
    after = model_params({**inputs, "threshold": {"by": "f1"}, "baseline_gate": False}, look.context)
    assert after["train"] == before["train"]
    assert [after[stage]["threshold"] for stage in ("evaluate", "export")] == [{"by": "f1"}] * 2
    assert "threshold" not in before["evaluate"]


def test_metric_of_the_project_is_pinned_by_its_code(look: Look) -> None:
    (look.root / "money.py").write_text("def lost(truth, predicted): return 1.0\n")
    own = {"lost": {"_target_": "money.lost", "better": "min"}}
    section = model_params({**look.desired["model.late"].inputs, "metrics": own}, look.context)
    assert section["evaluate"]["metrics"] == own
    assert "money.py" in section["evaluate"]["code"]
    assert "money.py" not in section["train"]["code"]
    assert "metrics" not in section["train"]


def test_notes_say_the_metrics_before_and_that_the_others_come(look: Look) -> None:
    before = {"test_auc": 0.6912, "intervals": {"test_auc": [0.684, 0.698]}}
    notes = look.kind("model.late").notes(
        look.desired["model.late"], look.record("model.late", {"metrics": before}), "RETRAIN"
    )
    assert notes[-1] == "metrics: test_auc 0.691 [0.684, 0.698] → known after apply"
    assert metrics_change(Task.BINARY, before, {"test_auc": 0.7, "test_accuracy": 0.8}) == (
        "test_auc 0.691 [0.684, 0.698] → 0.700, test_accuracy 0.800"
    )


def test_show_says_how_a_model_stands_to_its_baselines(look: Look) -> None:
    metrics = {"test_auc": 0.7, "baselines": {"trivial": {"test_auc": 0.5}, "linear": {"test_auc": 0.72}}}
    gates = [{"words": "test_auc > trivial: 0.7, trivial 0.5", "holds": True}]
    lines = look.kind("model.late").record_lines(look.record("model.late", {"metrics": metrics, "gates": gates}))
    assert lines[0] == "test_auc 0.700"
    assert lines[2].startswith("test_auc 0.700 is worse than the 0.720 of a linear model")
    assert lines[3] == "holds: test_auc > trivial: 0.7, trivial 0.5"


def test_logs_are_those_of_the_run_that_made_it_and_of_a_newer_one(look: Look) -> None:
    outs = [{"path": "models/late/train", "md5": "abc.dir"}]
    record = look.record("model.late", {"locked": {"train@late": {"outs": outs}}})
    kept, live = (look.context.paths.runs / name / "training.log" for name in ("abc", "live/late"))
    kept.parent.mkdir(parents=True)
    kept.write_text("epoch 1\n")
    assert look.kind("model.late").logs(record) == (kept,)
    live.parent.mkdir(parents=True)
    live.write_text("epoch 2\n")
    os.utime(kept, (1, 1))
    assert look.kind("model.late").logs(record) == (live,)


def test_estimate_counts_what_ran_and_not_what_was_left_out(look: Look) -> None:
    kind, desired = look.kind("model.late"), look.desired["model.late"]  # at most 2 epochs
    stopped = {"seconds": 41.0, "epochs": 1, "max_epochs": 2, "training_seconds": 21.0}
    (note,) = kind.notes(desired, look.record("model.late", stopped), "RETRAIN")
    assert note.startswith("about 41 s (last time 41 s for 1 epoch)")
    shorter = {"seconds": 41.0, "epochs": 8, "max_epochs": 8, "training_seconds": 32.0}
    (note,) = kind.notes(desired, look.record("model.late", shorter), "RETRAIN")
    assert note.startswith("about 17 s (last time 41 s for 8 epochs)")
