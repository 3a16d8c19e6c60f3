"""The whole chain on the small project: what each edit means, that apply does it, and nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx

from tests.e2e.conftest import KEY, Workplace, write_rows
from tests.e2e.load import Load

CHAIN = ["dataset.rows", "model.late", "package.late", "endpoint.late", "monitor.late"]
ROW = {"number": 0.4, "color": "red"}
BELOW_MODEL = {
    "package.late": ("if-upstream-changes", "REPACKAGE"),
    "endpoint.late": ("if-upstream-changes", "REDEPLOY"),
    "monitor.late": ("if-upstream-changes", "RECONFIGURE"),
}


def pids(place: Workplace) -> set[int]:
    """The processes of the project's stack, by the folder they work for."""
    marker = f"{place.root}/.mlops/".encode()
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_after_an_apply_nothing_is_left_to_do(small: Workplace) -> None:
    done = small.mlops("plan", "--detailed-exitcode", code=0)
    assert done.stdout.startswith("No changes. The world matches conf/ (6 resources")


def test_a_comment_means_no_changes(small: Workplace) -> None:
    for name in ("dataset/rows", "model/late", "endpoint/late"):
        path = small.root / f"conf/{name}.yaml"
        path.write_text(f"# a remark\n{path.read_text()}")
    assert small.words() == {}


