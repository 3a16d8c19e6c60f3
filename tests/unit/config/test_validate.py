"""Every problem at once, each with its place, its reason and the next step; and what resources cannot do together."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.address import Address
from tests.e2e.conftest import SMALL
from tests.small_project import VALUES, load_files, problems_of

IMAGE = "model: late\nimage: { base: docker.io/library/python@sha256:" + "1" * 64 + " }\n"
CLUSTER = "target: kubernetes\nnamespace: flights\n"
GATEWAY = "gateway: { name: g, namespace: gateways, url: 'https://models.example.com' }\n"


def test_all_problems_come_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    files = {**SMALL, "conf/endpoint/late.yaml": "package: later\nstack: local\nreplica: 2\n"}
    files["conf/monitor/late.yaml"] = "endpoint: late\nwindow: 1 fortnight\n"
    found = [(problem.summary, str(problem.source)) for problem in problems_of(tmp_path, files)]
    assert found == [("unknown field", "conf/endpoint/late.yaml:3"), ("value does not fit", "conf/monitor/late.yaml:2")]


def test_misspelt_field_is_answered_with_the_one_that_is_meant(tmp_path: Path) -> None:
    files = {**SMALL, "conf/model/late.yaml": SMALL["conf/model/late.yaml"].replace("max_epochs", "max_epoch")}
    (problem,) = problems_of(tmp_path, files)
    assert (problem.summary, problem.address) == ("unknown field", "model.late")
    assert problem.hint == "Did you mean `max_epochs`?"


def test_reference_to_nothing_is_answered_with_what_there_is(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/package/late.yaml": "model: later\n"})
    assert (problem.summary, problem.hint) == ("no such resource", "Did you mean `late`?")
    assert "conf/model/ does not define" in problem.detail


def test_output_of_nothing_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {**VALUES, "conf/value/two.yaml": "value: '${output:value.on.value}'\n"})
    assert (problem.summary, problem.hint) == ("no such resource", "Did you mean `value.one`?")


def test_secret_in_the_clear_is_refused_and_never_quoted(tmp_path: Path) -> None:
    text = SMALL["conf/endpoint/late.yaml"] + "auth: { api_key: hunter2 }\n"
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/endpoint/late.yaml": text})
    assert problem.summary == "secret in the clear"
    assert "hunter2" not in problem.detail
    assert problem.source is not None
    assert problem.source.column is None


def test_defaults_are_left_out_of_inputs_and_filled_in_beside_them(tmp_path: Path) -> None:
    endpoint = load_files(tmp_path, SMALL).resources[Address("endpoint", "late")]
    assert "auth" not in endpoint.inputs
    assert endpoint.effective.auth is None
    assert endpoint.effective.rollout.pause == 0.5


def test_environment_file_touches_no_model(tmp_path: Path) -> None:
    files = {**SMALL, "conf/env/dev.yaml": "model: { late: { trainer: { max_epochs: 1 } } }\n"}
    (problem,) = problems_of(tmp_path, files)
    assert problem.summary == "environment touches what is built once"
    assert "+experiment=NAME" in problem.detail


def test_environment_without_shared_state_is_refused(tmp_path: Path) -> None:
    files = {**VALUES, "conf/env/prod.yaml": "concurrency: 2\n"}
    (problem,) = problems_of(tmp_path, files, "env=prod")
    assert (problem.summary, str(problem.source)) == ("environment without shared state", "conf/env/prod.yaml")


@pytest.mark.parametrize(
    ("project", "summary"),
    [
        ("moved: { value.old: value.one }\n", None),
        ("moved: { value.one: value.one }\n", "moved and still there"),
        ("moved: { value.old: value.two }\n", "no such resource"),
        ("moved: { stack.old: value.one }\n", "moved to another kind"),
        ("moved: { value.a: value.one, value.b: value.one }\n", "moved twice"),
        ("removed: [value.gone]\n", None),
        ("removed: [value.one]\n", "removed and still there"),
    ],
)
def test_moved_and_removed_must_agree_with_the_files(tmp_path: Path, project: str, summary: str | None) -> None:
    found = problems_of(tmp_path, {**VALUES, "conf/project.yaml": f"name: values\n{project}"})
    assert [problem.summary for problem in found] == ([summary] if summary else [])


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({"conf/endpoint/late.yaml": "package: late\nstack: local\nautoscale: { most: 4 }\n"}, "not on this target"),
        ({"conf/stack/local.yaml": CLUSTER, "conf/package/late.yaml": IMAGE}, "no gateway"),
        ({"conf/stack/local.yaml": CLUSTER + GATEWAY}, "no image"),
        ({"conf/stack/local.yaml": CLUSTER + GATEWAY, "conf/package/late.yaml": IMAGE}, "no registry"),
        (
            {"conf/stack/local.yaml": CLUSTER + GATEWAY, "conf/package/late.yaml": f"{IMAGE}api: {{ grpc: true }}\n"},
            "not on this target",
        ),
    ],
)
def test_what_a_target_cannot_do_is_refused_before_any_plan(
    tmp_path: Path, changes: dict[str, str], summary: str
) -> None:
    files = {**SMALL, "conf/endpoint/late.yaml": "package: late\nstack: local\n", **changes}
    assert summary in [problem.summary for problem in problems_of(tmp_path, files)]


def test_stages_cannot_be_sent_to_this_machine(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/env/dev.yaml": "training: { stack: local }\n"})
    assert (problem.summary, str(problem.source)) == ("not on this target", "conf/env/dev.yaml:1")


WINDOW = "window: { time: day, past: 3, ahead: 2 }\n"
BY_TIME = SMALL["conf/dataset/rows.yaml"].replace(
    "split: { by: random, val: 10%, test: 20% }", "split: { by: time, column: day, val: 1 day, test: 1 day }"
)


@pytest.mark.parametrize(
    ("task", "dataset", "words"),
    [
        ("multilabel", SMALL["conf/dataset/rows.yaml"], "names one, `late`"),
        (
            "binary",
            SMALL["conf/dataset/rows.yaml"].replace("label: late", "label: [late, slow]"),
            "lists 2: late, slow",
        ),
        ("regression", BY_TIME + WINDOW, "makes windows of series, which `task: forecasting` predicts"),
        ("forecasting", SMALL["conf/dataset/rows.yaml"], "makes no windows of series"),
    ],
)
def test_task_that_does_not_fit_the_labels_is_refused_with_its_line(
    tmp_path: Path, task: str, dataset: str, words: str
) -> None:
    model = SMALL["conf/model/late.yaml"].replace("task: binary", f"task: {task}").partition("gates:")[0]
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/dataset/rows.yaml": dataset, "conf/model/late.yaml": model})
    assert (problem.summary, str(problem.source)) == ("labels do not fit", "conf/model/late.yaml:2")
    assert words in problem.detail
