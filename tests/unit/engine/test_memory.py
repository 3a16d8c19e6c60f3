"""State, the lease, and plans in files."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mlops.engine.lease import Holder, free, holder_of, lease
from mlops.engine.plan import Pin, Plan
from mlops.engine.planfile import check_fresh, check_same, plan_from_json, plan_to_json
from mlops.engine.resource import Record, Secret
from mlops.engine.state import record_from_json, record_to_json
from mlops.engine.store import open_database
from mlops.engine.tables import leases
from mlops.errors import LockHeld, MlopsError, StalePlan
from tests.engine_world import World, at, opened, thing


def test_records_are_appended_and_the_serial_only_grows(world: World) -> None:
    for size in (1, 2, 3):
        world.apply(thing("a", size=size))
    world.apply()
    versions = world.store.versions(at("a"))
    assert [v.record.inputs["size"] if v.record else None for v in versions] == [1, 2, 3, None]
    assert [v.serial for v in versions] == [1, 2, 3, 4]
    assert world.store.head().serial == 4
    assert len(world.store.operations()) == 4


def test_environments_share_a_database_and_nothing_else(world: World) -> None:
    world.apply(thing("a"))
    other = open_database(f"sqlite:///{world.path / 'state.db'}", "prod")
    try:
        assert other.records() == {}
        other.prepare()
        assert other.head().lineage not in ("", world.store.head().lineage)
    finally:
        other.engine.dispose()


def test_a_plan_on_an_empty_state_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        world.plan(thing("a"))
        assert world.store.head().serial == 0
        tables = sqlite3.connect(tmp_path / "state.db")
        try:
            assert tables.execute("select count(*) from sqlite_master").fetchone() == (0,)
        finally:
            tables.close()


def test_fields_of_a_newer_version_are_kept() -> None:
    text = json.dumps({"inputs": {}, "outputs": {}, "from_tomorrow": [1]})
    record = record_from_json(at("a"), 3, text)
    assert json.loads(record_to_json(record))["from_tomorrow"] == [1]


def test_a_damaged_record_names_itself(world: World) -> None:
    world.apply(thing("a"))
    raw = sqlite3.connect(world.path / "state.db")
    raw.execute("update mlops_records set body = 'x'")
    raw.commit()
    raw.close()
    with pytest.raises(MlopsError, match=r"thing\.a at serial 1"):
        world.store.records()


def test_file_that_is_no_database_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 200)
    with opened(tmp_path) as world, pytest.raises(MlopsError, match="move it away"):
        world.store.records()


def test_full_disk_is_reported_and_finished_changes_stay(world: World) -> None:
    world.apply(thing("a"))
    with world.store.engine.connect() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()

    @sa.event.listens_for(world.store.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"pragma max_page_count = {pages}")

    result = world.apply(thing("a"), thing("b", text="x" * 100_000), thing("c"), thing("d"))
    (problem,) = result.problems
    assert "The disk is full: free some space" in problem.detail
    assert result.skipped == {at(name): "not tried: state cannot be written" for name in "cd"}
    assert set(world.store.records()) == {at("a")}


def test_state_that_disappears_stops_the_apply_and_nothing_is_lost(world: World) -> None:
    wanted = (thing("a"), thing("b", "a"), thing("c"))
    file, aside = world.path / "state.db", world.path / "aside.db"

    def take(where: str) -> None:
        if where == "after create a":
            file.rename(aside)

    world.kind.touch = take
    result = world.apply(*wanted)
    assert [problem.summary for problem in result.problems] == ["state was taken away"]
    assert set(result.skipped) == {at("b"), at("c")}
    assert not file.exists()
    world.kind.touch = lambda where: None
    aside.rename(file)
    free(world.store)
    assert not world.apply(*wanted).failed
    assert set(world.store.records()) == {at("a"), at("b"), at("c")}
    assert world.store.intents() == []


def test_a_second_apply_is_refused_while_the_first_lives(world: World) -> None:
    with (
        lease(world.store, Holder.me("first", "now")),
        pytest.raises(LockHeld, match="first on"),
        lease(world.store, Holder.me("second", "now")),
    ):
        raise AssertionError
    assert holder_of(world.store) is None


@pytest.mark.parametrize("gone", ["expired", "dead"])
def test_abandoned_lease_is_taken_over_and_its_token_is_invalid(world: World, gone: str) -> None:
    clock = [1000.0]
    mine = Holder.me("first", "now")
    dead = mine if gone == "expired" else replace(mine, born="1")
    with lease(world.store, dead, clock=lambda: clock[0]) as first:
        clock[0] += 100 if gone == "expired" else 1
        with lease(world.store, mine, clock=lambda: clock[0]) as second:
            assert second > first
            with pytest.raises(LockHeld, match="took the lease over"):
                world.store.write(Record(at("a"), {}, {}), operation="o", at="t", token=first)
            world.store.write(Record(at("a"), {}, {}), operation="o", at="t", token=second)


def test_a_freed_lease_can_write_nothing_more(world: World) -> None:
    with lease(world.store, Holder.me("first", "now")) as token:
        free(world.store)
        with pytest.raises(LockHeld):
            world.store.delete(at("a"), operation="o", at="t", token=token)


def plan_of(world: World, *pins: Pin) -> Plan:
    head = world.store.head()
    return Plan("p", "dev", head.lineage, head.serial, "now", world.plan(thing("a", size=1)), pins)


def test_a_plan_in_a_file_is_the_same_plan(world: World) -> None:
    plan = plan_of(world, Pin("configuration", "1"))
    again = plan_from_json(plan_to_json(plan), file="f")
    assert (again.changes, again.pins, again.serial) == (plan.changes, plan.pins, plan.serial)
    check_same(again, plan, file="f")


def test_a_plan_that_was_edited_is_refused(world: World) -> None:
    text = plan_to_json(plan_of(world)).replace('"create"', '"update"')
    with pytest.raises(StalePlan, match="digest does not fit"):
        plan_from_json(text, file="f")
    with pytest.raises(MlopsError, match="cannot be read as a plan"):
        plan_from_json("{}", file="f")


def test_a_stale_plan_names_every_pin_that_moved(world: World) -> None:
    saved = plan_of(world, Pin("configuration", "1"), Pin("source x", "1"))
    with pytest.raises(StalePlan, match=r"configuration changed \(1 → 2\); source x changed \(1 → 2\)"):
        check_same(saved, plan_of(world, Pin("configuration", "2"), Pin("source x", "2")), file="f")
    world.apply(thing("b"))
    fresh = plan_of(world, *saved.pins)
    with pytest.raises(StalePlan, match="from serial 0 to 1: somebody applied since"):
        check_same(replace(saved, lineage=fresh.lineage), fresh, file="f")
    with pytest.raises(StalePlan, match=r"thing\.a, thing\.b would be planned otherwise"):
        check_same(fresh, replace(fresh, changes=()), file="f")


def test_plan_expires(world: World) -> None:
    plan = replace(plan_of(world), expires_at="2026-01-02T00:00:00+00:00")
    check_fresh(plan, "2026-01-01T23:59:59+00:00", file="f")
    with pytest.raises(StalePlan, match="good until 2026-01-02"):
        check_fresh(plan, "2026-01-02T00:00:01+00:00", file="f")


def test_a_saved_plan_keeps_every_part_of_every_change(world: World) -> None:
    before = thing("a", size=1, place="x", key=Secret("KEY", "1").as_json()), thing("b", "a"), thing("old")
    world.apply(*before, thing("p", protect=True))
    after = (
        thing("a", size=[1, {"x": None}], place="y", key=Secret("KEY", "2").as_json()),
        thing("b", "a"),
        thing("new"),
    )
    changes = world.plan(*after)
    assert {change.action.value for change in changes} == {"replace", "if-upstream-changes", "create", "delete"}
    assert any(change.blocked for change in changes)
    plan = Plan(
        "p", "dev", "line", 4, "now", changes, (Pin("code", "1"),), (), "then", "c0ffee", ("a=1",), 1,
        {"destroy": "true"},
    )  # fmt: skip
    assert plan_from_json(plan_to_json(plan), file="f") == plan
    assert plan_to_json(plan_from_json(plan_to_json(plan), file="f")) == plan_to_json(plan)


@pytest.mark.parametrize(
    ("what", "value"),
    [("expires_at", "2036-01-01"), ("extra", {"destroy": "true"}), ("overrides", []), ("commit", "x"), ("serial", 9)],
)
def test_no_part_of_a_saved_plan_can_be_edited(world: World, what: str, value: object) -> None:
    saved = json.loads(plan_to_json(replace(plan_of(world), expires_at="2026-01-01", overrides=("a=1",))))
    saved["plan"][what] = value
    with pytest.raises(StalePlan, match="digest does not fit"):
        plan_from_json(json.dumps(saved), file="f")


@pytest.mark.parametrize("text", ["", "[]", "null", '{"format": "mlops.saved-plan/2"}', "\x00"])
def test_file_that_is_no_plan_is_refused_with_the_command_that_makes_one(text: str) -> None:
    with pytest.raises(MlopsError, match=r"f cannot be read as a plan: .*mlops plan --out FILE"):
        plan_from_json(text, file="f")


def test_plan_for_another_state_names_pins_that_came_or_went(world: World) -> None:
    saved = plan_of(world, Pin("source x", "1"))
    with pytest.raises(StalePlan, match="its lineage differs"):
        check_same(replace(saved, lineage="another"), saved, file="f")
    with pytest.raises(StalePlan, match=r"source x changed \(1 → none\); source y changed \(none → 2\)"):
        check_same(saved, plan_of(world, Pin("source y", "2")), file="f")


def test_a_state_of_a_newer_version_is_refused_with_what_to_do(world: World) -> None:
    world.apply(thing("a"))
    with world.store.writing() as connection:
        connection.exec_driver_sql("update mlops_meta set format = 3")
    store = open_database(f"sqlite:///{world.path / 'state.db'}", "dev")
    for use in (store.head, store.prepare):
        with pytest.raises(MlopsError, match=r"has format 3, and this mlops knows 2\. A newer mlops has applied here"):
            use()
    store.engine.dispose()


def test_folder_that_cannot_be_written_is_refused_with_what_to_do(world: World) -> None:
    world.apply(thing("a"))
    uri = f"sqlite:///file:{world.path / 'state.db'}?mode=ro&uri=true"
    for url in (uri, f"sqlite:///{world.path / 'nowhere' / 'state.db'}"):
        store = open_database(url, "dev")
        try:
            with (
                pytest.raises(MlopsError, match=r"state cannot be written: .* Make the file and its folder writable"),
                lease(store, Holder.me("me", "now")),
            ):
                raise AssertionError
        finally:
            store.engine.dispose()


def test_damaged_row_does_not_hide_behind_an_old_version(world: World) -> None:
    world.apply(thing("a", size=1))
    world.apply(thing("a", size=2))
    with world.store.writing() as connection:
        connection.exec_driver_sql("update mlops_records set body = '{}' where serial = 1")
    assert world.store.records()[at("a")].inputs == {"size": 2}
    with pytest.raises(MlopsError, match=r"serial 1 .* cannot be read: .* Restore the database from a backup"):
        world.store.versions(at("a"))


def test_waiting_process_gets_the_lease_when_it_is_given_back(world: World) -> None:
    asked = threading.Event()

    def clock() -> float:
        asked.set()
        return time.time()

    def wait_for_it() -> None:
        with lease(world.store, Holder.me("second", "now"), wait=30, clock=clock) as token:
            tokens.append(token)

    tokens: list[int] = []
    waiting = threading.Thread(target=wait_for_it)
    with lease(world.store, Holder.me("first", "now")) as first:
        waiting.start()
        assert asked.wait(10)
        assert tokens == []
    waiting.join(10)
    assert tokens[0] > first


def test_a_heartbeat_keeps_the_lease_of_a_slow_apply(world: World) -> None:
    with lease(world.store, Holder.me("first", "now"), ttl=0.2) as token:
        first = expiry(world)
        end = time.monotonic() + 10
        while expiry(world) == first and time.monotonic() < end:
            time.sleep(0.01)
        assert expiry(world) > first
        world.store.write(Record(at("a"), {}, {}), operation="o", at="t", token=token)


def expiry(world: World) -> float:
    with world.store.reading() as connection:
        return float(connection.execute(sa.select(leases.c.expires_at)).scalar_one())


def test_lost_lease_is_not_given_back_by_its_loser(world: World) -> None:
    clock = [1000.0]
    first = lease(world.store, Holder.me("first", "now"), clock=lambda: clock[0])
    first.__enter__()
    clock[0] += 100
    with lease(world.store, Holder.me("second", "now"), clock=lambda: clock[0]) as second:
        first.__exit__(None, None, None)
        holder = holder_of(world.store)
        assert holder is not None
        assert holder.who == "second"
        world.store.write(Record(at("a"), {}, {}), operation="o", at="t", token=second)


def test_a_lease_is_given_back_whatever_ends_the_apply(world: World) -> None:
    with pytest.raises(KeyboardInterrupt), lease(world.store, Holder.me("first", "now")):
        raise KeyboardInterrupt
    assert holder_of(world.store) is None


def test_a_holder_on_another_host_is_never_thought_dead(world: World) -> None:
    far = replace(Holder.me("first", "now"), host="elsewhere", born="1")
    with (
        lease(world.store, far),
        pytest.raises(LockHeld, match=r"first on elsewhere .*mlops unlock"),
        lease(world.store, Holder.me("second", "now")),
    ):
        raise AssertionError
