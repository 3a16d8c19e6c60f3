"""Who is let in by an endpoint's file, what a key has used, and what replicas have counted."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from mlops.config.effective import typed
from mlops.config.schema.endpoint import Auth
from mlops.errors import MlopsError
from mlops.targets.local.gate import gate_of, keys_now, next_change
from mlops.targets.local.merged_metrics import MergedMetrics
from mlops.targets.local.quota import Quotas, spent_keys

NOW = 1_000_000.0


def endpoint(overlap: float = 600.0) -> Any:
    keys = {
        "app": {"secret": {"$secret": "APP"}, "limit": {"number": 100, "seconds": 1.0}, "quota": None},
        "batch": {"secret": {"$secret": "BATCH"}, "limit": None, "quota": {"number": 5, "seconds": 86400.0}},
    }
    auth = {"api_key": {"$secret": "ONE"}, "keys": keys, "overlap": overlap, "jwt": None}
    return typed({"rate_limit": None, "auth": auth})


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    for name in ("ONE", "APP", "BATCH"):
        write(folder, name, f"value of {name}")
    return folder


def write(folder: Path, name: str, value: str) -> None:
    (folder / name).touch(mode=0o600)
    (folder / name).write_text(value)


def let_in(gate: Any, secrets: Path, in_force: list[str], now: float = NOW) -> dict[str, tuple[str, ...]]:
    found = keys_now("late", gate, secrets, in_force, (), now)
    assert found is not None
    return {name: tuple(key.values) for name, key in found.items()}


def test_rotated_key_and_its_old_value_are_let_in_until_the_overlap_is_over(secrets: Path) -> None:
    first = gate_of(endpoint(), secrets.parent, secrets, {}, NOW)
    in_force = [value for values in let_in(first, secrets, []).values() for value in values]
    write(secrets, "APP", "a newer value")
    second = gate_of(endpoint(), secrets.parent, secrets, first, NOW)
    assert let_in(second, secrets, in_force)["app"] == ("a newer value", "value of APP")
    assert let_in(second, secrets, in_force)["batch"] == ("value of BATCH",)
    assert next_change(second, NOW) == NOW + 600
    assert let_in(second, secrets, in_force, NOW + 601)["app"] == ("a newer value",)
    assert gate_of(endpoint(), secrets.parent, secrets, second, NOW + 601)["keys"]["app"]["old"] == []


def test_overlap_of_zero_shuts_the_old_value_out_at_once(secrets: Path) -> None:
    first = gate_of(endpoint(0.0), secrets.parent, secrets, {}, NOW)
    write(secrets, "APP", "a newer value")
    second = gate_of(endpoint(0.0), secrets.parent, secrets, first, NOW)
    assert let_in(second, secrets, ["value of APP"])["app"] == ("a newer value",)


def test_three_values_in_a_row_are_let_in_each_for_its_time(secrets: Path) -> None:
    gate = gate_of(endpoint(), secrets.parent, secrets, {}, NOW)
    for number in (1, 2):
        write(secrets, "APP", f"value {number}")
        gate = gate_of(endpoint(), secrets.parent, secrets, gate, NOW + 300 * number)
    in_force = ["value of APP", "value 1", "value 2"]
    assert set(let_in(gate, secrets, in_force, NOW + 800)["app"]) == {"value of APP", "value 1", "value 2"}
    assert let_in(gate, secrets, in_force, NOW + 1000)["app"] == ("value 2", "value 1")


def test_no_value_of_a_key_stands_in_the_gate(secrets: Path) -> None:
    gate = gate_of(endpoint(), secrets.parent, secrets, {}, NOW)
    assert "value of" not in repr(gate)


def test_file_of_keys_that_is_not_there_is_named(secrets: Path) -> None:
    signed = typed({"rate_limit": None, "auth": {"api_key": None, "keys": {}, "overlap": 0.0,
                    "jwt": {"jwks": "keys.json", "issuer": "i", "audiences": []}}})  # fmt: skip
    with pytest.raises(MlopsError, match=r"auth\.jwt\.jwks` names .*keys\.json: No such file"):
        gate_of(signed, secrets.parent, secrets, {}, NOW)


def test_auth_that_lets_nobody_in_is_refused() -> None:
    with pytest.raises(ValueError, match="auth needs `api_key`, `keys` or `jwt`"):
        Auth()


def test_quota_is_counted_through_restarts_and_begins_anew_with_its_time(tmp_path: Path) -> None:
    limits = {"batch": (5.0, 100.0)}
    assert not Quotas(tmp_path).add({"batch": 3.0}, limits, NOW)
    assert not Quotas(tmp_path).add({}, limits, NOW), "a gateway that gives no answer has counted nothing"
    assert Quotas(tmp_path).add({"batch": 2.0}, limits, NOW + 1), "started anew, it counts from nothing"
    assert spent_keys(tmp_path, NOW + 1) == {"batch"}
    assert not Quotas(tmp_path).add({"batch": 2.0}, limits, NOW + 2)
    assert spent_keys(tmp_path, NOW + 100) == frozenset()
    assert Quotas(tmp_path).add({"batch": 2.0}, limits, NOW + 100), "the key is let in again"
    assert (tmp_path / "quota.json").stat().st_mode & 0o077 == 0


def replica(count: int, gauge: int = 1) -> str:
    return f"""\
# HELP requests Requests.
# TYPE requests counter
requests{{status="200"}} {count}
# TYPE busy gauge
busy{{}} {gauge}
"""


def total(merged: MergedMetrics, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in merged.text({}).splitlines() if line.startswith(f"{name}{{"))


def test_counters_never_go_back_whatever_is_started_anew(tmp_path: Path) -> None:
    chance = random.Random(3)
    merged = MergedMetrics(tmp_path / "metrics.json")
    counts, true, before = {"a": 0, "b": 0}, 0, 0.0
    for _ in range(300):
        name = chance.choice("ab")
        if chance.random() < 0.1:
            counts[name] = 0
        if chance.random() < 0.1:
            merged.save()
            merged = MergedMetrics(tmp_path / "metrics.json")
        more = chance.randrange(1, 50)
        counts[name] += more
        true += more
        merged.take(name, "late", replica(counts[name]))
        now = total(merged, "requests")
        assert now >= before
        before = now
    assert before <= true
    assert before > 0.5 * true, (
        "what a replica counted after it grew beyond what was last seen of it cannot be told apart"
    )


def test_gauges_are_of_replicas_that_answer_now(tmp_path: Path) -> None:
    merged = MergedMetrics(tmp_path / "metrics.json")
    merged.take("a", "late", replica(1, 4))
    merged.take("b", "late", replica(1, 5))
    assert total(merged, "busy") == 9
    merged.keep_only({"a", "b"}, {"b"})
    assert total(merged, "busy") == 4
    assert total(merged, "requests") == 2


def test_buckets_stand_in_the_order_of_their_bounds(tmp_path: Path) -> None:
    merged = MergedMetrics(tmp_path / "metrics.json")
    lines = [f't_bucket{{le="{bound}"}} 1' for bound in ("+Inf", "0.1", "0.05", "10")]
    merged.take("a", "late", "\n".join(["# TYPE t histogram", *lines]))
    bounds = [line.split('le="')[1].split('"')[0] for line in merged.text({}).splitlines() if "le=" in line]
    assert bounds == ["0.05", "0.1", "10", "+Inf"]
    assert os.linesep == "\n"
