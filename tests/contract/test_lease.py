"""Who may write, between real processes: a killed holder, and one that was stopped and wakes up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.engine.lease import Holder, lease
from mlops.engine.resource import Record
from mlops.engine.store import DatabaseStore, open_database
from mlops.errors import LockHeld
from tests.postgres import fresh_database

pytestmark = pytest.mark.slow
TTL = 1.0
HOLDER = """
import sys
from dataclasses import replace
from mlops.address import Address
from mlops.engine.lease import Holder, lease
from mlops.engine.resource import Record
from mlops.engine.store import open_database
from mlops.errors import LockHeld

store = open_database(sys.argv[1], "dev")
me = replace(Holder.me("maria", "now", "mlops apply"), host=sys.argv[2] or Holder.me("", "").host)
with lease(store, me, ttl=float(sys.argv[3])) as token:
    print("held", flush=True)
    for line in sys.stdin:
        try:
            store.write(Record(Address("thing", line.strip()), {}, {"digest": "d"}), operation="o", at="t", token=token)
            print("written", flush=True)
        except LockHeld as error:
            print(error.problems[0].summary, flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return fresh_database(request.getfixturevalue("postgres"))


@pytest.fixture
def store(url: str) -> Iterator[DatabaseStore]:
    opened = open_database(url, "dev")
    yield opened
    opened.engine.dispose()


def held_elsewhere(url: str, *, host: str = "") -> subprocess.Popen[str]:
    """Another process that has the lease, and writes the thing that a line on its stdin names."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, host, str(TTL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert answer(process) == "held"
    return process


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str], thing: str) -> str:
    assert process.stdin
    process.stdin.write(f"{thing}\n")
    process.stdin.flush()
    return answer(process)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_living_holder_keeps_the_lease_beyond_its_expiry(url: str, store: DatabaseStore) -> None:
    process = held_elsewhere(url)
    try:
        time.sleep(TTL * 1.5)
        with pytest.raises(LockHeld, match=r"maria on .* holds the lease of environment dev"), lease(store, me()):
            pass
        assert ask(process, "a") == "written"
    finally:
        end(process)


def test_lease_of_a_killed_holder_elsewhere_is_free_after_its_expiry(url: str, store: DatabaseStore) -> None:
    process = held_elsewhere(url, host="elsewhere")
    end(process)
    started = time.monotonic()
    with pytest.raises(LockHeld, match="maria on elsewhere"), lease(store, me()):
        pass
    with lease(store, me(), wait=10, ttl=TTL) as token:
        assert time.monotonic() - started < TTL + 5
        store.write(Record(Address("thing", "b"), {}, {}), operation="o", at="t", token=token)
    assert [at.name for at in store.records()] == ["b"]


def test_lease_of_a_killed_holder_on_this_machine_is_free_at_once(url: str, store: DatabaseStore) -> None:
    end(held_elsewhere(url))
    with lease(store, me(), ttl=TTL):
        pass


def test_stopped_holder_that_wakes_up_can_write_nothing(url: str, store: DatabaseStore) -> None:
    process = held_elsewhere(url)
    try:
        assert ask(process, "a") == "written"
        os.kill(process.pid, signal.SIGSTOP)
        with lease(store, me(), wait=10, ttl=TTL) as token:
            os.kill(process.pid, signal.SIGCONT)
            assert ask(process, "late") == "lease lost"
            store.write(Record(Address("thing", "b"), {}, {}), operation="o", at="t", token=token)
            time.sleep(TTL)
            assert ask(process, "later") == "lease lost"
        assert ask(process, "latest") == "lease lost"
    finally:
        end(process)
    assert [at.name for at in store.records()] == ["a", "b"]


def me() -> Holder:
    return Holder.me("me", "now")
