"""What a notebook does with a project: every example of mlops.api, frames of each form, and what goes wrong."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlops.api
from mlops.api import Project
from tests.e2e.churn import make_churn

MODULES = sorted(module.name for module in pkgutil.walk_packages(mlops.api.__path__, "mlops.api."))
WITH_EXAMPLES = ("plan", "project", "table", "data", "predicting", "views")
BAD = {"months": "many", "plan": "plus"}


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


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run_as_printed(name: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    names = {"project": project, "Project": Project}
    found = doctest.DocTestFinder().find(module, extraglobs=names)
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL * 0)
    examples = sum(len(test.examples) for test in found)
    assert (examples > 0) == (name.rpartition(".")[2] in WITH_EXAMPLES and name != "mlops.api.rollback"), name
    report: list[str] = []
    for test in found:
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
