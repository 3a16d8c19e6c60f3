"""Each field of trees: what it changes in the trees that are grown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.config.schema.families.family import family_spec
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.training.families.trees.fitted import FittedTrees
from tests.workloads.learning import fit_of, learn_from

TESTED = {
    "trees", "leaves", "depth", "min_rows", "l1", "l2", "row_share", "column_share", "monotone", "learning_rate", "patience",
}  # fmt: skip
"""The fields that a test below changes; a new one needs a test, and its name here."""


def grown(tmp_path: Path, family: str, *, task: str = "binary", rows: int = 400, **fields: Any) -> FittedTrees:
    """Grow trees on four columns. `fields`: those of the architecture; `loss` and `trainer` are the model's."""
    model = {name: fields.pop(name) for name in ("loss", "trainer") if name in fields}
    fit = fit_of(tmp_path, task, rows=rows, architecture={"name": family, **fields}, **model)
    fitted = learn_from(replace(fit, columns=[EncodedColumn(name) for name in "abcd"]))
    assert isinstance(fitted, FittedTrees)
    return fitted


def nodes_of(fitted: FittedTrees) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the depth and the content of every node and leaf."""
    waiting = [(0, tree["tree_structure"]) for tree in fitted.booster.dump_model()["tree_info"]]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting += [(depth + 1, node[side]) for side in ("left_child", "right_child") if side in node]


def leaves_of(fitted: FittedTrees) -> list[dict[str, Any]]:
    return [node for _, node in nodes_of(fitted) if "leaf_value" in node]


FAMILIES = ("boosted_trees", "random_forest")


@pytest.mark.parametrize("family", FAMILIES)
def test_trees_are_as_many_and_as_large_as_said(tmp_path: Path, family: str) -> None:
    fitted = grown(tmp_path, family, trees=3, leaves=4)
    assert fitted.booster.num_trees() == 3
    assert max(tree["num_leaves"] for tree in fitted.booster.dump_model()["tree_info"]) == 4
    assert max(depth for depth, _ in nodes_of(grown(tmp_path, family, trees=3, depth=2))) == 2
    assert max(depth for depth, _ in nodes_of(grown(tmp_path, family, trees=3))) > 2


@pytest.mark.parametrize("family", FAMILIES)
def test_leaf_has_the_rows_that_are_said(tmp_path: Path, family: str) -> None:
    def least(**fields: Any) -> int:
        return min(leaf["leaf_count"] for leaf in leaves_of(grown(tmp_path, family, trees=5, row_share=0.9, **fields)))

    assert least(min_rows=60) >= 60
    assert 4 <= least() < 60  # a hundredth of 400 rows


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("field", ["l1", "l2"])
def test_penalty_makes_values_of_leaves_smaller(tmp_path: Path, family: str, field: str) -> None:
    def size(**fields: float) -> float:
        fitted = grown(tmp_path, family, task="regression", trees=1, leaves=4, **fields)
        values = np.array([leaf["leaf_value"] for leaf in leaves_of(fitted)])
        return float(np.abs(values).max())

    assert size(**{field: 50.0}) < 0.9 * size()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("field", ["row_share", "column_share"])
def test_share_draws_what_a_tree_sees(tmp_path: Path, family: str, field: str) -> None:
    def text(**fields: Any) -> str:
        return grown(tmp_path, family, trees=4, leaves=8, **fields).text.partition("\nparameters:")[0]

    assert text(**{field: 0.4}) == text(**{field: 0.4})
    assert text(**{field: 0.4}) != text(**{field: 0.95})
    assert text(**{field: 0.4}) != text(**{field: 0.4}, trainer={"seed": 5})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("column", "way", "sign"), [("a", "decreasing", -1), ("b", "increasing", 1)])
def test_monotone_prediction_never_goes_the_other_way(
    tmp_path: Path, family: str, column: str, way: str, sign: int
) -> None:
    """The label grows with `a` and falls with `b`: each is held to the opposite."""
    x = np.zeros((50, 4), dtype=np.float32)
    x[:, "abcd".index(column)] = np.linspace(-2, 2, 50)
    fitted = grown(tmp_path, family, task="regression", trees=30, monotone={column: way})
    assert (sign * np.diff(fitted.predict(x)) >= 0).all()
    free = grown(tmp_path, family, task="regression", trees=30)
    assert (sign * np.diff(free.predict(x)) < 0).any()


def test_learning_rate_is_the_share_of_a_correction(tmp_path: Path) -> None:
    def spread(rate: float) -> float:
        return float(
            np.ptp(grown(tmp_path, "boosted_trees", trees=1, learning_rate=rate).sums(np.eye(4, dtype=np.float32)))
        )

    assert spread(0.4) == pytest.approx(4 * spread(0.1), rel=1e-3)


def test_patience_ends_growing_and_keeps_the_best(tmp_path: Path) -> None:
    stopped = grown(tmp_path, "boosted_trees", trees=300, learning_rate=0.3, patience=5).summary
    assert stopped["trees"] == stopped["kept"] + 5 < 300
    assert grown(tmp_path, "boosted_trees", trees=60, learning_rate=0.3, patience=None).summary["trees"] == 60


@pytest.mark.parametrize("family", FAMILIES)
def test_balance_lifts_the_rare_class(tmp_path: Path, family: str) -> None:
    def mean(balance: bool) -> float:
        fit = fit_of(
            tmp_path, rows=400, architecture={"name": family, "trees": 10}, loss={"name": "bce", "balance": balance}
        )
        rare = fit.train.y * (np.arange(400) % 5 == 0)
        train = replace(fit.train, y=rare.astype(np.float32))
        fitted = learn_from(replace(fit, train=train, columns=[EncodedColumn(name) for name in "abcd"]))
        return float(fitted.predict(fit.val.x).mean())

    assert mean(True) > mean(False) + 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_is_the_one_that_is_said(tmp_path: Path, family: str) -> None:
    losses = {"mse": "regression", "mae": "regression_l1", "huber": "huber"}
    for name, objective in losses.items():
        fitted = grown(tmp_path, family, task="regression", trees=2, loss={"name": name})
        assert f"[objective: {objective}]" in fitted.text


def test_limit_of_minutes_ends_growing(tmp_path: Path) -> None:
    fitted = grown(tmp_path, "boosted_trees", trees=500, patience=None, trainer={"limit_minutes": 1e-6})
    assert fitted.summary["trees"] < 500


def test_every_field_of_trees_has_a_test() -> None:
    fields = {name for family in FAMILIES for name in family_spec(family).model_fields}
    assert fields == TESTED | {"name"}
