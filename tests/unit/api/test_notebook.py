"""What a notebook shows: plans, applies and tables; and what it must not show."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops.api import Project
from mlops.api.notebook.data import SplitView
from mlops.api.notebook.table import TableView
from mlops.engine.resource import Outcome, Step
from mlops.errors import MlopsError
from mlops.plugin.value import ValueKind
from tests.small_project import VALUES, write_files

TWO = VALUES | {"conf/value/two.yaml": 'value: "${output:value.one.value}"\n'}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(write_files(tmp_path, TWO))


class Kernel:
    """What is asked of IPython in a notebook: to show an object, and to show it anew."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.display = SimpleNamespace(display=self._display)

    def get_ipython(self) -> Any:
        return SimpleNamespace(kernel=self)

    def _display(self, shown: Any, *, display_id: bool) -> Any:
        assert display_id
        self.update(shown)
        return self

    def update(self, shown: Any) -> None:
        self.shown.append(shown._repr_html_())


def test_project_opens_by_text_and_from_a_folder_inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Project.open(str(project.root)).spec.name == "values"
    monkeypatch.chdir(project.root / "conf" / "value")
    assert Project.open().root == project.root


def test_project_opens_in_an_environment(tmp_path: Path) -> None:
    env = {"conf/env/prod.yaml": "state: { url: 'sqlite:///prod.db' }\n"}
    project = Project.open(write_files(tmp_path, VALUES | env), env="prod")
    assert project.environment == "prod"
    assert project.plan().document["apply_with"] == "mlops apply env=prod"


def test_project_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "a-secret-word")
    env = {"conf/env/prod.yaml": "state: { url: 'sqlite:///${secret:WORD}.db' }\n"}
    project = Project.open(write_files(tmp_path, VALUES | env), env="prod")
    assert repr(project) == f"<Project values, environment prod, in {tmp_path}>"


def test_plan_is_shown_as_a_part_of_a_page(project: Project) -> None:
    html = project.plan()._repr_html_()
    assert html.startswith("<style>")
    assert "2 to create" in html
    assert "<body" not in html
    rules = [
        line for line in html.partition("</style>")[0].splitlines() if "{" in line and not line.startswith("@media")
    ]
    assert all(part.lstrip().startswith((".mlops-plan", "<style>")) for line in rules for part in line.split("} ")), (
        rules
    )


def test_plan_is_printed_as_the_command_line_prints_it(project: Project) -> None:
    plan = project.plan()
    assert "value.one" in str(plan)
    assert str(plan).splitlines()[-1] == "Apply it with: mlops apply"
    assert plan.has_changes
    assert plan.summary["create"] == 2


def test_apply_without_a_plan_does_what_would_be_planned(project: Project) -> None:
    assert repr(project.apply()).startswith("Applied 2 changes")
    assert not project.plan().has_changes
    assert repr(project.apply()) == "Nothing to apply. The world matches conf/."


def test_apply_raises_what_failed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(kind: ValueKind, step: Step) -> Outcome:
        raise MlopsError.of("no luck", "It did not work.")

    monkeypatch.setattr(ValueKind, "create", fails)
    with pytest.raises(MlopsError, match="no luck: It did not work"):
        project.apply()


def test_apply_shows_a_bar_and_its_lines_in_a_notebook(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", kernel)  # type: ignore[arg-type]
    project.apply()
    assert kernel.shown[0].startswith('<progress value="0" max="2"></progress> 0 of 2')
    assert kernel.shown[-1].startswith('<progress value="2" max="2"></progress> 2 of 2')
    assert "✓ value.one" in kernel.shown[-1]


def test_apply_shows_a_bar_on_a_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    project.apply()
    assert "✓ value.two" in capsys.readouterr().err


def test_apply_shows_nothing_in_a_script(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.apply()
    assert capsys.readouterr() == ("", "")


def test_table_escapes_what_a_user_wrote() -> None:
    table = TableView([{"model": "<b>", "auc": 0.123456789}, {"model": "x", "gates": "held"}])
    assert "<td>&lt;b&gt;</td><td>0.123457</td><td></td>" in table._repr_html_()
    assert repr(table).splitlines()[0] == "model  auc       gates"
    assert table.to_pandas()["auc"][0] == 0.123456789
    assert repr(TableView()) == "no rows"


def test_split_that_is_misspelt_is_answered_with_the_splits_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(MlopsError, match="`tset` is no split of a data set; there are train, val, test"):
        SplitView("flights", "tset", tmp_path)


def test_rows_that_are_not_here_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MlopsError, match="Make them with `mlops apply`, or fetch what was made elsewhere"):
        SplitView("flights", "test", tmp_path)
