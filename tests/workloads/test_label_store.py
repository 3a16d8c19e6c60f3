"""Late labels and their predictions: over restarts and kills, twice, of the wrong type, never joined."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mlops.workloads.monitoring.labels import Labels

BINARY = {"task": "binary", "label": "late", "classes": [False, True]}
REGRESSION = {"task": "regression", "label": "minutes", "classes": []}


def pairs(labels: Labels) -> list[tuple[Any, Any]]:
    labels.store.commit()
    return labels.store.recent(100)


def restarted(labels: Labels, folder: Path, contract: dict[str, Any] = BINARY) -> Labels:
    labels.settle(0)
    labels.store.close()
    return Labels(contract, folder)


def test_prediction_waits_for_its_label_over_a_restart(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    labels.predicted("a", [0.25], at=1)
    labels = restarted(labels, tmp_path)
    labels.add({"id": "a", "label": True}, at=2)
    assert pairs(labels) == [(0.25, True)]


def test_label_waits_for_its_prediction_over_a_restart(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    labels.add({"id": "a", "label": True}, at=1)
    assert labels.settle(1).waiting == 1
    labels = restarted(labels, tmp_path)
    labels.predicted("a", [0.25], at=2)
    assert pairs(labels) == [(0.25, True)]
    assert labels.settle(2).waiting == 0


def test_row_counts_once_however_often_its_window_is_read(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    for _ in range(3):
        labels.predicted("a", [0.25, 0.75], at=1)
        labels.add({"id": "a", "label": [False, True]}, at=2)
        labels.add({"id": "b", "label": "maybe"}, at=3)
        labels = restarted(labels, tmp_path)
    assert pairs(labels) == [(0.25, False), (0.75, True)]
    counts = labels.settle(4)
    assert (counts.joined, counts.refused) == (1, 1)


def test_later_label_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    labels.predicted("a", [0.25], at=1)
    labels.add({"id": "a", "label": True}, at=3)
    labels.add({"id": "a", "label": False}, at=2)
    assert pairs(labels) == [(0.25, True)]
    labels.add({"id": "a", "label": False}, at=4)
    assert pairs(labels) == [(0.25, False)]


@pytest.mark.parametrize(
    ("contract", "feedback", "sentence"),
    [
        (BINARY, {"id": "a", "label": "abc"}, 'a: the label "abc" is none of the classes false, true'),
        (BINARY, {"id": "a", "label": None}, "a: the label null is none of the classes false, true"),
        (BINARY, {"id": "a", "label": [True, False]}, "a: it has labels for 2 rows, and its request had 1"),
        (BINARY, {"id": "a", "label": []}, "a: it has no label"),
        (BINARY, {"id": {"x": 1}, "label": True}, '{"x": 1}: its id is no text; send the x-request-id of the answer'),
        (BINARY, {"id": "\ud800", "label": True}, '"\\ud800": its id is no x-request-id of an answer: those are printable ASCII without quotes and backslashes'),
        (REGRESSION, {"id": "a", "label": "abc"}, 'a: the label "abc" is no number'),
        (REGRESSION, {"id": "a", "label": float("nan")}, "a: the label NaN is no number"),
        (REGRESSION, {"id": "a", "label": 10**400}, "a: the label 100000000000000000000000000000000000000000000000000000000000 is no number"),
        (REGRESSION, {"id": "a", "label": True}, "a: the label true is no number"),
        ({"task": "multiclass", "classes": [1, 2]}, {"id": "a", "label": "abc"}, 'a: the label "abc" is none of the classes 1, 2'),
        ({"task": "multiclass", "classes": ["x"]}, {"id": "a", "label": 3.5}, "a: the label 3.5 is none of the classes \"x\""),
    ],
)  # fmt: skip
def test_label_that_does_not_fit_is_set_aside_with_a_sentence(
    tmp_path: Path, contract: dict[str, Any], feedback: dict[str, Any], sentence: str
) -> None:
    labels = Labels(contract, tmp_path)
    labels.predicted("a", [0.5], at=1)
    labels.add(feedback, at=2)
    counts = labels.settle(3)
    assert (counts.joined, counts.waiting, counts.refused, counts.reason) == (0, 0, 1, sentence)
    assert labels.measure() == {"rows": 0}


def test_row_whose_label_is_not_known_yet_makes_no_pair(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    labels.predicted("a", [0.25, 0.75], at=1)
    labels.add({"id": "a", "label": [None, True]}, at=2)
    assert pairs(labels) == [(0.75, True)]
    labels.add({"id": "a", "label": [False, True]}, at=3)
    assert pairs(labels) == [(0.25, False), (0.75, True)]


def test_label_of_another_number_of_rows_that_came_first_is_set_aside(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path)
    labels.add({"id": "a", "label": [True, False]}, at=1)
    labels.predicted("a", [0.5], at=2)
    assert labels.settle(3).reason == "a: it has labels for 2 rows, and its request had 1"
    labels.add({"id": "a", "label": True}, at=4)
    assert pairs(labels) == [(0.5, True)]


def test_label_of_an_unknown_request_is_refused_when_it_is_too_old(tmp_path: Path) -> None:
    labels = Labels(BINARY, tmp_path, keep=100)
    labels.add({"id": "nobody", "label": True}, at=1)
    labels.predicted("unlabelled", [0.5], at=1)
    assert labels.settle(101).waiting == 1
    counts = labels.settle(102)
    assert (counts.waiting, counts.refused) == (0, 1)
    assert counts.reason == "nobody: no request with this id is in the prediction log within 100 seconds of its label"
    labels.add({"id": "unlabelled", "label": True}, at=102)
    assert labels.settle(103).joined == 0


def test_pairs_of_a_version_before_this_one_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps([[0.25, True], [0.75, "abc"], [0.5, False]]))
    labels = Labels(BINARY, tmp_path)
    assert sorted(pairs(labels)) == [(0.25, True), (0.5, False)]
    assert not (tmp_path / "labels.json").exists()


def test_damaged_file_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.sqlite").write_bytes(b"no database at all" * 500)
    labels = Labels(BINARY, tmp_path)
    labels.predicted("a", [0.5], at=1)
    assert labels.settle(2).joined == 0
    assert "labels.sqlite.damaged" in capsys.readouterr().out
    assert (tmp_path / "labels.sqlite.damaged").exists()


def test_last_pairs_are_measured(tmp_path: Path) -> None:
    labels = Labels(REGRESSION, tmp_path)
    for number in range(5):
        labels.predicted(f"r{number}", [number, number + 0.5], at=number)
        labels.add({"id": f"r{number}", "label": [0, 0]}, at=10 + number)
    labels.store.commit()
    assert [value for value, _ in labels.store.recent(3)] == [3.5, 4, 4.5]


KILLED = """
import sys
from pathlib import Path
from mlops.workloads.monitoring import labels
labels._COMMIT_EVERY = 7
kept = labels.Labels({"task": "regression", "classes": []}, Path(sys.argv[1]))
for number in range(1000):
    kept.predicted(f"r{number}", [number], at=number)
    kept.add({"id": f"r{number - 50}", "label": number - 50}, at=number)
    if number == int(sys.argv[2]):
        print("here", flush=True)
        sys.stdin.read()
kept.settle(1000)
"""


def test_kill_at_any_point_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    for point in (3, 250, 777):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(point)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
            os.kill(process.pid, signal.SIGKILL)
    subprocess.run([*command[:-1], "-1"], check=True)
    with closing(sqlite3.connect(tmp_path / "labels.sqlite")) as database:
        by_state = "SELECT predicted IS NOT NULL, label IS NOT NULL, count(*) FROM requests GROUP BY 1, 2 ORDER BY 1, 2"
        assert database.execute(by_state).fetchall() == [(0, 1, 50), (1, 0, 50), (1, 1, 950)]
