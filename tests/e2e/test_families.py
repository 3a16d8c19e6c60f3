"""Every family that reads a table, applied in one go by the command line; trees are served."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import httpx
import pytest
import yaml

from mlops.extensions import FAMILY_SCHEMAS
from tests.e2e.conftest import SMALL, Workplace, make_project, write_rows

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LABELLED = {
    "linear": {}, "mlp": {"hidden": [8]}, "residual_mlp": {"width": 8, "blocks": 1}, "embedding_mlp": {"hidden": [8]},
    "tabm": {"hidden": [8], "members": 2}, "boosted_trees": {"trees": 20}, "random_forest": {"trees": 10}, "auto": {},
    "sklearn": {"_target_": "sklearn.linear_model.LogisticRegression"}, "ensemble": {"of": ["mlp", "boosted-trees"]},
}  # fmt: skip
UNLABELLED = {
    "k_means": ("clustering", {"clusters": 3}), "gaussian_mixture": ("clustering", {"clusters": 2}),
    "isolation_forest": ("anomaly", {"trees": 10}), "autoencoder": ("anomaly", {"hidden": [4], "code": 2}),
    "pca": ("reduction", {"components": 2}),
}  # fmt: skip
NETWORKS = {"linear", "mlp", "residual_mlp", "embedding_mlp", "tabm", "autoencoder"}
ELSEWHERE = {"cnn", "resnet", "temporal", "custom", "imported"}
"""Those that read no table, or a file of the user's."""


def model_of(family: str, **fields: object) -> str:
    trainer = {"trainer": {"max_epochs": 1}} if family in NETWORKS else {}
    return yaml.safe_dump({**fields, **trainer, "baseline_gate": False})


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workplace, str]]:
    files = {name: text for name, text in SMALL.items() if name.split("/")[1] not in ("model", "monitor")}
    unlabelled = {**yaml.safe_load(SMALL["conf/dataset/rows.yaml"]), "sql": "SELECT number, color FROM rows"}
    del unlabelled["label"]
    files["conf/dataset/bare.yaml"] = yaml.safe_dump(unlabelled)
    for family, fields in LABELLED.items():
        files[f"conf/model/{family.replace('_', '-')}.yaml"] = model_of(
            family, dataset="rows", task="binary", architecture={"name": family, **fields}
        )
    for family, (task, fields) in UNLABELLED.items():
        files[f"conf/model/{family.replace('_', '-')}.yaml"] = model_of(
            family, dataset="bare", task=task, architecture={"name": family, **fields}
        )
    files["conf/project.yaml"] = "name: families\nenvironment: dev\nallow_targets: [sklearn]\n"
    files["conf/package/late.yaml"] = "model: boosted-trees\napi: { explain: true }\n"
    place = make_project(tmp_path_factory.mktemp("families") / "project", files, commit=False)
    write_rows(place.root / "rows.csv", 600)
    try:
        yield place, place.mlops("apply", "--yes").stdout
    finally:
        place.mlops("destroy", "--yes", code=None)


def test_apply_makes_every_family_and_the_next_plan_is_empty(applied: tuple[Workplace, str]) -> None:
    place, said = applied
    assert {*LABELLED, *UNLABELLED, *ELSEWHERE} == set(FAMILY_SCHEMAS.own_names())
    for family in (*LABELLED, *UNLABELLED):
        assert f"✓ model.{family.replace('_', '-')}" in said
    assert "20 trees" in said
    assert "No changes" in place.mlops("plan").stdout


def test_endpoint_answers_by_trees(applied: tuple[Workplace, str]) -> None:
    place, _ = applied
    rows = place.root / "ask.json"
    rows.write_text(json.dumps({"rows": [{"number": 2.0, "color": "red"}, {"number": None, "color": "violet"}]}))
    first, second = json.loads(place.mlops("invoke", "endpoint.late", "--rows", str(rows), "--json").stdout)[
        "predictions"
    ]
    assert first["probability"] > second["probability"]


def test_endpoint_explains_by_trees_what_it_is_asked_to_explain(applied: tuple[Workplace, str]) -> None:
    place, _ = applied
    row = {"number": 2.0, "color": "red"}
    answer = httpx.post(f"{place.status()['endpoint.late']['url']}/predict?explain=true", json=row).json()
    (one,) = answer["explanations"]["rows"]
    assert one["base"] + sum(one["contributions"].values()) == pytest.approx(one["score"], abs=1e-6)
    chance = answer["predictions"][0]["probability"]
    assert math.log(chance / (1 - chance)) == pytest.approx(one["score"], abs=1e-4)
    assert one["contributions"]["number"] > 0
