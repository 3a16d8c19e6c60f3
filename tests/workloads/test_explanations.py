"""What each column contributed: exact where a score is a sum, sampled elsewhere, and asked for in a request."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest

from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.graph import Graph
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.explain_exact import ExactContributions
from mlops.workloads.serving.explain_sampled import SampledContributions
from mlops.workloads.training.export import export
from mlops.workloads.training.families.trees.terms import tree_terms
from mlops.workloads.training.train import train
from tests.served_model import ask_application
from tests.workloads.conftest import say_dataset, say_model

ROWS: list[dict[str, Any]] = [
    {"number": 0.5, "color": "red", "size": 2, "hour": 6, "flag": True},
    {"number": None, "color": "violet", "size": None, "hour": None, "flag": False},
    {"number": -1.5, "color": "blue", "size": 3, "hour": 23, "flag": None},
]
COLUMNS = ["number", "color", "size", "hour", "flag"]
LABELS = {"binary": "late", "multiclass": "grade", "regression": "delay"}
AUTO = {"name": "auto"}
TREES = {"name": "boosted_trees", "trees": 30, "patience": 10}


def explained(root: Path, **model: Any) -> Application:
    """Return the application of a model that was trained, with explanations."""
    say_dataset(root, label=LABELS[model["task"]])
    prepare("rows")
    is_network = model.get("architecture", {"name": "mlp"})["name"] in ("linear", "mlp")
    say_model(root, "m", trainer={"max_epochs": 3} if is_network else {"seed": 3}, **model)
    train("m")
    export("m")
    folder = root / "models/m/export"
    api = {"max_rows": 100, "gather": True, "threads": 1, "outside": "accept", "explain": True}
    (folder / "api.json").write_text(json.dumps(api))
    return Application(folder, "v1")


def ask(application: Application, query: str = "?explain=true", rows: Any = ROWS) -> dict[str, Any]:
    answer = ask_application(application, "POST", f"/predict{query}", json={"rows": rows})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def check_sums(explanations: dict[str, Any]) -> None:
    for one in explanations["rows"]:
        assert list(one["contributions"]) == COLUMNS
        assert one["base"] + sum(one["contributions"].values()) == pytest.approx(one["score"], abs=1e-6)


@pytest.mark.parametrize("architecture", [{"name": "linear"}, TREES, {"name": "random_forest", "trees": 10}, AUTO])
def test_exact_contributions_add_up_to_the_log_odds(project: Path, architecture: dict[str, Any]) -> None:
    answer = ask(explained(project, task="binary", architecture=architecture))
    assert (answer["explanations"]["method"], answer["explanations"]["scale"]) == ("exact", "log-odds")
    check_sums(answer["explanations"])
    for prediction, one in zip(answer["predictions"], answer["explanations"]["rows"], strict=True):
        assert 1 / (1 + math.exp(-one["score"])) == pytest.approx(prediction["probability"], abs=1e-5)


@pytest.mark.parametrize("architecture", [{"name": "linear"}, TREES, AUTO])
def test_exact_contributions_are_in_the_unit_of_the_label(project: Path, architecture: dict[str, Any]) -> None:
    application = explained(project, task="regression", architecture=architecture)
    answer = ask(application)
    check_sums(answer["explanations"])
    assert answer["explanations"]["scale"] == "prediction"
    for prediction, one in zip(answer["predictions"], answer["explanations"]["rows"], strict=True):
        (value,) = prediction.values()
        assert one["score"] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("architecture", [{"name": "linear"}, TREES, AUTO])
def test_exact_contributions_of_the_predicted_class_are_its_logit(project: Path, architecture: dict[str, Any]) -> None:
    answer = ask(explained(project, task="multiclass", architecture=architecture))
    check_sums(answer["explanations"])
    assert answer["explanations"]["scale"] == "logit"
    for prediction, one in zip(answer["predictions"], answer["explanations"]["rows"], strict=True):
        assert one["of"] == prediction["grade"]
    folder = project / "models/m/export"
    types = feature_types(json.loads((project / "data/rows/schema.json").read_text()))
    columns = read_columns(project / "data/rows/test.parquet", types)
    exact = ExactContributions(folder / "explain.npz", len(COLUMNS))
    for x, chances in zip(
        Graph((folder / "features.onnx").read_bytes())(columns)[:20],
        Graph((folder / "model.onnx").read_bytes())(columns),
        strict=False,
    ):
        parts = [exact.of(x, output) for output in range(len(chances))]
        powers = np.exp([base + contributions.sum() for base, contributions in parts])
        assert powers / powers.sum() == pytest.approx(chances, abs=1e-5)


def test_one_column_that_changes_moves_its_own_contribution_alone_in_a_linear_model(project: Path) -> None:
    application = explained(project, task="binary", architecture={"name": "linear"})
    for column, value in (("number", -1.0), ("color", "green"), ("hour", 12)):
        before, after = ask(application, rows=[ROWS[0], {**ROWS[0], column: value}])["explanations"]["rows"]
        moved = {name: after["contributions"][name] - before["contributions"][name] for name in COLUMNS}
        assert moved.pop(column) == pytest.approx(after["score"] - before["score"], abs=1e-6)
        assert set(moved.values()) == {0.0}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", [TREES, {"name": "random_forest", "trees": 10}])
def test_contributions_of_trees_are_those_of_lightgbm(project: Path, task: str, family: dict[str, Any]) -> None:
    explained(project, task=task, architecture=family)
    folder = project / "models/m"
    types = feature_types(json.loads((project / "data/rows/schema.json").read_text()))
    columns = {
        name: values[:40].copy() for name, values in read_columns(project / "data/rows/test.parquet", types).items()
    }
    columns["color"][0], columns["number"][1], columns["flag"][2], columns["hour"][3] = "violet", np.nan, np.nan, np.nan
    rows = Graph((folder / "train/features.onnx").read_bytes())(columns)
    booster = lightgbm.Booster(model_str=(folder / "train/trees.txt").read_text())
    label = json.loads((folder / "train/label.json").read_text())
    outputs = booster.num_model_per_iteration()
    expected = np.asarray(booster.predict(rows, pred_contrib=True)).reshape(len(rows), outputs, -1)
    rounds = booster.current_iteration() if family["name"] == "random_forest" else 1
    expected = expected / rounds * label["scale"]
    exact = ExactContributions(folder / "export/explain.npz", len(COLUMNS))
    for place, output in itertools.product(range(len(rows)), range(outputs)):
        base, contributions = exact.of(rows[place], output)
        assert contributions == pytest.approx(expected[place, output, :-1], abs=1e-6)
        assert base == pytest.approx(expected[place, output, -1] + label["center"], abs=1e-6)


def test_trees_without_a_branch_contribute_nothing(tmp_path: Path) -> None:
    x, y = np.zeros((50, 2)), np.full(50, 3.0)
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, y), 2)
    np.savez(tmp_path / "explain.npz", **tree_terms([(booster, 2.0)], (0, 1)))
    base, contributions = ExactContributions(tmp_path / "explain.npz", 2).of(np.zeros(2, dtype=np.float32), 0)
    assert (base, contributions.tolist()) == (pytest.approx(6.0), [0.0, 0.0])


def test_columns_that_become_several_numbers_are_one_player(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    x = chance.normal(size=(400, 4))
    y = x[:, 0] * x[:, 1] + x[:, 2] - x[:, 3] * x[:, 0]
    booster = lightgbm.train({"verbose": -1, "num_leaves": 12, "num_threads": 1}, lightgbm.Dataset(x, y), 10)
    column_of = (0, 0, 1, 2)
    np.savez(tmp_path / "explain.npz", **tree_terms([(booster, 1.0)], column_of))
    exact = ExactContributions(tmp_path / "explain.npz", 3)
    for row in x[:5].astype(np.float32):
        base, contributions = exact.of(row, 0)
        assert contributions == pytest.approx(brute_force(booster, row, column_of), abs=1e-9)
        assert base + contributions.sum() == pytest.approx(float(booster.predict(row[None])[0]), abs=1e-9)


def brute_force(booster: lightgbm.Booster, row: Any, column_of: tuple[int, ...]) -> list[float]:
    """Return Shapley values by the definition: over all sets of known columns."""
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]

    def value(node: dict[str, Any], known: frozenset[int]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        sides = node["left_child"], node["right_child"]
        feature = node["split_feature"]
        if column_of[feature] in known:
            return value(sides[0 if row[feature] <= node["threshold"] else 1], known)
        counts = [side.get("internal_count", side.get("leaf_count")) for side in sides]
        return sum(count * value(side, known) for count, side in zip(counts, sides, strict=True)) / sum(counts)

    return shapley(lambda known: sum(value(tree, known) for tree in trees), 3)


def shapley(game: Any, width: int) -> list[float]:
    found = []
    for column in range(width):
        others = [other for other in range(width) if other != column]
        total = 0.0
        for size in range(width):
            share = math.factorial(size) * math.factorial(width - size - 1) / math.factorial(width)
            for known in map(frozenset, itertools.combinations(others, size)):
                total += share * (game(known | {column}) - game(known))
        found.append(total)
    return found


def test_sampled_contributions_are_the_shapley_values_where_columns_meet_in_pairs() -> None:
    chance = np.random.default_rng(2)
    background = [tuple(map(float, row)) for row in chance.normal(size=(20, 4))]

    def predict(rows: list[tuple[Any, ...]]) -> list[float]:
        return [a * b + 3 * c - c * d + 2 for a, b, c, d in rows]

    row = (0.5, -1.0, 2.0, 0.25)

    def game(known: frozenset[int]) -> float:
        mixed = [tuple(row[place] if place in known else other[place] for place in range(4)) for other in background]
        return float(np.mean(predict(mixed)))

    made = SampledContributions(predict, background).of(row, predict([row])[0], 0)
    assert made is not None
    base, contributions = made
    assert contributions == pytest.approx(shapley(game, 4), abs=1e-9)
    assert base == pytest.approx(game(frozenset()), abs=1e-9)


def test_other_families_are_sampled_and_equal_rows_have_equal_explanations(project: Path) -> None:
    application = explained(project, task="binary")
    answer = ask(application, rows=[*ROWS, ROWS[0]])
    explanations = answer["explanations"]
    assert (explanations["method"], explanations["scale"]) == ("sampled", "probability")
    check_sums(explanations)
    for prediction, one in zip(answer["predictions"], explanations["rows"], strict=True):
        assert one["score"] == pytest.approx(prediction["probability"], abs=1e-6)
    assert explanations["rows"][0] == explanations["rows"][3]
    assert ask(application)["explanations"]["rows"] == explanations["rows"][:3]
    plain = ask(application, "")
    assert "explanations" not in plain
    assert plain["predictions"] == answer["predictions"][:3]


def test_explainer_of_an_export_has_equal_bytes_each_time(project: Path) -> None:
    explained(project, task="binary", architecture=TREES)
    folder = project / "models/m/export"
    first = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "api.json"}
    assert {"explain.json", "explain.npz", "features.onnx"} < set(first)
    export("m")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    onnx.checker.check_model(onnx.load(folder / "features.onnx"))
