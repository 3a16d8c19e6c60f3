"""The order of resources, and what follows from what."""

from __future__ import annotations

import pytest

from mlops.engine.graph import order, reach, reverse
from mlops.errors import InvalidConfig
from tests.engine_world import at


def names(addresses: object) -> list[str]:
    return [address.name for address in addresses]  # type: ignore[attr-defined]


def test_ties_go_by_address_however_the_graph_was_written() -> None:
    assert names(order({at("c"): [], at("a"): [], at("b"): []})) == ["a", "b", "c"]
    assert names(order({at("a"): [at("z")], at("m"): [], at("z"): []})) == ["m", "z", "a"]


def test_a_need_that_is_not_there_and_a_need_of_itself_wait_for_nothing() -> None:
    assert names(order({at("a"): [at("elsewhere"), at("a")]})) == ["a"]


def test_a_cycle_names_those_in_it_and_not_those_that_wait_for_it() -> None:
    edges = {at("a"): [at("b")], at("b"): [at("c")], at("c"): [at("d")], at("d"): [at("b")], at("e"): []}
    with pytest.raises(InvalidConfig, match=r"first: thing\.b → thing\.c → thing\.d → thing\.b\. Take one edge out"):
        order(edges)


def test_reach_finds_followers_through_every_step_and_once() -> None:
    edges = {at("a"): [at("b"), at("c")], at("b"): [at("d")], at("c"): [at("d")], at("x"): [at("a")]}
    assert sorted(names(reach([at("a")], edges))) == ["a", "b", "c", "d"]
    assert reach([], edges) == set()


def test_a_reversed_graph_has_its_edges_turned_and_all_its_nodes() -> None:
    assert reverse({at("a"): [at("b")], at("c"): [at("b")]}) == {at("a"): [], at("b"): [at("a"), at("c")], at("c"): []}
