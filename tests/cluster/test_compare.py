from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.provider import objects, wire
from tests.cluster.provider.compare import Difference, differences, drifted, in_effect, replaces


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [(("a",), "update")]),
        ({}, {"a": {"b": 1}}, [(("a",), "add")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [(("a", "c"), "delete")]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [(("a", 1), "update"), (("a", 2), "add")]),
        ({"a": [1, 2]}, {"a": [1]}, [(("a", 1), "delete")]),
        ({"a": None}, {}, []),
        ({"a": "x"}, {"a": wire.UNKNOWN}, [(("a",), "update")]),
    ],
)
def test_a_difference_is_named_by_the_smallest_part(old: Any, new: Any, expected: Any) -> None:
    assert [tuple(one) for one in differences(old, new)] == expected


def test_a_path_is_written_as_the_engine_writes_it() -> None:
    assert wire.path_text(("spec", "containers", 0, "image")) == "spec.containers[0].image"
    assert wire.path_text(("metadata", "labels", "a.b/c")) == 'metadata.labels["a.b/c"]'


def test_what_a_secret_was_is_a_secret_again() -> None:
    plain = {"data": {"token": "hush", "list": [1, 2.5, True, None]}, "other": "x"}
    sent = wire.write(plain, {("data", "token"), ("data", "list", 1)})
    assert wire.read(sent) == (plain, {("data", "token"), ("data", "list", 1)})


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("v1/ConfigMap", ("data", "a"), True),
        ("v1/ConfigMap", ("metadata", "labels", "a"), False),
        ("apps/v1/Deployment", ("spec", "selector", "matchLabels", "a"), True),
        ("apps/v1/Deployment", ("spec", "replicas"), False),
        ("batch/v1/Job", ("spec",), True),
        ("batch/v1/Job", ("spec", "template", "spec", "containers", 0, "image"), True),
        ("batch/v1/Job", ("spec", "activeDeadlineSeconds"), False),
        ("v1/Service", ("spec", "clusterIP"), True),
        ("v1/Service", ("spec", "ports", 0, "port"), False),
        ("v1/Namespace", ("metadata", "name"), True),
    ],
)
def test_a_replacement_is_told_by_a_table(kind: str, path: wire.Path, expected: bool) -> None:
    version, _, name = kind.rpartition("/")
    inputs = {"apiVersion": version, "kind": name}
    assert replaces(inputs, Difference(path, "update"), frozenset()) is expected


def test_an_immutable_config_map_is_replaced_even_where_others_may_change() -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap"}
    change = Difference(("data", "a"), "update")
    assert not replaces(inputs, change, frozenset({"ConfigMap"}))
    assert replaces({**inputs, "immutable": True}, change, frozenset({"ConfigMap"}))


def container(name: str, memory: str) -> dict[str, str]:
    return {"name": name, "memory": memory}


@pytest.mark.parametrize(
    ("said", "applied", "live", "expected"),
    [
        ({"memory": "1024Mi"}, {"memory": "1Gi"}, {"memory": "1Gi"}, {"memory": "1024Mi"}),
        ({"memory": "1024Mi"}, {"memory": "1Gi"}, {"memory": "2Gi"}, {"memory": "2Gi"}),
        ({"a": 1}, {"a": 1, "default": 2}, {"a": 1, "default": 2}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}, {}),
        (
            [container("a", "1024Mi"), container("b", "1")],
            [container("a", "1Gi"), container("b", "1")],
            [container("b", "1"), container("a", "2Gi")],
            [container("a", "2Gi"), container("b", "1")],
        ),
        ([container("a", "1")], [container("a", "1")], [container("a", "1"), container("x", "9")],
         [container("a", "1"), container("x", "9")]),
        (["x"], ["x"], ["x", "y"], ["x", "y"]),
    ],
)  # fmt: skip
def test_drift_is_what_the_server_reads_otherwise(said: Any, applied: Any, live: Any, expected: Any) -> None:
    assert drifted(said, applied, live) == expected


def test_a_field_that_an_apply_leaves_alone_is_not_in_effect() -> None:
    live = {"labels": {"owner": "x"}, "items": [1, 2]}
    made = {"labels": {"owner": "x", "team": "y"}, "items": [1, 2, 3]}
    assert not in_effect(("labels", "owner"), live, made)
    assert in_effect(("labels", "team"), live, made)
    assert in_effect(("stringData",), live, made)
    assert in_effect(("items", 0), live, made)


def test_a_name_of_its_own_stays_the_same_in_the_next_run() -> None:
    first = objects.named({"metadata": {}}, {}, "Web", b"seed")
    assert first["metadata"]["name"].startswith("web-")
    assert objects.named({"metadata": {}}, first, "Web", b"another")["metadata"]["name"] == first["metadata"]["name"]
    assert objects.named({"metadata": {"name": "mine"}}, first, "Web", b"x")["metadata"] == {"name": "mine"}


def test_a_type_token_gives_the_version_and_kind() -> None:
    assert objects.gvk_of("kubernetes:core/v1:NamespacePatch") == ("v1", "Namespace", True)
    assert objects.gvk_of("kubernetes:networking.k8s.io/v1:NetworkPolicy") == (
        "networking.k8s.io/v1", "NetworkPolicy", False,
    )  # fmt: skip
