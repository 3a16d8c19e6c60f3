"""The next item is made while the last one is used."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mlops.workloads.data.ahead import ahead


def test_next_item_is_made_while_the_last_one_is_used() -> None:
    is_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_made.set()
        yield 2

    found = ahead(items())
    assert next(found) == 1
    assert is_made.wait(5)
    assert list(found) == [2]


def test_error_arrives_in_the_place_of_its_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
