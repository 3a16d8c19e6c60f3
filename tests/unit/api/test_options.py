"""What a user asks of one plan, kept in a saved plan and said again."""

from __future__ import annotations

import pytest

from mlops.address import Address
from mlops.api.options import Options
from mlops.errors import MlopsError

ONE, TWO = Address("value", "one"), Address("value", "two")


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(("value.one", "value.two"), ("value.three",), ("value.four",), ("value.one@3",)),
        Options(refresh=False, destroy=True, preflight=False),
    ],
)
def test_options_are_read_back_from_a_saved_plan(options: Options) -> None:
    assert Options.of_extra(options.to_extra()) == options


def test_default_options_leave_nothing_in_a_saved_plan() -> None:
    assert Options().to_extra() == {}


def test_options_are_said_as_on_the_command_line() -> None:
    words = Options(("value.one",), ("value.two",), ("value.one",), preflight=False).to_arguments()
    assert words == ["--target value.one", "--exclude value.two", "--replace value.one", "--no-preflight"]


def test_selection_has_addresses_and_what_is_forgotten() -> None:
    selection = Options(("value.one",), ("value.two",)).selection([ONE, TWO], ["value.gone"])
    assert (list(selection.targets), list(selection.exclude)) == ([ONE], [TWO])


def test_selection_of_an_unknown_address_says_which_it_may_be() -> None:
    with pytest.raises(MlopsError, match="not the address") as caught:
        Options(("value.on",)).selection([ONE, TWO], [])
    assert caught.value.problems[0].hint == "Did you mean `value.one`?"
