"""What an error says besides its sentence."""

from __future__ import annotations

import pytest

from mlops.errors import near


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("learing_rate", ["learning_rate", "weight_decay"], "learning_rate"),
        ("notnull", ["not_null", "unique"], "not_null"),
        ("max_epoch", ["max_epochs", "min_epochs"], "max_epochs"),
        ("batch", ["batch_size", "max_epochs"], "batch_size"),
        ("loco", ["local"], "local"),
        ("bianry", ["binary", "regression"], "binary"),
        ("Binary", ["binary", "regression"], "binary"),
    ],
)
def test_slip_of_the_hand_gets_the_word_that_was_meant(name: str, known: list[str], found: str) -> None:
    assert near(name, known) == f"Did you mean `{found}`?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("multilabel", ["binary", "multiclass", "regression"]),
        ("val_auc", ["val_loss", "train_loss"]),
        ("regression", ["compression"]),
        ("x", ["y"]),
        ("anything", []),
    ],
)
def test_word_that_is_merely_similar_gets_no_suggestion(name: str, known: list[str]) -> None:
    assert near(name, known) is None
