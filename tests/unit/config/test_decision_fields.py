"""What a model may say of how it decides, what it is measured by and what it must beat."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.json_schema import category_of
from mlops.config.schema.model import Model

MODEL: dict[str, Any] = {"dataset": "rows", "task": "binary", "architecture": {"name": "linear"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": 0.3},
        {"threshold": {"by": "f1"}},
        {"threshold": {"by": "cost", "false_positive": 1, "false_negative": 5}},
        {"threshold": {"by": "recall", "precision": 0.8}},
        {"calibration": "isotonic"},
        {"task": "multiclass", "calibration": "temperature"},
        {"metrics": {"cost": {"_target_": "my.metrics.cost", "better": "min"}}, "gates": ["test_cost <= 3"]},
        {"gates": ["test_auc.low >= live", "test_auc >= linear - 0.01", "test_f1 > trivial"]},
        {"slices": ["sex"], "gates": ["test_demographic_parity_ratio[sex] >= 0.8", "test_auc.low[sex] > 0.5"]},
        {"baseline_gate": False},
    ],
)
def test_model_may_say_how_it_decides(fields: dict[str, Any]) -> None:
    written = Model.model_validate({**MODEL, **fields}).model_dump(mode="json", exclude_defaults=True, by_alias=True)
    assert all(written[name] == value for name, value in fields.items() if name != "threshold")
    assert Model.model_validate(written).threshold == Model.model_validate({**MODEL, **fields}).threshold


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"threshold": {"by": "f2"}}, "does not match any of the expected tags"),
        ({"threshold": {"by": "recall"}}, "Field required"),
        ({"task": "regression", "threshold": 0.5}, "a threshold chooses one of two classes"),
        ({"task": "regression", "calibration": "platt"}, "predicts no probabilities"),
        ({"metrics": {"auc": {"_target_": "a.b", "better": "max"}}}, "choose another name"),
        ({"gates": ["test_cost <= 3"]}, "is no metric of task"),
        ({"gates": ["val_auc.low >= 0.5"]}, "only metrics of the test split have one"),
        ({"slices": ["sex"], "gates": ["test_demographic_parity_ratio >= 0.8"]}, r"write `test_demographic_parity_ratio\[COLUMN\]`"),
        ({"slices": ["sex"], "gates": ["test_auc[sex] > trivial"]}, "is measured on the whole split alone"),
    ],
)  # fmt: skip
def test_what_a_model_cannot_decide_by_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Model.model_validate({**MODEL, **fields})


@pytest.mark.parametrize(
    ("field", "category"),
    [
        ("threshold", "REPACKAGE"), ("threshold.false_negative", "REPACKAGE"), ("calibration", "REPACKAGE"),
        ("metrics", "REEVALUATE"), ("baseline_gate", "REEVALUATE"), ("trainer.max_epochs", "RETRAIN"),
    ],
)  # fmt: skip
def test_change_of_a_decision_trains_nothing(field: str, category: str) -> None:
    assert category_of("model", field) == category
