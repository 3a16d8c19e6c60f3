"""What models without a label, and models from elsewhere, may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.families.network import LOSSES
from mlops.config.schema.model import Model
from mlops.metrics.task import Task


def judged(task: str, **architecture: Any) -> Model:
    return Model.model_validate({"dataset": "rows", "task": task, "architecture": architecture})


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("clustering", "k_means"),
        ("clustering", "gaussian_mixture"),
        ("anomaly", "isolation_forest"),
        ("anomaly", "autoencoder"),
        ("reduction", "pca"),
    ],
)
def test_family_without_label_does_its_own_task_alone(task: str, name: str) -> None:
    assert judged(task, name=name).task == task
    with pytest.raises(ValidationError, match=f"the family `{name}` cannot do `binary`"):
        judged("binary", name=name)


def test_network_that_needs_a_label_refuses_a_task_without() -> None:
    assert Task.ANOMALY in LOSSES
    with pytest.raises(ValidationError, match="the family `mlp` cannot do `anomaly`"):
        judged("anomaly", name="mlp")


def test_gate_on_an_error_that_a_forest_does_not_make_is_refused() -> None:
    given = {"dataset": "rows", "task": "anomaly", "gates": ["test_reconstruction_error <= 1"]}
    Model.model_validate({**given, "architecture": {"name": "autoencoder"}})
    with pytest.raises(ValidationError, match="it makes no features again"):
        Model.model_validate({**given, "architecture": {"name": "isolation_forest"}})


def test_loss_of_an_autoencoder_is_refused() -> None:
    given = {"dataset": "rows", "task": "anomaly", "loss": {"name": "mae"}, "architecture": {"name": "autoencoder"}}
    with pytest.raises(ValidationError, match="makes its reconstruction error small, and no other loss"):
        Model.model_validate(given)


def test_gate_of_another_task_is_refused() -> None:
    given = {"dataset": "rows", "task": "clustering", "architecture": {"name": "k_means"}}
    Model.model_validate({**given, "gates": ["test_silhouette >= 0.2"]})
    with pytest.raises(ValidationError, match="is no metric of task `clustering`"):
        Model.model_validate({**given, "gates": ["test_auc >= 0.6"]})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"uri": "models/late.pkl"}, "is a pickle, which runs whatever it holds"),
        ({"uri": "https://x.test/late.onnx"}, "say its digest too, `sha256: …`"),
        ({"uri": "s3://bucket/late.onnx"}, "and not from s3; fetch it into the project"),
        ({"uri": "late.onnx", "sha256": "abc"}, "String should match pattern"),
    ],
)
def test_model_from_elsewhere_that_cannot_be_trusted_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        judged("binary", name="imported", **given)
