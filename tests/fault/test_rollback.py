"""Going back to what was recorded, whatever the working tree says meanwhile: endpoint, package and model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.api import Project, plan_rollback
from mlops.engine.plan import Change
from mlops.engine.resource import Action, Record
from mlops.errors import MlopsError
from mlops.targets.local.versions import Versions
from mlops.tools.dvc.reader import read_lock
from tests.fault.fake_project import Chain, declare

ENDPOINT, PACKAGE, MODEL = Address("endpoint", "late"), Address("package", "late"), Address("model", "late")
FILES: dict[str, Any] = {
    "dataset/rows": {
        "sources": {"rows": {"uri": "rows.csv"}}, "sql": "SELECT number, late FROM rows", "label": "late",
        "features": {"numeric": ["number"]}, "split": {"by": "random", "val": "10%", "test": "20%"},
    },
    "model/late": {
        "dataset": "rows", "task": "binary", "architecture": {"name": "linear"}, "trainer": {"max_epochs": 2},
        "gates": ["test_auc >= 0.6"],
    },
    "package/late": {"model": "late"},
    "stack/local": {"target": "local"},
    "endpoint/late": {"package": "late", "stack": "local", "rollout": {"pause": "0s", "drain": "0s"}},
}  # fmt: skip


def with_(name: str, **fields: Any) -> dict[str, Any]:
    return {**FILES, name: {**FILES[name], **fields}}


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain(tmp_path, monkeypatch)
    declare(made.root, FILES)
    apply(made)
    return made


def apply(chain: Chain, *overrides: str) -> Mapping[Address, Record]:
    project = Project.open(chain.root, overrides=overrides)
    report = project.carry_out(project.plan())
    assert report.error is None
    return records(chain)


def records(chain: Chain) -> Mapping[Address, Record]:
    return Project.open(chain.root).store.records()


def retrain(chain: Chain) -> Mapping[Address, Record]:
    declare(chain.root, with_("model/late", trainer={"max_epochs": 5}))
    return apply(chain)


def roll_back(chain: Chain, address: str, to: str | None = None) -> tuple[Change, ...]:
    chain.doors.done.clear()
    project = Project.open(chain.root)
    plan = plan_rollback(project, address, to)
    report = project.carry_out(plan)
    assert report.error is None, report.error
    return plan.changes


def served_bento(chain: Chain) -> list[str]:
    programs = [program for running in chain.doors.programs.values() for program in running.values()]
    return sorted({program.env["PYTHONPATH"] for program in programs if "PYTHONPATH" in program.env})


def test_endpoint_serves_the_recorded_bento_and_nothing_is_made(chain: Chain) -> None:
    first, bento = records(chain), served_bento(chain)
    second = retrain(chain)
    assert served_bento(chain) != bento
    declare(chain.root, with_("model/late", trainer={"max_epochs": 9}))  # the working tree goes on
    (change,) = roll_back(chain, "endpoint.late")
    assert (change.address, change.action, change.category) == (ENDPOINT, Action.UPDATE, "REDEPLOY")
    assert served_bento(chain) == bento
    assert not [what for what in chain.doors.done if what.startswith(("bento", "train", "prepare"))]
    now = records(chain)
    assert now[ENDPOINT].outputs["model_digest"] == first[ENDPOINT].outputs["model_digest"]
    assert now[ENDPOINT].upstream["package.late:digest"] == first[PACKAGE].outputs["digest"]
    assert {at: now[at] for at in (PACKAGE, MODEL)} == {at: second[at] for at in (PACKAGE, MODEL)}
    forward = {c.address: c for c in chain.plan()}
    assert forward[ENDPOINT].reasons[0].text.startswith("it was rolled back to serial")
    declare(chain.root, with_("model/late", trainer={"max_epochs": 5}))
    (forward_only,) = chain.plan()
    assert (forward_only.address, forward_only.action) == (ENDPOINT, Action.UPDATE)
    assert [reason.text for reason in forward_only.reasons][1:] == [
        "package.late's digest is another than it was made from"
    ]
    apply(chain)
    assert records(chain)[ENDPOINT].outputs["model_digest"] == second[ENDPOINT].outputs["model_digest"]
    assert chain.plan() == []


@pytest.mark.parametrize("name", ["version", "tag", "digest", "model_digest"])
def test_version_is_named_by_what_a_user_reads(chain: Chain, name: str) -> None:
    first, bento = records(chain)[ENDPOINT], served_bento(chain)
    retrain(chain)
    roll_back(chain, "endpoint.late", str(first.outputs[name]))
    assert served_bento(chain) == bento


def test_bento_that_is_not_kept_is_built_again_from_the_model_of_then(chain: Chain) -> None:
    first, bento = records(chain), served_bento(chain)
    retrain(chain)
    shutil.rmtree(Path(str(first[PACKAGE].outputs["bento"])).parents[1])
    roll_back(chain, "endpoint.late")
    assert served_bento(chain) == bento
    assert chain.doors.done[f"bento {first[PACKAGE].outputs['tag']}"] == 1


def test_bento_that_was_damaged_meanwhile_is_built_again(chain: Chain) -> None:
    first, bento = records(chain), served_bento(chain)
    retrain(chain)
    golden = Path(str(first[PACKAGE].outputs["bento"])) / "golden.json"
    kept = golden.read_text()
    golden.write_text('{"rows": [], "predictions": [1]}')
    roll_back(chain, "endpoint.late")
    assert served_bento(chain) == bento
    assert golden.read_text() == kept


def test_every_kind_goes_back_from_an_override_whatever_the_tree_holds(chain: Chain) -> None:
    first, network = records(chain), (chain.root / "models/late/train/network.json").read_text()
    bento = served_bento(chain)
    apply(chain, "model.late.trainer.max_epochs=7", "package.late.api.max_rows=50")
    (chain.root / "models/late/export/model.onnx").write_text("scribbled over")
    (chain.root / "rows.csv").unlink()
    declare(chain.root, {name: FILES[name] for name in ("dataset/rows", "stack/local")})  # nothing of it is declared
    for address in ("endpoint.late", "package.late", "model.late"):
        roll_back(chain, address)
    now = records(chain)
    assert served_bento(chain) == bento
    assert (chain.root / "models/late/train/network.json").read_text() == network
    assert [now[at].outputs["digest"] for at in (ENDPOINT, PACKAGE, MODEL)] == [
        first[at].outputs["digest"] for at in (ENDPOINT, PACKAGE, MODEL)
    ]
    assert [now[at].inputs for at in (ENDPOINT, PACKAGE, MODEL)] == [
        first[at].inputs for at in (ENDPOINT, PACKAGE, MODEL)
    ]


def test_endpoint_that_was_deleted_comes_back(chain: Chain) -> None:
    bento = served_bento(chain)
    declare(chain.root, {name: FILES[name] for name in ("dataset/rows", "model/late", "stack/local")})
    apply(chain)
    assert ENDPOINT not in records(chain)
    (change,) = roll_back(chain, "endpoint.late")
    assert change.action is Action.CREATE
    assert served_bento(chain) == bento


def test_rollback_now_takes_all_traffic_in_one_move(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    retrain(chain)
    weights: list[Mapping[str, int]] = []
    publish = Versions.publish
    monkeypatch.setattr(Versions, "publish", lambda self, state: (weights.append(state.weights), publish(self, state)))
    project = Project.open(chain.root)
    plan = plan_rollback(project, "endpoint.late", None, at_once=True)
    assert plan.changes[0].reasons[0].text.endswith("recorded, in one move")
    assert project.carry_out(plan).error is None
    assert weights == [{"v3": 100}] * 2


def test_bento_that_would_be_another_is_refused(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    first = records(chain)
    second, live = retrain(chain), served_bento(chain)
    shutil.rmtree(Path(str(first[PACKAGE].outputs["bento"])).parents[1])
    monkeypatch.setattr("mlops.packaging.bento.importlib.metadata.version", lambda name: "0.0.0")
    project = Project.open(chain.root)
    report = project.carry_out(plan_rollback(project, "endpoint.late", None))
    assert [problem.summary for problem in report.problems] == ["bento cannot be built again"]
    assert served_bento(chain) == live
    assert records(chain)[ENDPOINT].outputs == second[ENDPOINT].outputs


def test_override_of_another_time_is_not_applied_again(chain: Chain) -> None:
    apply(chain, "endpoint.late.replicas=3")
    apply(chain)
    declare(chain.root, with_("endpoint/late", rate_limit="7/s"))
    apply(chain)
    (change,) = roll_back(chain, "endpoint.late")
    assert [field.path for field in change.fields] == ["rate_limit"]
    assert records(chain)[ENDPOINT].outputs["replicas"] == 1


def test_settings_go_back_and_the_package_of_then_with_them(chain: Chain) -> None:
    apply(chain, "endpoint.late.replicas=3")
    serial = records(chain)[ENDPOINT].serial
    retrain(chain)
    roll_back(chain, "endpoint.late", str(serial))
    assert records(chain)[ENDPOINT].outputs["replicas"] == 3


def test_package_goes_back_to_its_bento(chain: Chain) -> None:
    first = records(chain)[PACKAGE]
    second = retrain(chain)
    (change,) = roll_back(chain, "package.late")
    assert change.category == "REPACKAGE"
    now = records(chain)
    assert now[PACKAGE].outputs == first.outputs
    assert now[PACKAGE].upstream == first.upstream
    assert now[ENDPOINT] == second[ENDPOINT]
    forward = {c.address: c for c in chain.plan()}
    assert forward[PACKAGE].reasons[0].text.startswith("it was rolled back to serial")


def test_model_goes_back_without_training(chain: Chain) -> None:
    first, network = records(chain)[MODEL], (chain.root / "models/late/train/network.json").read_text()
    retrain(chain)
    (change,) = roll_back(chain, "model.late")
    assert (change.category, change.action) == ("RESTORE", Action.UPDATE)
    assert not [what for what in chain.doors.done if what.startswith("bento")]
    assert (chain.root / "models/late/train/network.json").read_text() == network
    assert read_lock(chain.root)["export@late"].outs["models/late/export"] == first.outputs["digest"]
    now = records(chain)[MODEL]
    assert (now.inputs, now.outputs) == (first.inputs, first.outputs)
    forward = {c.address: c for c in chain.plan()}[MODEL]
    assert forward.action is Action.RUN
    assert forward.reasons[0].text.startswith("it was rolled back to serial")


def test_model_whose_version_is_not_kept_changes_nothing(chain: Chain) -> None:
    retrain(chain)
    lock = (chain.root / "dvc.lock").read_bytes()
    shutil.rmtree(chain.root / ".dvc" / "cache")
    project = Project.open(chain.root)
    report = project.carry_out(plan_rollback(project, "model.late", None))
    assert [problem.summary for problem in report.problems] == ["version is not kept"]
    assert (chain.root / "dvc.lock").read_bytes() == lock


def test_model_recorded_by_an_older_tool_says_where_to_look(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr("mlops.kinds.staged.model.lock_entries_of", lambda context, stages: {})
        declare(chain.root, with_("model/late", trainer={"max_epochs": 3}))
        apply(chain)
    retrain(chain)
    project = Project.open(chain.root)
    report = project.carry_out(plan_rollback(project, "model.late", None))
    assert [problem.summary for problem in report.problems] == ["version is not known whole"]
    assert "git log --oneline -- dvc.lock" in report.problems[0].detail


def test_version_that_never_was_is_refused(chain: Chain) -> None:
    with pytest.raises(MlopsError, match="no such version"):
        plan_rollback(Project.open(chain.root), "model.late", "abcdef")