def test_the_endpoint_answers_rows_and_names_its_version(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    answer = httpx.post(f"{url}/predict", json={"rows": [ROW, {"number": None, "color": "violet"}]})
    assert answer.status_code == 200
    high, unseen = answer.json()["predictions"]
    assert high["probability"] > 0.5 > unseen["probability"]
    assert answer.headers["x-mlops-version"] == answer.json()["version"]


def test_a_bad_row_names_its_column(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    answer = httpx.post(f"{url}/predict", json={"rows": [{"number": "many", "color": "red"}]})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["column"] == "number"


def test_an_override_of_the_trainer_retrains_and_all_below_waits_for_it(small: Workplace) -> None:
    lock = (small.root / "dvc.lock").read_bytes()
    params = (small.root / "params/model/late.json").read_bytes()
    small.mlops("plan", "--detailed-exitcode", "model.late.trainer.max_epochs=3", code=2)
    plan = small.plan("model.late.trainer.max_epochs=3")
    changes = {c["address"]: c for c in plan["changes"]}
    assert {a: (c["action"], c["category"]) for a, c in changes.items()} == {
        "model.late": ("run", "RETRAIN")
    } | BELOW_MODEL
    assert {entry["address"] for entry in plan["unchanged"]} == {"dataset.rows", "stack.local"}
    assert changes["endpoint.late"]["because"][-1] == "command line trainer.max_epochs 2 → 3"
    assert (small.root / "dvc.lock").read_bytes() == lock
    assert (small.root / "params/model/late.json").read_bytes() == params


def test_an_edit_is_told_with_its_file_and_line(small: Workplace) -> None:
    small.edit("conf/model/late.yaml", "max_epochs: 2", "max_epochs: 3")
    lines = (small.root / "conf/model/late.yaml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "max_epochs" in line)
    try:
        change = next(c for c in small.plan()["changes"] if c["address"] == "model.late")
    finally:
        small.edit("conf/model/late.yaml", "max_epochs: 3", "max_epochs: 2")
    (field,) = change["fields"]
    assert (field["path"], field["before"], field["after"]) == ("trainer.max_epochs", 2, 3)
    assert (field["source"], field["secret"], field["default"]) == (f"conf/model/late.yaml:{at}", False, None)


def test_replicas_rescale_the_endpoint_alone(small: Workplace) -> None:
    assert small.words("endpoint.late.replicas=3") == {"endpoint.late": ("update", "RESCALE")}


def test_the_sql_reprocesses_and_everything_below_waits(small: Workplace) -> None:
    small.edit("conf/dataset/rows.yaml", "FROM rows", "FROM rows WHERE number IS NULL OR number < 5")
    try:
        told = small.words()
    finally:
        small.edit("conf/dataset/rows.yaml", "FROM rows WHERE number IS NULL OR number < 5", "FROM rows")
    assert (
        told == {"dataset.rows": ("run", "REPROCESS"), "model.late": ("if-upstream-changes", "RETRAIN")} | BELOW_MODEL
    )


def test_a_source_that_changed_on_disk_reprocesses_with_that_reason(small: Workplace) -> None:
    source = small.root / "rows.csv"
    before = source.read_bytes()
    write_rows(source, count=2100)
    try:
        change = next(c for c in small.plan()["changes"] if c["address"] == "dataset.rows")
    finally:
        source.write_bytes(before)
    assert change["category"] == "REPROCESS"
    assert "changed on disk" in " ".join(reason["text"] for reason in change["reasons"])
    assert small.words() == {}


def test_a_rate_limit_reconfigures_and_restarts_nothing(small: Workplace) -> None:
    before = pids(small)
    assert small.words("endpoint.late.rate_limit=3/m") == {"endpoint.late": ("update", "RECONFIGURE")}
    small.mlops("apply", "--yes", "endpoint.late.rate_limit=3/m")
    url = small.status()["endpoint.late"]["url"]
    codes = [httpx.post(f"{url}/predict", json=ROW).status_code for _ in range(6)]
    small.mlops("apply", "--yes")
    assert codes[:3] == [200, 200, 200]
    assert codes[3:] == [429, 429, 429]
    assert pids(small) == before


def test_a_gate_is_judged_again_and_nothing_is_trained(small: Workplace) -> None:
    lock = (small.root / "dvc.lock").read_bytes()
    small.edit("conf/model/late.yaml", "test_auc >= 0.6", "test_auc >= 0.65")
    try:
        assert small.words()["model.late"] == ("update", "REEVALUATE")
        small.mlops("apply", "--yes")
        assert (small.root / "dvc.lock").read_bytes() == lock
    finally:
        small.edit("conf/model/late.yaml", "test_auc >= 0.65", "test_auc >= 0.6")
        small.mlops("apply", "--yes")


def test_a_missed_gate_stops_before_the_endpoint_and_the_next_plan_says_so(small: Workplace) -> None:
    version = small.status()["endpoint.late"]["text"].split()[0]
    small.edit("conf/model/late.yaml", "test_auc >= 0.6", "test_auc >= 0.9999")
    small.edit("conf/model/late.yaml", "max_epochs: 2", "max_epochs: 1")
    try:
        failed = small.mlops("apply", "--yes", code=6)
        assert "test_auc" in failed.stderr
        assert small.status()["endpoint.late"]["text"].split()[0] == version
        change = next(c for c in small.plan()["changes"] if c["address"] == "model.late")
        assert "gate" in " ".join(reason["text"] for reason in change["reasons"])
        assert change["action"] != "run"
    finally:
        small.edit("conf/model/late.yaml", "max_epochs: 1", "max_epochs: 2")
        small.edit("conf/model/late.yaml", "test_auc >= 0.9999", "test_auc >= 0.6")
        small.mlops("apply", "--yes")
    assert small.words() == {}


def test_a_retrained_version_rolls_in_under_load_and_no_request_fails(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    with Load(url, ROW, {"x-api-key": KEY}) as load:
        small.mlops("apply", "--yes", "model.late.trainer.max_epochs=4")
        small.mlops("apply", "--yes")
    assert load.failed == {}
    assert load.sent > 100
    assert len(load.versions) == 3


def test_dvc_sees_nothing_to_do_and_brings_back_what_was_deleted(small: Workplace) -> None:
    assert json.loads(small.run("dvc", "status", "--json").stdout) == {}
    lock = (small.root / "dvc.lock").read_bytes()
    assert "Running stage" not in small.run("dvc", "repro").stdout
    assert (small.root / "dvc.lock").read_bytes() == lock
    onnx = small.root / "models/late/export/model.onnx"
    content = onnx.read_bytes()
    small.run("rm", "-rf", "data/rows", "models/late/export")
    assert small.words() == {}
    small.run("dvc", "checkout")
    assert onnx.read_bytes() == content


def test_a_second_clone_reproduces_every_output_bit_for_bit(small: Workplace, tmp_path: Path) -> None:
    subprocess.run(["git", "add", "-A"], cwd=small.root, check=True, capture_output=True)
    commit = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "applied", "--allow-empty"]
    subprocess.run(commit, cwd=small.root, check=True)
    subprocess.run(["git", "clone", "-q", str(small.root), str(tmp_path / "clone")], check=True)
    clone = Workplace(tmp_path / "clone")
    assert not (clone.root / "models/late/export").exists()
    clone.run("dvc", "repro")
    assert (clone.root / "dvc.lock").read_bytes() == (small.root / "dvc.lock").read_bytes()
    metrics = "metrics/model/late.json"
    assert (clone.root / metrics).read_bytes() == (small.root / metrics).read_bytes()
    assert clone.words().keys().isdisjoint({"dataset.rows", "model.late"})


def test_a_protected_endpoint_refuses_to_be_destroyed_and_answers_on(small: Workplace) -> None:
    small.mlops("apply", "--yes", "endpoint.late.protect=true")
    refused = small.mlops("destroy", "--yes", code=1)
    assert "protect" in refused.stderr + refused.stdout
    assert httpx.post(f"{small.status()['endpoint.late']['url']}/predict", json=ROW).status_code == 200
    small.mlops("apply", "--yes")


def test_why_and_history_name_the_line_and_the_apply(small: Workplace) -> None:
    told = small.mlops("why", "endpoint.late").stdout
    assert "conf/endpoint/late.yaml:" in told
    assert "package.late" in told
    assert "mlops apply" in small.mlops("history").stdout


def test_destroy_leaves_no_process_port_or_file_and_apply_brings_it_back(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    assert pids(small)
    small.mlops("destroy", "--yes")
    assert pids(small) == set()
    assert not list((small.root / ".mlops/run").rglob("*.sock"))
    assert (small.root / "models/late/export/model.onnx").exists()
    assert small.mlops("status").stdout.startswith("Nothing has been applied")
    try:
        httpx.get(url)
        raise AssertionError("the port still answers")
    except httpx.ConnectError:
        pass
    small.mlops("apply", "--yes")
    assert small.words() == {}
