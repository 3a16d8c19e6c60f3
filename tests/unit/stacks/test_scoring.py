"""What scores a batch on a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.contracts.codec import ContractError, convert
from mlops.contracts.scoring_job import ScoringInputs
from tests.rendered import render
from tests.unit.stacks.program_inputs import FULL_SCORING, SCORING, SECRETS


def pod_of(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def test_schedule_is_a_cron_job_that_never_runs_twice_at_once() -> None:
    rendered = render("scoring", SCORING)
    spec = rendered.one("CronJob")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 6 * * *", "Etc/UTC", "Forbid")
    job = spec["jobTemplate"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (3, 14400)
    assert pod_of(job)["restartPolicy"] == "Never"
    assert not rendered.of("Job")


def test_run_reads_its_configuration_and_writes_in_its_own_folder() -> None:
    (container,) = pod_of(render("scoring", SCORING).one("CronJob")["spec"]["jobTemplate"]["spec"])["containers"]
    assert container["command"][-2:] == ["mlops.workloads.scoring.score", "/etc/mlops/config.json"]
    assert container["workingDir"] == "/workspace"
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert mounts["/etc/mlops"]["readOnly"] is True
    assert mounts["/workspace"]["name"] == mounts["/tmp"]["name"]


def test_without_a_schedule_other_files_are_another_job() -> None:
    first = render("scoring", FULL_SCORING, SECRETS)
    again = render("scoring", FULL_SCORING, SECRETS)
    other = render("scoring", {**FULL_SCORING, "files": {**SCORING["files"], "config.json": "e30K"}}, SECRETS)
    names = [one.one("Job")["metadata"]["name"] for one in (first, again, other)]
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("delay-nightly-scoring-")
    assert not first.of("CronJob")


def test_secrets_are_variables_of_the_run() -> None:
    (container,) = pod_of(render("scoring", FULL_SCORING, SECRETS).one("Job")["spec"])["containers"]
    (hook,) = [one for one in container["env"] if one["name"] == "WEBHOOK"]
    assert hook["valueFrom"] == {"secretKeyRef": {"name": "delay-nightly-scoring", "key": "WEBHOOK"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files": {"model/model.onnx": "AAE="}}, "no config.json"), ({"name": "a" * 60}, "cannot name"),
        ({"files": {"config.json": "e30=", "../x": "AAE="}}, "no relative path"), ({"time_limit": 0}, "time_limit"),
    ],
)  # fmt: skip
def test_inputs_that_a_cluster_would_refuse_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        convert(ScoringInputs, {**SCORING, **change})
