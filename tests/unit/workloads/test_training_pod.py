"""What a training pod is given, what it reports, and how pods wait for each other."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError, Problem, ToolFailed
from mlops.workloads.pod.barrier import hold, stay
from mlops.workloads.pod.child import child_environment, run_child
from mlops.workloads.pod.pod_settings import PodSettings
from mlops.workloads.pod.report import MOST, report_text
from tests.ports import any_port

ENV = {"MLOPS_STAGES": "train@delay evaluate@delay", "MLOPS_DEPS": "data/flights"}


def entry(params: int, outs: int = 1) -> dict[str, Any]:
    return {
        "cmd": "python pipelines/train.py delay",
        "deps": [{"path": "data/flights", "hash": "md5", "md5": "7" * 32 + ".dir", "size": 1, "nfiles": 5}],
        "params": {"params/model/delay.json": {"train": {"text": "x" * params}}},
        "outs": [{"path": f"models/{n}", "hash": "md5", "md5": "1" * 32 + ".dir", "size": 1, "nfiles": 6} for n in range(outs)],
    }  # fmt: skip


def test_a_pod_alone_needs_to_know_its_stages_only() -> None:
    settings = PodSettings.of({"MLOPS_STAGES": "train@delay"})
    assert (settings.is_first, settings.is_spread, settings.work.deps) == (True, False, ())
    assert settings.work.report == "/dev/termination-log"


@pytest.mark.parametrize(
    ("more", "spread", "processes"),
    [
        ({}, False, 1),
        ({"MLOPS_GPUS": "1"}, False, 1),
        ({"MLOPS_GPUS": "4"}, True, 4),
        ({"MLOPS_PODS": "2", "MLOPS_COORDINATOR": "job-0.job"}, True, 1),
    ],
)
def test_training_is_spread_over_pods_and_over_gpus(more: dict[str, str], spread: bool, processes: int) -> None:
    settings = PodSettings.of(ENV | more)
    assert (settings.is_spread, settings.processes) == (spread, processes)


@pytest.mark.parametrize(
    ("env", "summary"),
    [
        ({}, "pod has no stages: MLOPS_STAGES is ''"),
        (ENV | {"MLOPS_STAGES": "train"}, "pod has no stages: MLOPS_STAGES is 'train'"),
        (ENV | {"MLOPS_PODS": "two"}, "MLOPS_PODS is 'two'. It must be a whole number of at least 1"),
        (ENV | {"JOB_COMPLETION_INDEX": "1"}, "pod does not know its place"),
        (ENV | {"MLOPS_PODS": "2"}, "pod does not know its place"),
    ],
)
def test_a_pod_that_lacks_a_variable_says_which(env: dict[str, str], summary: str) -> None:
    with pytest.raises(MlopsError, match=summary):
        PodSettings.of(env)


def test_a_report_holds_whole_entries_where_they_fit() -> None:
    assert json.loads(report_text({"train@delay": entry(100)})) == {"stages": {"train@delay": entry(100)}}


def test_a_long_report_holds_command_and_parameters_by_digest() -> None:
    text = report_text({"train@delay": entry(5000)})
    short = json.loads(text)["stages"]["train@delay"]
    assert len(text.encode()) <= MOST
    assert list(short) == ["inputs", "deps", "outs"]
    assert len(short["inputs"]) == 32


def test_a_report_that_cannot_fit_is_a_problem() -> None:
    with pytest.raises(MlopsError, match="report does not fit"):
        report_text({"train@delay": entry(10, outs=50)})


@pytest.mark.parametrize("stages", [{}, {"train@delay": entry(10)}, {"train@delay": entry(10, outs=50)}])
def test_problems_are_reported_in_any_case_and_cut_in_their_middle(stages: dict[str, Any]) -> None:
    problem = Problem("stage failed", f"begin {'ü' * 9000} end")
    text = report_text(stages, [problem] * 9)
    reported = json.loads(text)["problems"][0]
    assert len(text.encode()) <= MOST
    assert reported["detail"].startswith("begin")
    assert reported["detail"].endswith("end")


def test_output_of_a_child_is_passed_on_and_ends_the_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    env = child_environment(tmp_path)
    run_child(["sh", "-c", "echo one"], env)
    assert capfd.readouterr().out == "one\n"
    with pytest.raises(ToolFailed, match=r"(?s)ended with 3.*last words"):
        run_child(["sh", "-c", "echo last words >&2; exit 3"], env)
    with pytest.raises(ToolFailed, match="ended with signal SIGKILL"):
        run_child(["sh", "-c", "kill -9 $$"], env)


def test_a_child_sees_the_workspace_and_no_channel_of_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_STAGE_PROGRESS", "/somewhere")
    env = child_environment(tmp_path)
    assert "MLOPS_STAGE_PROGRESS" not in env
    assert env["DVC_SITE_CACHE_DIR"].startswith(str(tmp_path))


def waiting(port: int, count: int) -> tuple[list[threading.Thread], list[str]]:
    summaries: list[str] = []

    def wait() -> None:
        try:
            stay("localhost", port)
            summaries.append("done")
        except ToolFailed as error:
            summaries.append(error.problems[0].summary)

    threads = [threading.Thread(target=wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, summaries


def test_pods_stay_until_the_first_one_is_done() -> None:
    port = any_port()
    threads, summaries = waiting(port, 3)
    with hold(port, 3):
        assert summaries == []
    for thread in threads:
        thread.join(10)
    assert summaries == ["done"] * 3


def test_pods_are_started_again_where_the_first_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.workloads.pod.barrier._PATIENCE", 1.0)
    port = any_port()
    threads, summaries = waiting(port, 1)
    with pytest.raises(RuntimeError, match="no disk"), hold(port, 1):
        raise RuntimeError("no disk")
    threads[0].join(10)
    assert summaries == ["first pod was lost"]
