"""The tests of drift, the log, late labels and windows, without a server."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec import structs

from mlops.contracts.codec import convert
from mlops.contracts.watcher import BaselineColumn, WatcherConfig
from mlops.monitoring.findings import open_findings
from mlops.workloads.monitoring.drift import ALPHA, compare
from mlops.workloads.monitoring.facts import WindowCounts, facts_of
from mlops.workloads.monitoring.findings import iso
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.monitoring.profile import PREDICTION, Profile
from mlops.workloads.monitoring.value_tests import value_tests
from mlops.workloads.monitoring.values import reader_of
from mlops.workloads.monitoring.watcher import Watcher

KINDS = {"temp": "number", "carrier": "text"}


def columns(
    seed: int, count: int, *, shift: float = 0.0, favour: str | None = None, missing: float = 0.02
) -> dict[str, Any]:
    chance = random.Random(seed)
    return {
        "temp": [None if chance.random() < missing else chance.gauss(shift, 1) for _ in range(count)],
        "carrier": [favour if favour and chance.random() < 0.5 else chance.choice("ABCDE") for _ in range(count)],
    }


def moved(baseline: Profile, window: Profile, **how: Any) -> dict[str, str]:
    return {test.name: test.method for test in compare(baseline, window, KINDS, **how) if test.moved}


@pytest.fixture(scope="module")
def baseline() -> Profile:
    return Profile.of(columns(1, 20_000), KINDS)


def test_rows_of_the_same_kind_are_no_drift_however_many(baseline: Profile) -> None:
    for seed in range(2, 8):
        assert moved(baseline, Profile.of(columns(seed, 500 * seed), KINDS)) == {}


def test_each_column_that_moved_is_named_with_its_test(baseline: Profile) -> None:
    assert moved(baseline, Profile.of(columns(3, 1000, shift=0.5), KINDS)) == {"temp": "ks"}
    assert moved(baseline, Profile.of(columns(3, 1000, favour="A"), KINDS)) == {"carrier": "chi2"}
    assert moved(baseline, Profile.of(columns(3, 1000, missing=0.3), KINDS)) == {"temp": "missing"}


@pytest.mark.parametrize("method", ["psi", "jensen_shannon"])
def test_the_other_methods_see_the_same(baseline: Profile, method: str) -> None:
    assert moved(baseline, Profile.of(columns(3, 2000), KINDS), method=method) == {}
    found = moved(baseline, Profile.of(columns(3, 2000, shift=1.0, favour="A"), KINDS), method=method)
    assert found == {"temp": method, "carrier": method}


def test_a_small_difference_in_a_big_window_is_no_finding(baseline: Profile) -> None:
    assert moved(baseline, Profile.of(columns(9, 50_000, shift=0.05), KINDS)) == {}


def test_profiles_of_parts_merge_into_the_profile_of_the_whole(baseline: Profile, tmp_path: Path) -> None:
    parts = [Profile.of(columns(seed, 400, shift=0.6), KINDS) for seed in (4, 5)]
    whole = parts[0].merge(parts[1])
    assert whole.rows == 800
    assert moved(baseline, whole) == {"temp": "ks"}
    whole.write(tmp_path / "profile.bin")
    assert moved(baseline, Profile.read(tmp_path / "profile.bin", 800)) == {"temp": "ks"}


def write_log(path: Path, start: float, values: dict[str, Any], *, ids: str = "r") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for index, (temp, carrier) in enumerate(zip(values["temp"], values["carrier"], strict=True)):
            row = {"temp": temp, "carrier": carrier}
            answer = {"predictions": [{"probability": 0.5, "late": False}], "version": "v1"}
            line = {"t": start + index * 0.001, "v": "v1", "id": f"{ids}{index}", "q": row, "a": answer}
            file.write(json.dumps(line) + "\n")


def watcher(tmp_path: Path, profile: Profile, **config: Any) -> Watcher:
    folder = tmp_path / "baseline"
    folder.mkdir(exist_ok=True)
    profile.write(folder / "baseline.bin")
    trained = {"kinds": KINDS, "rows": profile.rows, "digest": "b1", "metrics": {"test_auc": 0.9}, "task": "binary"}
    (folder / "baseline.json").write_text(json.dumps(trained))
    contract = {"task": "binary", "label": "late", "classes": [False, True], "outputs": [{"name": "probability"}]}
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    return Watcher(convert(WatcherConfig, {
        "monitor": "monitor.m", "log_dir": str(tmp_path / "log"), "baseline_dir": str(folder), "out_dir": str(tmp_path / "out"),
        "window": 10, "min_rows": 200, "drift": {}, "on_finding": "propose", "contract": str(tmp_path / "contract.json"),
        "schema": "", "profile": "", "baseline_digest": "b1", "metrics": {}, **config,
    }))  # fmt: skip


def findings(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((tmp_path / "out/findings").glob("*.json"))]


def test_a_window_is_judged_once_after_it_is_over(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    write_log(tmp_path / f"log/v1-1-{int(start * 1e9)}.jsonl", start, columns(3, 1000, shift=0.8))
    first = watcher(tmp_path, baseline)
    assert not first.tick(start + 5)
    assert first.tick(start + 13)
    (finding,) = findings(tmp_path)
    assert [column["name"] for column in finding["columns"]] == ["temp"]
    assert finding["rows"] == 1000
    again = watcher(tmp_path, baseline)
    assert again.tick(start + 30)
    assert findings(tmp_path) == [finding]


def test_a_thin_window_is_joined_to_the_next(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    for number in range(3):
        at = start + 10 * number
        write_log(tmp_path / f"log/v1-1-{int(at * 1e9)}.jsonl", at, columns(number, 90))
    watching = watcher(tmp_path, baseline)
    for _ in range(3):
        assert watching.tick(start + 33)
    status = json.loads((tmp_path / "out/status.json").read_text())
    assert (status["windows"], status["rows"]) == (1, 270)


def test_lines_that_come_late_are_judged_with_the_next_window(tmp_path: Path, baseline: Profile) -> None:
    start, late = 1_700_000_000.0, tmp_path / "late"
    log = tmp_path / f"log/v1-1-{int(start * 1e9)}.open"
    write_log(log, start, columns(0, 300))
    watching = watcher(tmp_path, baseline)
    assert watching.tick(start + 13)
    write_log(late, start + 9, columns(1, 500, shift=0.8))
    log.write_bytes(log.read_bytes() + late.read_bytes())
    assert watching.tick(start + 23)
    assert findings(tmp_path)[0]["rows"] == 500


def test_a_finding_is_extended_and_an_acknowledged_one_not_repeated(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    for number in range(3):
        at = start + 10 * number
        write_log(tmp_path / f"log/v1-1-{int(at * 1e9)}.jsonl", at, columns(number, 500, shift=0.8))
    watching = watcher(tmp_path, baseline)
    watching.tick(start + 13)
    watching.tick(start + 23)
    (one,) = findings(tmp_path)
    assert (one["windows"], one["rows"]) == (2, 1000)
    (tmp_path / f"out/findings/{one['id']}.ack.json").write_text("{}")
    watching.tick(start + 33)
    assert len([path for path in (tmp_path / "out/findings").glob("*.json") if "ack" not in path.name]) == 1


def test_late_labels_are_measured_from_a_few_hundred(tmp_path: Path) -> None:
    contract = {"task": "binary", "classes": [False, True]}
    labels = Labels(contract, tmp_path)
    chance = random.Random(3)
    for number in range(400):
        score = chance.random()
        labels.predicted(f"r{number}", [score])
        labels.add({"id": f"r{number}", "label": chance.random() < 0.5})
        if number == 50:
            assert "auc" not in labels.measure()
    live = labels.measure()
    assert live["rows"] == 400
    assert live["auc"] == pytest.approx(0.5, abs=0.08)
    assert labels.worse(live, {"test_auc": 0.7}) == "auc"
    assert labels.worse(live, {"test_auc": 0.5}) is None
    assert PREDICTION not in live


@pytest.mark.parametrize(
    ("contract", "pair", "live", "before", "worse"),
    [
        ({"task": "multiclass", "classes": ["a", "b", "c"]}, lambda n: ("b", "b" if n % 2 else "z"), {"accuracy": 0.5}, 0.6, "accuracy"),
        ({"task": "multiclass", "classes": [1, 2]}, lambda n: (2, "2" if n % 4 else 1), {"accuracy": 0.75}, 0.78, None),
        ({"task": "multiclass", "classes": ["x", "y"]}, lambda n: ("gone", "x"), {}, 0.9, None),
        ({"task": "regression", "classes": []}, lambda n: (n, n + 3), {"mae": 3.0}, 2.0, "mae"),
    ],
)  # fmt: skip
def test_late_labels_are_measured_by_the_metrics_of_the_task(
    tmp_path: Path, contract: dict[str, Any], pair: Any, live: dict[str, float], before: float, worse: str | None
) -> None:
    labels = Labels(contract, tmp_path)
    for number in range(400):
        predicted, label = pair(number)
        labels.predicted(f"r{number}", [predicted])
        labels.add({"id": f"r{number}", "label": label})
    assert labels.measure() == {"rows": 400, **live}
    assert labels.worse(labels.measure(), {f"test_{name}": before for name in ("accuracy", "mae")}) == worse


def test_a_statistic_means_the_same_whatever_the_number_of_rows(baseline: Profile) -> None:
    statistics = {}
    for count in (1000, 20_000):
        window = Profile.of(columns(3, count, favour="A"), KINDS)
        statistics[count] = next(one for one in compare(baseline, window, KINDS) if one.method == "chi2").statistic
    assert statistics[1000] == pytest.approx(0.4, abs=0.05)
    assert statistics[20_000] == pytest.approx(0.4, abs=0.02)


TYPES = {"temp": "float", "carrier": "string", "gate": "int"}
TYPED_KINDS = {**KINDS, "gate": "text", PREDICTION: "number"}


def typed_columns(seed: int, count: int, **how: Any) -> dict[str, Any]:
    chance = random.Random(seed + 1000)
    made = columns(seed, count, **how)
    made["gate"] = [chance.choice([1, 2, 3]) for _ in range(count)]
    made[PREDICTION] = [min(1.0, max(0.0, chance.gauss(0.2, 0.1))) for _ in range(count)]
    return made


def as_read(values: dict[str, Any]) -> dict[str, Any]:
    readers = {name: reader_of(kind, TYPES.get(name)) for name, kind in TYPED_KINDS.items()}
    return {name: [readers[name](value) for value in column] for name, column in values.items()}


@pytest.fixture(scope="module")
def training() -> tuple[Profile, dict[str, BaselineColumn]]:
    made = typed_columns(1, 20_000)
    tables = {name: pa.chunked_array([made[name]]) for name in TYPES}
    facts = facts_of(tables, TYPED_KINDS, TYPES, {PREDICTION: np.array(made[PREDICTION])})
    return Profile.of(as_read(made), TYPED_KINDS), facts


def found_in(training: tuple[Profile, dict[str, BaselineColumn]], window: dict[str, Any]) -> set[tuple[str, str]]:
    baseline, facts = training
    read = as_read(window)
    counts = WindowCounts(facts, TYPED_KINDS)
    counts.add(read)
    tests = compare(baseline, Profile.of(read, TYPED_KINDS), TYPED_KINDS, counts=counts)
    return {(test.name, test.method) for test in tests if test.moved}


@pytest.mark.parametrize("write", [float, str, lambda gate: f"{gate}.0"])
def test_whole_number_is_the_same_however_it_is_written(training: Any, write: Any) -> None:
    window = typed_columns(2, 1000)
    window["gate"] = [write(gate) for gate in window["gate"]]
    assert found_in(training, window) == set()


def test_bool_and_float_categories_are_the_same_however_written() -> None:
    assert [reader_of("text", "bool")(value) for value in (True, "true", 1, None)] == ["True", "True", "True", None]
    assert [reader_of("text", "float")(value) for value in (1, 1.0, "1", float("nan"))] == ["1.0", "1.0", "1.0", None]
    assert [reader_of("number", "int")(value) for value in (7, "7", "abc", None)] == [7.0, 7.0, None, None]


def test_rows_of_the_same_kind_show_no_value_that_is_new(training: Any) -> None:
    for seed in range(2, 12):
        assert found_in(training, typed_columns(seed, 1000)) == set()


def test_fewer_missing_values_are_no_fault_and_more_are() -> None:
    baseline = Profile.of(columns(1, 20_000, missing=0.2), KINDS)
    assert moved(baseline, Profile.of(columns(2, 1000, missing=0.0), KINDS)) == {}
    assert moved(baseline, Profile.of(columns(2, 1000, missing=0.4), KINDS)) == {"temp": "missing"}


def every(count: int, values: list[Any], value: Any) -> list[Any]:
    return [value if index % count == 0 else one for index, one in enumerate(values)]


@pytest.mark.parametrize(
    ("column", "change", "method"),
    [
        ("carrier", lambda values: every(33, values, "Z"), "unseen"),
        ("gate", lambda values: every(33, values, 9), "unseen"),
        ("carrier", lambda values: every(33, values, None), "missing"),
        ("temp", lambda values: every(33, values, 99.0), "outside"),
        ("gate", lambda values: [2] * len(values), "constant"),
        ("temp", lambda values: [0.0] * len(values), "constant"),
    ],
)
def test_fault_in_three_of_a_hundred_rows_is_found(training: Any, column: str, change: Any, method: str) -> None:
    for seed in range(5):
        window = typed_columns(20 + seed, 1000)
        window[column] = change(window[column])
        assert (column, method) in found_in(training, window)


def test_predictions_a_tenth_higher_are_found_in_most_windows(training: Any) -> None:
    _, facts = training
    found = 0
    for seed in range(100):
        window = typed_columns(20 + seed, 1000)
        window[PREDICTION] = [value * 1.1 for value in window[PREDICTION]]
        counts = WindowCounts(facts, TYPED_KINDS)
        counts.add(as_read(window))
        (mean,) = [test for test in value_tests(counts) if test.method == "mean"]
        found += mean.statistic >= mean.threshold and (mean.p or 0) < ALPHA / 20
    assert found >= 90  # the deviation of 0.1 in 1,000 rows leaves a few windows below what chance allows


def test_fault_in_fewer_rows_than_matter_is_no_finding(training: Any) -> None:
    window = typed_columns(2, 20_000)
    window["carrier"] = every(200, window["carrier"], "Z")
    window["temp"] = every(200, window["temp"], 99.0)
    assert found_in(training, window) == set()


@pytest.mark.parametrize("gone", ["values", "least", "mode_share"])
def test_fact_that_is_missing_switches_its_own_check_off(training: Any, gone: str) -> None:
    baseline, facts = training
    window = typed_columns(2, 1000)
    window["carrier"] = every(33, window["carrier"], "Z")
    window["temp"] = every(33, window["temp"], 99.0)
    window["gate"] = [2] * len(window["gate"])
    expected = {"values": ("carrier", "unseen"), "least": ("temp", "outside"), "mode_share": ("gate", "constant")}
    without = {name: structs.replace(fact, **{gone: None}) for name, fact in facts.items()}
    found = found_in((baseline, without), window)
    assert expected.pop(gone) not in found
    assert set(expected.values()) <= found


def test_column_of_too_many_values_is_not_searched_for_new_ones() -> None:
    values = pa.chunked_array([[f"id{number}" for number in range(2000)]])
    facts = facts_of({"carrier": values}, {"carrier": "text"}, {"carrier": "string"})
    assert (facts["carrier"].values, facts["carrier"].once) == (None, 2000)


def feedback(path: Path, at: float, label: Any, *ids: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"t": at, "v": "v1", "f": {"id": name, "label": label}} for name in ids]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def status_of(tmp_path: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((tmp_path / "out/status.json").read_text())
    return status


def test_watcher_joins_labels_over_a_restart_and_thin_windows_once(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    for number in range(3):
        at = start + 10 * number
        write_log(tmp_path / f"log/v1-1-{int(at * 1e9)}.jsonl", at, columns(number, 90), ids=f"{number}-")
        feedback(
            tmp_path / f"log/v1-2-{int(at * 1e9)}.jsonl", at + 1, True, f"{number}-0", "0-1", f"{(number + 1) % 3}-5"
        )
    for _ in range(3):
        assert watcher(tmp_path, baseline).tick(start + 33)
    assert status_of(tmp_path)["labels"] == {"joined": 7, "waiting": 0, "refused": 0, "reason": None, "source": None}
    assert status_of(tmp_path)["live"]["rows"] == 7


def test_label_of_a_wrong_type_stops_no_watcher(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    write_log(tmp_path / f"log/v1-1-{int(start * 1e9)}.jsonl", start, columns(1, 300))
    feedback(
        tmp_path / f"log/v1-2-{int(start * 1e9)}.jsonl", start + 1, "abc", *(f"r{number}" for number in range(250))
    )
    (tmp_path / f"log/v1-3-{int(start * 1e9)}.jsonl").write_text(
        f'{{"t":{start + 2},"v":"v1","f":{{"id":"r1","label":NaN}}}}\n'
    )
    assert watcher(tmp_path, baseline).tick(start + 13)
    status = status_of(tmp_path)
    assert (status["windows"], status["labels"]["joined"], status["labels"]["refused"]) == (1, 0, 251)
    assert status["labels"]["reason"] == "r1: the label NaN is none of the classes false, true"


def test_finding_closes_when_windows_are_clean_again(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    for number, shift in enumerate((0.8, 0, 0, 0.8, 0, 0, 0, 0, 0.8)):
        at = start + 10 * number
        write_log(tmp_path / f"log/v1-1-{int(at * 1e9)}.jsonl", at, columns(number, 500, shift=shift))
    watching = watcher(tmp_path, baseline)
    for number in range(9):
        watching.tick(start + 13 + 10 * number)
        if number == 5:
            assert [finding["kind"] for finding in open_findings(tmp_path / "out", "b1")] == ["drift"]
        if number == 7:
            assert open_findings(tmp_path / "out", "b1") == []
    first, second = findings(tmp_path)
    assert (first["rows"], first["windows"], first["clean"]) == (1000, 2, 3)
    assert (first["since"], first["until"], first["closed"]) == (iso(start), iso(start + 40), iso(start + 70))
    assert (second["rows"], second.get("closed")) == (500, None)
    assert open_findings(tmp_path / "out", "b1") == [second]


def test_window_that_is_judged_again_after_a_kill_extends_no_finding(tmp_path: Path, baseline: Profile) -> None:
    start = 1_700_000_000.0
    write_log(tmp_path / f"log/v1-1-{int(start * 1e9)}.jsonl", start, columns(3, 1000, shift=0.8))
    assert watcher(tmp_path, baseline).tick(start + 13)
    (tmp_path / "out/status.json").unlink()
    assert watcher(tmp_path, baseline).tick(start + 13)
    (finding,) = findings(tmp_path)
    assert (finding["windows"], finding["rows"]) == (1, 1000)
