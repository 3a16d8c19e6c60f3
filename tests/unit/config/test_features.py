"""Features by pattern and by type: which columns `*` and other patterns mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from mlops.address import Address
from mlops.config.schema.transforms.expand import expand_features, has_patterns
from mlops.config.schema.transforms.transform import read_features
from mlops.errors import InvalidConfig
from tests.small_project import VALUES, load_files

TYPES = {
    "id": "int", "name": "string", "zip_home": "int", "age": "float", "hour": "int", "plan": "string", "paid": "bool",
    "day": "date", "churned": "bool",
}  # fmt: skip


@pytest.mark.parametrize(
    ("features", "expanded"),
    [
        ({"numeric": "*"}, {"numeric": ["id", "zip_home", "age", "hour"]}),
        ({"categorical": ["*"]}, {"categorical": ["name", "plan", "paid"]}),
        ({"numeric": "*", "except": ["id", "*_home"]}, {"numeric": ["age", "hour"]}),
        ({"numeric": "*", "cyclic": {"hour": 24}}, {"numeric": ["id", "zip_home", "age"], "cyclic": {"hour": 24}}),
        ({"numeric": ["age", "*"]}, {"numeric": ["age", "id", "zip_home", "hour"]}),
        (
            {"numeric": "*", "categorical": ["zip_*", "plan"]},
            {"numeric": ["id", "age", "hour"], "categorical": ["zip_home", "plan"]},
        ),
        ({"numeric": "*", "categorical": "id"}, {"numeric": ["zip_home", "age", "hour"], "categorical": ["id"]}),
    ],
)
def test_pattern_means_the_columns_of_its_type_and_name(
    features: dict[str, object], expanded: dict[str, object]
) -> None:
    assert expand_features(features, TYPES, reserved={"churned", "day"}) == expanded
    assert not has_patterns(expanded)


def test_features_without_patterns_stay_as_they_are() -> None:
    features = {"numeric": ["age"], "categorical": ["plan"], "max_categories": 5}
    assert not has_patterns(features)
    assert expand_features(features, TYPES) == features


@pytest.mark.parametrize(
    ("features", "summary", "hint"),
    [
        ({"numeric": "*", "except": ["nmae"]}, "no such column", "Did you mean `name`?"),
        ({"numeric": ["lag_*"]}, "no such column", None),
        ({"numeric": "zip_*", "categorical": "*_home"}, "features overlap", None),
        ({"numeric": "*", "except": "*"}, "no features", None),
    ],
)
def test_pattern_that_cannot_be_meant_is_refused(features: dict[str, object], summary: str, hint: str | None) -> None:
    with pytest.raises(InvalidConfig) as caught:
        expand_features(features, TYPES)
    (problem,) = caught.value.problems
    assert (problem.summary, problem.hint) == (summary, hint)


def test_except_without_a_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="no pattern stands here"):
        read_features({"numeric": ["age"], "except": ["id"]})


def test_patterns_are_written_in_a_file_as_a_text_or_a_list(tmp_path: Path) -> None:
    text = "sources: { t: { uri: t.csv } }\nfeatures: { numeric: '*', categorical: [a, b], except: id }\nsplit: { by: random }\n"
    dataset = load_files(tmp_path, {**VALUES, "conf/dataset/t.yaml": text}).resources[Address("dataset", "t")]
    assert dataset.inputs["features"] == {"numeric": ["*"], "categorical": ["a", "b"], "except": ["id"]}


def test_one_column_is_read_as_a_list_of_one() -> None:
    assert read_features({"numeric": "age"}).columns == ("age",)
