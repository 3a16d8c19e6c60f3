"""Trials of one search on several machines: one gives them out, and what runs elsewhere may end at any moment."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.pod import SEARCH_PORT
from mlops.errors import MlopsError
from mlops.workloads.tuning import trial as trials
from mlops.workloads.tuning.joined import join_search
from mlops.workloads.tuning.search import Search
from mlops.workloads.tuning.tune import tune
from tests.ports import any_port
from tests.workloads.searched_project import LEDGER, ledger, say_search, search_anew


@contextmanager
def others(root: Path, port: int, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    words = [sys.executable, "-m", "mlops.workloads.tuning.joined", "late", "127.0.0.1", str(port)]
    begun = [subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        yield begun
    finally:
        for one in begun:
            one.kill()
            one.communicate()


def test_trials_that_run_elsewhere_are_neither_lost_nor_doubled(tuned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs trials is killed in the middle of the search, and so is one that only says that it began."""
    say_search(tuned, trials=40, parallel=2, search="random")
    expected = [one["values"] for one in search_alone(tuned, 40)]
    port, others_ran = any_port(), threading.Event()
    monkeypatch.setenv(SEARCH_PORT, str(port))
    learn = trials.Trials.run

    def run(self: trials.Trials, chosen: Mapping[str, Any], name: str, report: trials.TakeMeasured) -> list[float]:
        assert others_ran.wait(300)
        return learn(self, chosen, name, report)

    monkeypatch.setattr(trials.Trials, "run", run)
    search = threading.Thread(target=tune, args=("late",))
    search.start()
    hold_one_and_vanish(tuned, port)
    with others(tuned, port, 2) as (first, second):
        assert line_of(first).startswith("trial ")
        first.kill()
        assert line_of(second).startswith("trial ")
        others_ran.set()
        search.join(timeout=300)
        assert not search.is_alive()
        said, _ = second.communicate(timeout=120)
    assert "there are no more trials: trials" in said
    found = ledger(tuned)["trials"]
    assert [one["number"] for one in found] == list(range(40))
    assert [one["values"] for one in found] == expected
    assert {one["state"] for one in found} == {"done"}


def search_alone(root: Path, trials: int) -> list[dict[str, object]]:
    """Draw the same values without a second worker; a random search draws each place by itself."""
    say_search(root, trials=trials, search="random")
    found: list[dict[str, object]] = search_anew(root)["trials"]
    (root / LEDGER).unlink()
    say_search(root, trials=trials, parallel=2, search="random")
    return found


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def hold_one_and_vanish(root: Path, port: int) -> None:
    """Begin a trial, and end the connection without a word."""
    question = Search.of("late", root).question
    deadline = time.monotonic() + 60
    while True:
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=5)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    with link, link.makefile("rw") as wire:
        for asked in ({"ask": "next", "question": "of another search"}, {"ask": "next", "question": question}):
            wire.write(json.dumps(asked) + "\n")
            wire.flush()
            answer = json.loads(wire.readline())
            assert ("refused" in answer) == (asked["question"] != question)
        assert answer.get("chosen") or answer.get("ended")


def test_pod_that_comes_when_the_search_is_over_ends_well(tuned: Path, capfd: pytest.CaptureFixture[str]) -> None:
    say_search(tuned, trials=2)
    join_search("late", "127.0.0.1", any_port(), patience=0.3)
    assert "nobody gives out trials" in capfd.readouterr().out


def test_pod_of_another_search_is_refused(tuned: Path) -> None:
    say_search(tuned, trials=2)
    port = any_port()

    def refuse() -> None:
        with socket.create_server(("127.0.0.1", port)) as door:
            link, _ = door.accept()
            with link, link.makefile("rw") as wire:
                wire.readline()
                wire.write(json.dumps({"refused": "it has other data"}) + "\n")

    threading.Thread(target=refuse, daemon=True).start()
    with pytest.raises(MlopsError, match="refuses this one: it has other data"):
        join_search("late", "127.0.0.1", port, patience=30)
