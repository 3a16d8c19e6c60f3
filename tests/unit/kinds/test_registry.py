"""Which kinds a command works with, and what a kind does that writes nothing of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.address import Address
from mlops.config.project import ProjectSettings
from mlops.context.context import Context
from mlops.engine.resource import Record
from mlops.errors import MlopsError
from mlops.kinds.registry import build_kinds, kind_class

ONE = Address("value", "one")


def context(root: Path, *recorded: Address) -> Context:
    return Context(root, ProjectSettings("p", "dev"), records={at: Record(at, {}, {"digest": "d"}) for at in recorded})


def test_kinds_are_those_that_are_declared_or_recorded(tmp_path: Path) -> None:
    assert list(build_kinds(context(tmp_path))) == []
    assert list(build_kinds(context(tmp_path, ONE, Address("stack", "s")))) == ["stack", "value"]


def test_recorded_kind_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(MlopsError, match=r"`removed:` of conf/project\.yaml"):
        kind_class("nothing")


def test_kind_that_answers_nothing_refuses_a_question_and_an_acknowledgement(tmp_path: Path) -> None:
    kind, record = build_kinds(context(tmp_path, ONE))["value"], Record(ONE, {}, {"digest": "d"})
    with pytest.raises(MlopsError, match="A value answers no requests"):
        kind.question(record, None)
    with pytest.raises(MlopsError, match="A value has no findings"):
        kind.acknowledge(record, who="me", reason="known", finding_id=None)


def test_kind_that_says_nothing_of_itself_is_well_and_has_no_logs(tmp_path: Path) -> None:
    kind, record = build_kinds(context(tmp_path, ONE))["value"], Record(ONE, {}, {"digest": "d"})
    assert (kind.status(record).state, kind.logs(record), kind.pinned(ONE)) == ("ok", (), None)
