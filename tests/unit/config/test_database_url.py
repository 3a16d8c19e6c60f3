"""Addresses of databases: what is refused, in words that hold no piece of a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.config.project import ProjectSettings, with_secrets
from mlops.config.schema.database_url import url_fault
from mlops.engine.store import in_project, open_database
from mlops.errors import InvalidConfig

PIECES = ("xq1", "zw9", "s3cret")
BAD = (
    ("postgres://me:xq1-zw9@db/mlops", "write `postgresql+psycopg://` in its place"),
    ("postgresql+psycopg2://me:xq1-zw9@db/mlops", "write `postgresql+psycopg://` in its place"),
    ("postgresql+psycopg://me:xq1@zw9@db/mlops", "@ as %40"),
    ("postgresql+psycopg://me:xq1@zw9/s3cret@db/mlops", "@ as %40"),
    ("postgresql+psycopg://me:xq1/zw9", "is not of the form"),
    ("postgresql+psycopg://me@db:xq1zw9/mlops", "@ as %40"),
    ("xq1zw92", "the address of a database"),
    ("xq1zw9://s3cret", "the address of a database"),
)
GOOD = (
    "postgresql+psycopg://me:p%40ss@db:5432/mlops", "postgresql://db/mlops", "postgresql+psycopg:///mlops?host=/run/pg",
    "postgresql+psycopg://me:a:b/c#d?e@db/mlops", "postgresql+psycopg://me@[::1]:5432/mlops", "sqlite:///a b/ü@%.db",
)  # fmt: skip


@pytest.mark.parametrize(("url", "words"), BAD)
def test_bad_address_of_a_secret_is_refused_without_a_piece_of_it(url: str, words: str) -> None:
    settings = ProjectSettings("p", "dev", state_url="${secret:DB}", origins={"state.url": "conf/env/dev.yaml:3"})
    with pytest.raises(InvalidConfig, match="with DB filled in") as caught:
        with_secrets(settings, {"DB": url}.get)
    (problem,) = caught.value.problems
    assert words in problem.detail
    assert str(problem.source) == "conf/env/dev.yaml:3"
    assert not any(piece in str(caught.value) for piece in PIECES)


def test_unencoded_password_of_a_secret_inside_an_address_is_refused() -> None:
    settings = ProjectSettings("p", "dev", state_url="postgresql+psycopg://me:${secret:PW}@db/mlops")
    assert with_secrets(settings, {"PW": "p%40ss"}.get).state_url == "postgresql+psycopg://me:p%40ss@db/mlops"
    with pytest.raises(InvalidConfig, match="percent-encoded: @ as %40") as caught:
        with_secrets(settings, {"PW": "xq1@zw9"}.get)
    assert not any(piece in str(caught.value) for piece in PIECES)


@pytest.mark.parametrize("url", GOOD)
def test_good_address_is_opened(url: str) -> None:
    assert url_fault(url) is None
    store = open_database(in_project(url, Path("/nowhere")), "dev")
    assert store.engine.dialect.driver in ("psycopg", "pysqlite")


@pytest.mark.parametrize(
    "url", ["xq1zw92", "postgresql+psycopg://me:p@db:xq1zw9/mlops", "postgresql+xq1zw9://db/mlops"]
)
def test_address_that_cannot_be_opened_is_named_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(InvalidConfig, match=r"state\.url") as caught:
        open_database(in_project(url, Path("/nowhere")), "dev")
    assert caught.value.__cause__ is None
    assert "xq1zw9" not in str(caught.value)


def test_name_of_a_database_in_messages_holds_no_password() -> None:
    store = open_database("postgresql+psycopg://me:xq1zw92@db/mlops?password=xq1zw93", "dev")
    assert store.where == "postgresql+psycopg://me:***@db/mlops"
