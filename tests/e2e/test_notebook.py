"""What a notebook does with a project: every example of mlops.api, frames of each form, and what goes wrong."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pandas
import pyarrow
import pytest

import mlops.api
from mlops.api import Project
from mlops.api.notebook.predicting import ModelView
from mlops.errors import MlopsError
from mlops.tools.process import alive, processes
from tests.e2e.churn import make_churn

EXAMPLES = {
    module.name: doctest.DocTestFinder().find(importlib.import_module(module.name))
    for module in pkgutil.walk_packages(mlops.api.__path__, "mlops.api.")
}
ROWS = [{"months": 2, "plan": "basic"}, {"months": 50, "plan": "plus"}, {"months": None, "plan": "other"}]
MANY = [{"months": 2, "plan": "basic"}] * 10_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = make_churn(tmp_path_factory.mktemp("churn") / "project")
    try:
        place.mlops("apply", "--yes")
        yield place.root
    finally:
        place.mlops("destroy", "--yes", code=None)


@pytest.fixture
def project(root: Path) -> Project:
    return Project.open(root)


@pytest.mark.parametrize("name", [name for name, tests in EXAMPLES.items() if any(test.examples for test in tests)])
def test_examples_of_a_module_run_as_printed(name: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    runner = doctest.DocTestRunner()
    report: list[str] = []
    for test in EXAMPLES[name]:
        test.globs |= {"project": project, "Project": Project}
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_everything_that_a_notebook_opens_has_an_example() -> None:
    documented = {test.name.rpartition(".")[2] for tests in EXAMPLES.values() for test in tests if test.examples}
    assert documented >= {"Project", "ShownPlan", "SplitView", "ModelView", "EndpointView", "TableView"}
    assert documented >= {"data", "model", "endpoint", "metrics", "runs"}


def test_model_and_endpoint_answer_alike_in_the_form_of_the_question(project: Project) -> None:
    model, endpoint = project.model("churn"), project.endpoint("churn")
    frame = pandas.DataFrame(ROWS, index=["a", "b", "c"])
    answer = model.predict(frame)
    assert list(answer.index) == ["a", "b", "c"]
    pandas.testing.assert_frame_equal(answer, endpoint.predict(frame))
    table = pyarrow.Table.from_pylist(ROWS)
    assert model.predict(table).equals(endpoint.predict(table))
    assert model.predict(ROWS) == endpoint.predict(ROWS) == model.predict(frame).to_dict("records")


def test_rows_of_a_split_are_predicted_as_they_are(project: Project) -> None:
    test = project.data("churn", split="test")
    answers = project.model("churn").predict(test)
    assert answers.num_rows == len(test)
    agree = [
        a == b for a, b in zip(answers["churned"].to_pylist(), test.to_arrow()["churned"].to_pylist(), strict=True)
    ]
    assert sum(agree) / len(agree) > 0.85


def test_bad_row_is_named_by_its_number_in_the_frame(project: Project) -> None:
    bad = [*MANY, {"months": "many", "plan": "plus"}]
    for asked in (project.model("churn"), project.endpoint("churn")):
        with pytest.raises(MlopsError, match=r"row 10000, column months: must be a whole number"):
            asked.predict(bad)


def test_column_that_nobody_knows_is_refused_with_the_nearest(project: Project) -> None:
    with pytest.raises(MlopsError, match="column month: is no column of the model; did you mean months"):
        project.model("churn").predict({"month": 3, "plan": "plus"})


def test_process_of_a_model_is_kept_and_ends_with_the_object(project: Project) -> None:
    model = project.model("churn")
    model.predict(ROWS)
    pid = pid_of(model)
    model.predict(ROWS)
    assert pid_of(model) == pid
    del model
    assert not alive(pid)


def test_process_of_a_model_is_another_after_a_training(project: Project) -> None:
    model = project.model("churn")
    model.predict(ROWS)
    before = pid_of(model)
    (project.root / "models/churn/export/model.onnx").touch()
    assert model.predict(ROWS[0])["churned"]
    assert pid_of(model) != before
    assert not alive(before)


def pid_of(model: ModelView) -> int:
    process = model._process._process
    assert process is not None
    assert process.pid in processes(str(model._process.export))
    return process.pid


def test_process_that_cannot_start_says_why(project: Project, tmp_path: Path) -> None:
    model = project.model("churn")
    model._process.export = tmp_path
    for file in (project.root / "models/churn/export").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() if file.suffix == ".json" else b"no model")
    with pytest.raises(MlopsError, match=r"The process that answers for model.churn ended"):
        model.predict(ROWS)


def test_model_that_is_not_here_says_how_to_get_it(project: Project, tmp_path: Path) -> None:
    project.root = tmp_path
    with pytest.raises(MlopsError, match="Train it with `mlops apply`, or fetch what was trained elsewhere"):
        project.model("churn").predict(ROWS)


def test_endpoint_with_another_key_refuses(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_KEY", "wrong")
    with pytest.raises(MlopsError, match=r"endpoint.churn answered 401: the header x-api-key is missing or wrong"):
        project.endpoint("churn").predict(ROWS)


def test_endpoint_that_was_not_applied_says_so(project: Project) -> None:
    file = project.root / "conf/endpoint/new.yaml"
    file.write_text("package: churn\nstack: local\n")
    try:
        with pytest.raises(MlopsError, match=r"is declared, and nothing was applied yet\. Start it: mlops apply"):
            Project.open(project.root).endpoint("new")
    finally:
        file.unlink()
