"""What counts as a difference, and what counts as a secret."""

from __future__ import annotations

from mlops.engine.diff import diff
from mlops.engine.resource import Secret

ONE, TWO = Secret("KEY", "1111").as_json(), Secret("KEY", "2222").as_json()


def test_unset_value_differs_from_any_other_but_not_from_none() -> None:
    assert diff({}, {"a": None}) == ()
    assert [tuple(found) for found in diff({}, {"a": 0})] == [("a", None, 0)]


def test_mapping_in_the_place_of_a_text_differs_as_a_whole() -> None:
    assert [tuple(found) for found in diff({"a": "x"}, {"a": {"b": 1}})] == [("a", "x", {"b": 1})]


def test_list_whose_length_or_order_changed_differs_as_a_whole() -> None:
    assert [found.path for found in diff({"a": [1, 2]}, {"a": [2, 1]})] == ["a"]
    assert [found.path for found in diff({"a": [1]}, {"a": [1, 1]})] == ["a"]
    assert diff({"a": [1, {"b": 2}]}, {"a": (1.0, {"b": 2})}) != ()
    assert diff({"a": [1, {"b": 2}]}, {"a": [1.0, {"b": 2}]}) == ()


def test_secret_is_not_looked_into() -> None:
    (found,) = diff({"a": {"key": ONE, "size": 1}}, {"a": {"key": TWO, "size": 1}})
    assert (found.path, found.secret) == ("a.key", True)
    (found,) = diff({"a": {"key": ONE}}, {"a": {}})
    assert (found.path, found.after, found.secret) == ("a.key", None, True)


def test_secret_inside_a_list_makes_the_difference_secret() -> None:
    for before, after in [([ONE], [TWO]), ("x", {"key": TWO}), ([{"deep": [ONE]}], [])]:
        (found,) = diff({"a": before}, {"a": after})
        assert found.secret
    (found,) = diff({"a": [1]}, {"a": [2]})
    assert not found.secret
