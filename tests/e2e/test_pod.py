"""Stages in pods: an empty folder with the files of one model, a DVC remote, and what comes home."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError
from mlops.targets.kubernetes.workspace import workspace_files, workspace_secrets
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.remote import Remote, locked_outs, remote_of
from mlops.tools.dvc.report import take_report
from mlops.tools.dvc.settings import DvcSettings
from mlops.workloads.pod.report import reduced
from tests.e2e.conftest import Workplace, make_small

STAGES = ("train@late", "evaluate@late", "export@late")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A small project whose data are made and pushed, and whose model nobody has trained."""
    place = make_small(tmp_path_factory.mktemp("prepared") / "project")
    place.mlops("render")
    place.run("dvc", "repro", "-q", "prepare@rows")
    assert remote_of(place.root) is None
    place.run("dvc", "remote", "add", "-d", "store", "../store")
    remote_at(place).push(locked_outs(place.root, ["prepare@rows"]))
    return place


def remote_at(place: Workplace) -> Remote:
    remote = remote_of(place.root)
    assert remote is not None
    return remote


@pytest.fixture(scope="module")
def here(prepared: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The same project, its stages run on this machine."""
    place = copy(prepared, tmp_path_factory.mktemp("here"))
    place.run("dvc", "repro", "-q", *STAGES)
    return place


def copy(place: Workplace, to: Path) -> Workplace:
    """With a remote of its own."""
    shutil.copytree(place.root.parent, to, dirs_exist_ok=True)
    return Workplace(to / "project")


@pytest.fixture
def caller(prepared: Workplace, tmp_path: Path) -> Workplace:
    return copy(prepared, tmp_path)


def start(
    place: Workplace, name: str, *stages: str, deps: str = "data/rows", python: str = sys.executable, **env: str
) -> subprocess.Popen[str]:
    folder = place.root.parent / name
    for path, text in workspace_files(place.root, "late", DvcSettings.of(place.root)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    told = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_", "DVC_"))},
        "MLOPS_STAGES": " ".join(stages), "MLOPS_DEPS": deps, "MLOPS_REPORT": str(folder / "report.json"), **env,
    }  # fmt: skip
    return subprocess.Popen(
        [python, "-m", "mlops.workloads.pod"], cwd=folder, env=told, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def end(pod: subprocess.Popen[str], code: int = 0) -> str:
    out, _ = pod.communicate(timeout=300)
    assert pod.returncode == code, out
    return out


def report_of(place: Workplace, name: str) -> Mapping[str, Any]:
    content = (place.root.parent / name / "report.json").read_bytes()
    assert len(content) <= 4096
    told: Mapping[str, Any] = json.loads(content)
    return told


def take(place: Workplace, name: str) -> None:
    take_report(remote_at(place), report_of(place, name), lambda line, fraction: None)


def assert_is_at_rest(place: Workplace) -> None:
    assert json.loads(place.run("dvc", "status", "--json").stdout) == {}
    lock = (place.root / "dvc.lock").read_bytes()
    assert "Running stage" not in place.run("dvc", "repro").stdout
    assert (place.root / "dvc.lock").read_bytes() == lock


def test_what_one_pod_makes_is_what_this_machine_makes(caller: Workplace, here: Workplace) -> None:
    said = end(start(caller, "pod", *STAGES))
    assert "epoch 2 of 2" in said
    take(caller, "pod")
    for path in ("dvc.lock", "metrics/model/late.json", "plots/model/late/roc.json", "models/late/export/model.onnx"):
        assert (caller.root / path).read_bytes() == (here.root / path).read_bytes(), path
    assert_is_at_rest(caller)
    entries = report_of(caller, "pod")["stages"]
    assert all("inputs" in entry for entry in entries.values())  # with its parameters the report would not fit
    whole = {name: entry for name, entry in LockFile(here.root).entries().items() if name in entries}
    assert reduced(whole) == entries
    take_report(remote_at(caller), {"stages": whole}, lambda line, fraction: None)
    assert (caller.root / "dvc.lock").read_bytes() == (here.root / "dvc.lock").read_bytes()
    (caller.root / "params/model/late.json").write_text('{"train": {}, "evaluate": {}, "export": {}}')
    with pytest.raises(MlopsError, match="stage's inputs moved"):
        take_report(remote_at(caller), {"stages": entries}, lambda line, fraction: None)


def test_what_was_finished_before_a_stage_failed_is_kept(caller: Workplace) -> None:
    params = caller.root / "params/model/late.json"
    told = json.loads(params.read_text())
    told["evaluate"]["slices"] = ["nowhere"]
    params.write_text(json.dumps(told))
    end(start(caller, "pod", *STAGES), code=1)
    report = report_of(caller, "pod")
    assert [problem["summary"] for problem in report["problems"]] == ["no such column"]
    assert list(report["stages"]) == ["train@late"]
    with pytest.raises(MlopsError, match="names `nowhere`"):
        take(caller, "pod")
    told["evaluate"]["slices"] = []
    params.write_text(json.dumps(told))
    assert "train@late" not in json.loads(caller.run("dvc", "status", "--json").stdout)
    end(start(caller, "again", *STAGES[1:], deps="data/rows models/late/train"))
    take(caller, "again")
    assert_is_at_rest(caller)


def test_data_that_no_remote_has_may_be_there_at_the_next_try(caller: Workplace) -> None:
    shutil.rmtree(caller.root.parent / "store")
    said = end(start(caller, "pod", *STAGES), code=75)
    assert "trying again" in said
    [problem] = report_of(caller, "pod")["problems"]
    assert "data/rows" in problem["detail"]


def test_a_pod_that_is_stopped_says_so_and_leaves_nothing_behind(caller: Workplace) -> None:
    params = caller.root / "params/model/late.json"
    told = json.loads(params.read_text())
    told["train"]["trainer"]["max_epochs"] = 1_000_000
    params.write_text(json.dumps(told))
    pod = start(caller, "pod", *STAGES)
    assert pod.stdout is not None
    while "epoch 1 of" not in (line := pod.stdout.readline()):
        assert line, "the pod ended"
    pod.send_signal(signal.SIGTERM)
    end(pod, code=143)
    assert report_of(caller, "pod")["problems"][0]["summary"] == "pod was stopped"
    deadline = time.monotonic() + 10
    while running_in(caller.root.parent / "pod"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_pod_goes_on_where_one_that_was_stopped_was(caller: Workplace) -> None:
    params = caller.root / "params/model/late.json"
    sections = json.loads(params.read_text())
    sections["train"]["trainer"] |= {"max_epochs": 400, "early_stopping": None, "checkpoint": {"every_epochs": 1000}}
    params.write_text(json.dumps(sections))
    pod = start(caller, "pod", *STAGES)
    assert pod.stdout is not None
    while "epoch 5 of" not in (line := pod.stdout.readline()):
        assert line, "the pod ended"
    pod.send_signal(signal.SIGTERM)
    end(pod, code=143)
    said = end(start(caller, "next", *STAGES))
    assert "an earlier pod left a checkpoint" in said
    assert "epoch 5 of 400" not in said
    assert "epoch 400 of 400" in said
    assert not list((caller.root.parent / "store/checkpoints").iterdir())


def running_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_no_credential_is_among_the_files(caller: Workplace) -> None:
    caller.run("dvc", "remote", "add", "-d", "--local", "cloud", "s3://bucket/models")
    caller.run("dvc", "remote", "modify", "--local", "cloud", "secret_access_key", "a%secret")
    files = workspace_files(caller.root, "late", DvcSettings.of(caller.root))
    assert all("a%secret" not in text for text in files.values())
    assert str(caller.root.parent / "store") in files[".dvc/config"]
    assert list(workspace_secrets(DvcSettings.of(caller.root))) == ["MLOPS_DVC_CONFIG"]
    assert "secret_access_key = a%secret" in workspace_secrets(DvcSettings.of(caller.root))["MLOPS_DVC_CONFIG"]
