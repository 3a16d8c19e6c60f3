"""docs/formats.md says what the contracts say."""

from __future__ import annotations

import msgspec
import pytest

from tests.formats import PAGE, contracts, described, render


def test_formats_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert page == render(page), "write it again: make formats"


def test_formats_page_describes_every_contract() -> None:
    assert described() == contracts().keys()


def test_every_field_of_a_contract_has_a_meaning() -> None:
    silent = [line for line in PAGE.read_text().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert not silent


@pytest.mark.parametrize("name", contracts())
def test_every_contract_can_be_read(name: str) -> None:
    """A bound that does not fit its field's type is noticed by the first read alone."""
    msgspec.json.Decoder(contracts()[name])
