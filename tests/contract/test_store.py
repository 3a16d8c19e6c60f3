"""What every Store does, whatever it keeps its rows in: SQLite, and a real PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.engine.lease import Holder, free, holder_of, lease
from mlops.engine.resource import Record
from mlops.engine.state import Head, Intent, Operation, operation_id
from mlops.engine.store import DatabaseStore, open_database
from mlops.engine.tables import DATABASE_FORMAT
from mlops.errors import LockHeld, StateFailed
from tests.engine_world import opened as opened_world
from tests.engine_world import thing
from tests.postgres import connections, fresh_database

A, B = Address("thing", "a"), Address("thing", "b")


@contextmanager
def opened(url: str, environment: str) -> Iterator[DatabaseStore]:
    store = open_database(url, environment)
    try:
        yield store
    finally:
        store.engine.dispose()


@dataclass
class Bench:
    url: str
    stack: ExitStack

    def open(self, environment: str = "dev") -> DatabaseStore:
        """Each time anew, as another process would."""
        return self.stack.enter_context(opened(self.url, environment))

    def hold(self, store: DatabaseStore) -> int:
        return self.stack.enter_context(lease(store, Holder.me("me", "now")))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        file = f"sqlite:///{tmp_path / 'state.db'}"
        url = file if request.param == "sqlite" else fresh_database(request.getfixturevalue("postgres"))
        yield Bench(url, stack)


def full(address: Address = A) -> Record:
    return Record(
        address, {"size": 1, "deep": {"list": [1, 2.5, None, "ä", True]}}, {"digest": "d"}, {"thing.b:digest": "e"}, (B,),
        protect=True, complete=False, extra={"from_tomorrow": {"x": 1}},
    )  # fmt: skip


def operation(name: str, started: str = "t1") -> Operation:
    return Operation(name, started, None, "me", "here", "apply", "c0ffee", "digest", "running", "")


def test_an_empty_store_answers_every_question_and_stays_empty(bench: Bench) -> None:
    store = bench.open()
    assert store.head() == Head("", 0, "")
    assert dict(store.records()) == {}
    assert [list(rows) for rows in (store.versions(A), store.operations(), store.intents())] == [[], [], []]
    assert holder_of(store) is None
    assert bench.open().head() == Head("", 0, "")


def test_record_is_read_again_by_another_process(bench: Bench) -> None:
    store = bench.open()
    written = store.write(full(), operation="o", at="t", token=bench.hold(store))
    assert written == replace(full(), serial=1)
    assert dict(bench.open().records()) == {A: written}


def test_a_reader_that_was_there_before_the_first_write_sees_it(bench: Bench) -> None:
    early = bench.open()
    assert dict(early.records()) == {}
    store = bench.open()
    store.write(full(), operation="o", at="t", token=bench.hold(store))
    assert set(early.records()) == {A}
    assert early.head() == store.head()


def test_versions_are_only_appended_and_a_deletion_is_one(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    store.write(full(), operation="o1", at="t1", token=token)
    store.write(full(B), operation="o1", at="t2", token=token)
    store.delete(A, operation="o2", at="t3", token=token)
    store.write(replace(full(), complete=True), operation="o3", at="t4", token=token)
    assert [(v.serial, v.at, v.operation, v.record and v.record.complete) for v in store.versions(A)] == [
        (1, "t1", "o1", False), (3, "t3", "o2", None), (4, "t4", "o3", True),
    ]  # fmt: skip
    assert store.head().serial == 4
    assert list(store.records()) == [A, B]


def test_a_deleted_record_is_no_record_and_its_history_stays(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    store.write(full(), operation="o", at="t", token=token)
    store.delete(A, operation="o", at="t", token=token)
    assert dict(store.records()) == {}
    assert len(store.versions(A)) == 2


def test_lineage_and_salt_stay_and_the_serial_only_grows(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    first = store.head()
    assert (len(bytes.fromhex(first.salt)), bool(first.lineage), first.serial) == (16, True, 0)
    store.write(full(), operation="o", at="t", token=token)
    assert bench.open().head() == replace(first, serial=1)


def test_environments_see_nothing_of_each_other(bench: Bench) -> None:
    dev = bench.open("dev")
    token = bench.hold(dev)
    dev.begin(operation("o"), token)
    dev.intend(Intent("k", B, "create", "o"), at="t", token=token)
    dev.write(full(), operation="o", at="t", token=token)
    prod = bench.open("prod")
    assert prod.head() == Head("", 0, "")
    assert dict(prod.records()) == {}
    prod_token = bench.hold(prod)
    assert [list(rows) for rows in (prod.versions(A), prod.operations(), prod.intents())] == [[], [], []]
    assert prod.write(full(), operation="p", at="t", token=prod_token).serial == 1
    assert prod.head().lineage != dev.head().lineage
    assert prod.head().salt != dev.head().salt
    assert (dev.head().serial, len(dev.versions(A)), len(dev.intents())) == (1, 1, 1)


def test_first_apply_to_an_environment_works_after_a_look_at_it(bench: Bench) -> None:
    dev = bench.open("dev")
    dev.write(full(), operation="o", at="t", token=bench.hold(dev))
    prod = bench.open("prod")
    assert dict(prod.records()) == {}
    token = bench.hold(prod)
    assert prod.head().lineage
    assert prod.write(full(), operation="o", at="t", token=token).serial == 1


def test_two_first_writers_agree_on_one_history(bench: Bench) -> None:
    stores = [bench.open() for _ in range(4)]
    threads = [threading.Thread(target=store.prepare) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.head() for store in stores}) == 1


def test_record_closes_its_intent_and_earlier_ones_of_the_resource(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    for key, address in (("k1", A), ("k2", A), ("k3", B), ("k4", B)):
        store.intend(Intent(key, address, "create", "o"), at="t", token=token)
    store.intend(Intent("k2", A, "create", "o2"), at="t", token=token)
    assert sorted((i.key, i.operation) for i in store.intents()) == [
        ("k1", "o"), ("k2", "o2"), ("k3", "o"), ("k4", "o"),
    ]  # fmt: skip
    store.write(full(), operation="o", at="t", token=token, closes="k2")
    assert sorted(i.key for i in store.intents()) == ["k3", "k4"]
    store.close("k3", token=token)
    assert list(store.intents()) == [Intent("k4", B, "create", "o")]
    store.delete(B, operation="o", at="t", token=token, closes="k4")
    assert list(store.intents()) == []


def test_a_write_that_closes_nothing_leaves_the_intents(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    store.intend(Intent("k", A, "create", "o"), at="t", token=token)
    store.write(full(), operation="o", at="t", token=token)
    assert len(store.intents()) == 1


def test_operations_show_their_outcome_and_the_latest_first(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    store.begin(operation("o1", "t1"), token)
    store.end("o1", "done", "Applied 1 change.", at="t2", token=token)
    store.begin(operation("o2", "t3"), token)
    operations = store.operations()
    assert [(o.id, o.outcome, o.ended_at, o.summary, o.commit) for o in operations] == [
        ("o2", "running", None, "", "c0ffee"), ("o1", "done", "t2", "Applied 1 change.", "c0ffee"),
    ]  # fmt: skip
    assert [o.id for o in store.operations(1)] == ["o2"]


def test_operations_within_one_second_keep_their_order(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    names = []
    for _ in range(4):
        names.append(operation_id())
        store.begin(operation(names[-1]), token)
        time.sleep(0.002)
    assert [o.id for o in store.operations()] == names[::-1]


def test_an_operation_that_died_is_shown_as_interrupted_by_the_next(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    store.begin(operation("dead", "t1"), token)
    store.begin(operation("next", "t2"), token)
    assert [(o.id, o.outcome, o.ended_at) for o in store.operations()] == [
        ("next", "running", None), ("dead", "interrupted", "t2"),
    ]  # fmt: skip


WRITES: dict[str, Callable[[DatabaseStore, int], object]] = {
    "begin": lambda store, token: store.begin(operation("o2"), token),
    "end": lambda store, token: store.end("o", "done", "", at="t", token=token),
    "intend": lambda store, token: store.intend(Intent("k2", B, "create", "o"), at="t", token=token),
    "write": lambda store, token: store.write(full(B), operation="o", at="t", token=token, closes="k"),
    "delete": lambda store, token: store.delete(A, operation="o", at="t", token=token, closes="k"),
    "close": lambda store, token: store.close("k", token=token),
}


def everything(store: DatabaseStore) -> object:
    return (
        store.head(),
        dict(store.records()),
        store.versions(A),
        store.versions(B),
        store.operations(),
        store.intents(),
    )


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("lost", ["never had", "freed", "given back", "of another environment"])
def test_store_writes_nothing_without_the_lease(bench: Bench, write: str, lost: str) -> None:
    store, holding = bench.open(), ExitStack()
    with holding:
        token = holding.enter_context(lease(store, Holder.me("me", "now")))
        store.begin(operation("o"), token)
        store.intend(Intent("k", A, "create", "o"), at="t", token=token)
        store.write(full(), operation="o", at="t", token=token)
        used, spent = store, token
        match lost:
            case "never had":
                spent = token + 1
            case "freed":
                free(store)
            case "given back":
                holding.close()
            case "of another environment":
                used = bench.open("prod")
                used.prepare()
        before = everything(used)
        with pytest.raises(LockHeld, match="Nothing more was written"):
            WRITES[write](used, spent)
        assert everything(used) == before


def test_token_is_never_given_out_twice(bench: Bench) -> None:
    store = bench.open()
    tokens = []
    for _ in range(3):
        with lease(store, Holder.me("me", "now")) as token:
            tokens.append(token)
        free(store)
    assert tokens == sorted(set(tokens))


def test_threads_write_with_one_lease_and_no_serial_is_lost(bench: Bench) -> None:
    store = bench.open()
    token = bench.hold(store)
    serials: list[int] = []

    def write(name: str) -> None:
        for _ in range(5):
            serials.append(store.write(full(Address("thing", name)), operation="o", at="t", token=token).serial)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(serials) == list(range(1, 21))
    assert store.head().serial == 20


@pytest.mark.slow
def test_lost_database_stops_the_apply_and_nothing_is_lost(postgres: str, tmp_path: Path) -> None:
    url = fresh_database(postgres)
    wanted = (thing("a"), thing("b", "a"), thing("c", "b"), thing("d", "b"))
    with opened_world(tmp_path) as world:
        world.store.engine.dispose()
        world.store = open_database(url, "dev")
        world.kind.touch = lambda where: connections(url, allowed=False) if where == "after create b" else None
        result = world.apply(*wanted)
        connections(url, allowed=True)
        assert [problem.summary for problem in result.problems] == ["state cannot be written"]
        assert "Check that the database is up" in result.problems[0].detail
        assert (result.done, list(result.failed), len(result.skipped)) == ([A], [B], 2)
        assert [intent.address for intent in world.store.intents()] == [B]
        world.kind.touch = lambda where: None
        free(world.store)
        assert not world.apply(*wanted).failed
        assert world.words(*wanted) == {}
        assert world.store.intents() == []
        world.store.engine.dispose()


def test_state_of_an_older_version_is_read_and_migrated_by_the_first_write(bench: Bench) -> None:
    old = bench.open()
    token = bench.hold(old)
    written = old.write(full(), operation="o", at="t", token=token)
    old.intend(Intent("k", B, "create", "o"), at="t", token=token)
    with old.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE mlops_intents DROP COLUMN body")
        connection.exec_driver_sql("UPDATE mlops_meta SET format = 1")

    def held() -> int:
        with old.engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT format FROM mlops_meta").scalar_one())

    reader = bench.open()
    assert (dict(reader.records()), list(reader.intents())) == ({A: written}, [Intent("k", B, "create", "o")])
    assert held() == 1
    newer = bench.open()
    newer.prepare()
    assert held() == DATABASE_FORMAT
    assert (dict(newer.records()), newer.head()) == ({A: written}, old.head())
    begun = Intent("k2", B, "create", "o", {"inputs": {}})
    newer.intend(begun, at="t", token=token)
    assert {intent.key for intent in bench.open().intents()} == {"k", "k2"}
    assert begun in list(bench.open().intents())


def test_a_state_of_a_newer_version_is_neither_read_nor_written(bench: Bench) -> None:
    store = bench.open()
    store.write(full(), operation="o", at="t", token=bench.hold(store))
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE mlops_meta SET format = {DATABASE_FORMAT + 1}")
    for ask in (DatabaseStore.records, DatabaseStore.prepare, DatabaseStore.intents):
        with pytest.raises(StateFailed, match="A newer mlops has applied here; install that version"):
            ask(bench.open())
