"""The default for tables: trees beside a linear model, in one graph from raw rows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from mlops.api.plain_model import plain_files
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.description import Description
from mlops.workloads.training.export import export
from mlops.workloads.training.families.auto import Trial, choose
from mlops.workloads.training.families.auto_space import SPACES, Candidate, candidates_for
from mlops.workloads.training.families.family import family_named
from mlops.workloads.training.report.page import report_page
from mlops.workloads.training.report.write import read_report
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.test_trees import TASKS, model, strange_rows, summary


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize(("task", "label", "metric", "least"), TASKS)
def test_auto_is_one_graph_of_trees_and_a_linear_model(
    project: Path, monkeypatch: pytest.MonkeyPatch, *, task: str, label: str, metric: str, least: float, folded: bool
) -> None:
    quick = {"trees": 40, "patience": 10, "learning_rate": 0.2}
    linear = candidates_for(1, Task(task), rows=100, outputs=1)[0]
    space = (linear, Candidate("boosted_trees", quick), Candidate("random_forest", {"trees": 10}))
    monkeypatch.setitem(SPACES, 1, lambda _: space)
    monkeypatch.setattr("mlops.workloads.training.families.auto._is_better", lambda *_: True)
    if not folded:
        monkeypatch.setattr("mlops.workloads.training.families.auto._FOLDED_ROWS", 10)
    say_dataset(project, label=label)
    prepare("rows")
    metrics = model(project, {"name": "auto"}, task=task)
    assert metrics[metric] > least
    members = summary(project)["members"]
    assert all(member["weight"] > 0 for member in members)
    assert {"boosted_trees", "random_forest"} & {member["architecture"]["name"] for member in members}
    folder = project / "models/m/train"
    fitted = family_named("auto").load(folder, Description.read(folder))
    columns = strange_rows(project)
    expected = fitted.predict(Graph((folder / "features.onnx").read_bytes())(columns))
    got = Graph((project / "models/m/export/model.onnx").read_bytes())(columns)
    assert np.abs(got - expected).max() < 1e-5
    first = {path: path.read_bytes() for path in (project / "models/m").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("m")
    assert {path: path.read_bytes() for path in first} == first


@pytest.mark.parametrize(("rows", "curve", "is_alone"), [(100, 0.2, True), (100, 2.0, False), (5_000, 0.2, False)])
def test_trees_count_only_where_their_gain_is_no_chance(rows: int, curve: float, is_alone: bool) -> None:
    draw = np.random.default_rng(3)
    line, bend, noise = draw.normal(size=(3, rows))
    linear, trees = Candidate("sklearn"), Candidate("boosted_trees")
    trials = [Trial(linear, line[:, None]), Trial(trees, (line + curve * bend + 0.5 * noise)[:, None])]
    kept, weights, bias = choose(trials, line + curve * bend + draw.normal(size=rows), Task.REGRESSION)
    assert [trial.candidate for trial in kept] == ([linear] if is_alone else [linear, trees])
    assert weights.tolist() == [1.0] if is_alone else (weights > 0).all()
    assert bias.shape == (1,)


def test_candidates_follow_from_the_task_and_the_rows() -> None:
    few = candidates_for(1, Task.BINARY, rows=500, outputs=1)
    more = candidates_for(1, Task.BINARY, rows=5_000, outputs=1)
    many = candidates_for(1, Task.BINARY, rows=3_000_000, outputs=1)
    assert (len(few), len(more)) == (6, 7)
    assert [one.family for one in many] == ["sklearn", "boosted_trees"]
    assert list(many) == list(few[:2])
    assert len(candidates_for(1, Task.MULTICLASS, rows=5_000, outputs=10)) == 6


def test_ledger_says_what_was_tried_and_what_the_budget_cut_off(project: Path) -> None:
    say_dataset(project, label="late")
    prepare("rows")
    model(project, {"name": "auto", "budget": "1ms"}, task="binary")
    content = summary(project)
    assert content["space"] == 1
    assert content["cut"] == "the budget of 1ms was over"
    tried = [row["family"] for row in content["candidates"] if "val_auc" in row]
    assert tried == ["constant", "sklearn", "boosted_trees"]
    assert next(row["trees"] for row in content["candidates"] if row["family"] == "boosted_trees") == 1
    assert len(content["candidates"]) == 7
    page = report_page(read_report("m"))
    assert "<h2>Candidates</h2>" in page
    assert "the budget of 1ms was over" in page
    assert ">seconds</th>" in page
    took = [row for row in page.partition("<h2>Candidates</h2>")[2].split("<tr>") if "<td>" in row or "<td " in row][:7]
    assert [bool(re.search(r">[\d.e-]+</td></tr>", row)) for row in took] == [False, True, True, *[False] * 4]


def test_ledger_says_that_trees_were_cut_where_nothing_else_is_left_to_try(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mlops.workloads.training.families.auto.candidates_for", lambda *_, **__: SPACES[1](Task.BINARY)[:2]
    )
    say_dataset(project, label="late")
    prepare("rows")
    model(project, {"name": "auto", "budget": "1ms"}, task="binary")
    assert summary(project)["cut"] == "the budget of 1ms was over"
    model(project, {"name": "auto"}, task="binary")
    assert "cut" not in summary(project)


def test_winner_as_plain_yaml_trains_to_the_same_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linear = candidates_for(1, Task.BINARY, rows=100, outputs=1)[0]
    monkeypatch.setitem(SPACES, 1, lambda _: (linear, Candidate("boosted_trees", {"leaves": 8})))
    monkeypatch.setattr("mlops.workloads.training.families.auto._is_better", lambda *_: True)
    say_dataset(project, label="late")
    prepare("rows")
    model(project, {"name": "auto"}, task="binary")
    inputs = {"dataset": "rows", "task": "binary", "architecture": {"name": "auto"}, "trainer": {"seed": 3}}
    inputs["gates"] = ["test_auc >= 0.5"]
    files = plain_files("m", inputs, summary(project), ("sklearn",))
    own, *members = (yaml.safe_load(text) for text in files.values())
    assert own["architecture"] == {"name": "ensemble", "of": [f"m-{place}" for place in range(1, len(members) + 1)]}
    assert own["gates"]
    for said, kept in zip(members, sorted(summary(project)["members"], key=lambda one: -one["weight"]), strict=True):
        assert "gates" not in said
        assert said["trainer"] == {"seed": 3}
        assert said["architecture"] == kept["architecture"]
    # alone, it learns what it was in the mix
    (trees,) = (said for said in members if said["architecture"]["name"] == "boosted_trees")
    text = (project / "models/m/train/trees_1.txt").read_text()
    say_model(project, "plain", **{name: trees[name] for name in ("task", "architecture", "trainer")})
    train("plain")
    (learned,) = (path for path in (project / "models/plain/train").glob("*.txt"))
    assert learned.read_text().partition("end of trees")[0] == text.partition("end of trees")[0]
