"""What a search may say, and what of it is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.model import Model
from mlops.config.schema.searched import with_values

MODEL = {"dataset": "rows", "task": "binary", "architecture": {"name": "mlp"}}


def model(**tune: Any) -> Model:
    return Model.model_validate({**MODEL, "tune": tune})


@pytest.mark.parametrize(
    ("tune", "words"),
    [
        ({"space": {}}, "at least one field"),
        ({"space": {"dataset": {"choice": ["a"]}}}, "cannot be searched"),
        ({"space": {"optimizer.lr": 0.1}}, "says no values"),
        ({"space": {"optimizer.lr": {"log": [0, 1]}}}, "above zero"),
        ({"space": {"optimizer.lr": {"range": [2, 1]}}}, "2 is not below 1"),
        ({"space": {"optimizer.lr": {"range": [1]}}}, "takes 2 numbers"),
        ({"space": {"trainer.batch_size": {"int": [1.5, 4]}}}, "whole numbers"),
        ({"space": {"optimizer.lr": {"range": [-1, 1]}}}, "a trial could not be trained: optimizer.lr"),
        ({"space": {"optimizer.rate": {"range": [0, 1]}}}, "a trial could not be trained: optimizer.rate"),
        ({"space": {"architecture.dropout": {"choice": [0, 2]}}}, "a trial could not be trained: architecture.dropout"),
        ({"space": {"architecture": [{"name": "mlp"}, {"name": "boosted_trees", "leaves": {"int": [0, 4]}}]}}, "architecture"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "search": "grid"}, "has no end of them"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "objective": {}}, "name a metric"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "objective": {"val_auc": "max", "size": "min"}, "prune": "asha"}, "several"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "budget": "-1s"}, "duration"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "budget": "5 usd"}, "no money; write such as 15m, 1h or 5 USD"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "budget": "0 USD"}, "no amount of money"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "limits": ["test_auc >= 0.5"]}, "is no limit"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "trials": 0}, "greater than or equal to 1"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "folds": 0}, "greater than or equal to 1"),
        ({"space": {"optimizer.lr": {"range": [0.1, 1]}}, "parallel": 0}, "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_space_that_no_trial_could_take_is_refused(tune: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        model(**tune)


def test_branch_of_a_space_takes_what_its_family_reads() -> None:
    space = {
        "optimizer.lr": {"log": [1e-3, 1e-1]},
        "architecture": [
            {"name": "mlp", "dropout": {"range": [0, 0.5]}}, {"name": "boosted_trees", "leaves": {"log_int": [2, 64]}},
        ],
    }  # fmt: skip
    made = model(space=space)
    assert made.tune is not None
    assert [one.path for one in made.tune.dimensions] == [
        "optimizer.lr", "architecture", "architecture=0.dropout", "architecture=1.leaves",
    ]  # fmt: skip
    said = {**MODEL, "optimizer": {"name": "sgd"}, "trainer": {"seed": 3, "max_epochs": 2}}
    chosen = {"optimizer.lr": 0.1, "architecture": {"name": "boosted_trees", "leaves": 4}}
    values = with_values(said, chosen)
    assert "optimizer" not in values
    assert values["trainer"]["seed"] == 3
    assert Model.model_validate(values).architecture.name == "boosted_trees"
