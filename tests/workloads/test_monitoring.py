"""The tests of drift, the log, late labels and windows, without a server."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.codec import convert
from mlops.contracts.watcher import WatcherConfig
from mlops.workloads.monitoring.drift import compare
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.monitoring.log import entries_between
from mlops.workloads.monitoring.profile import PREDICTION, Profile
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


def test_a_line_that_is_cut_off_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "v1-1-1000000000000.jsonl"
    path.write_bytes(b'{"t":1000.5,"v":"v1","id":"a","q":{"x":1},"a":{"predictions":[{"p":1}]}}\n{"t":1000.6,"v":"v')
    assert [entry.id for entry in entries_between(tmp_path, 1000, 1001)] == ["a"]


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
