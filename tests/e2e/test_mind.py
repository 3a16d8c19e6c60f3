"""Changing one's mind, with resources that cost nothing: what a user types, and what it says."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BIN, Workplace
from tests.plugins import SLOW, install

PROJECT = "name: mind\n"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """a ◄ b ◄ c, and d alone; applied."""
    told = {
        "a": "value: 1",
        "b": "value: ${output:value.a.value}",
        "c": "value: ${output:value.b.value}",
        "d": "value: x",
    }
    root = tmp_path / "project"
    (root / "conf" / "value").mkdir(parents=True)
    (root / "conf" / "project.yaml").write_text(PROJECT)
    for name, text in told.items():
        (root / "conf" / "value" / f"{name}.yaml").write_text(f"{text}\n")
    made = Workplace(root)
    made.mlops("apply", "--yes")
    return made


def say(place: Workplace, text: str) -> None:
    (place.root / "conf" / "project.yaml").write_text(f"{PROJECT}{text}\n")


def file(place: Workplace, name: str) -> Path:
    return place.root / "conf" / "value" / f"{name}.yaml"


def pulled(place: Workplace) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(place.mlops("state", "pull").stdout)
    return told


def test_a_file_that_was_renamed_moves_its_record_and_changes_nothing_else(place: Workplace) -> None:
    file(place, "a").rename(file(place, "first"))
    file(place, "b").write_text("value: ${output:value.first.value}\n")
    say(place, "moved: { value.a: value.first }")
    shown = place.mlops("plan").stdout
    assert "→   value.first" in shown
    assert "moved from value.a: `moved:` says so" in shown
    assert "1 to move" in shown
    words = place.words()
    assert (words["value.first"], words["value.b"]) == (("move", "MOVE"), ("update", "RECONFIGURE"))
    place.mlops("apply", "--yes")
    assert place.words() == {}
    assert sorted(pulled(place)["records"]) == ["value.b", "value.c", "value.d", "value.first"]
    say(place, "")
    assert place.words() == {}


def test_what_is_still_declared_did_not_move(place: Workplace) -> None:
    say(place, "moved: { value.a: value.first }")
    told = place.mlops("plan", code=3).stderr
    assert "moved and still there" in told
    assert "`value.first` is not declared" in told


def test_what_is_removed_is_forgotten_and_not_destroyed(place: Workplace) -> None:
    file(place, "d").unlink()
    assert place.words() == {"value.d": ("delete", "DESTROY")}
    say(place, "removed: [value.d]")
    assert place.words() == {"value.d": ("forget", "METADATA")}
    place.mlops("apply", "--yes")
    assert "value.d" not in place.status()
    assert "Take it out there first" in place.mlops("import", "value.d", code=1).stderr
    say(place, "")
    wrote = place.mlops("import", "value.d").stdout
    assert "Wrote conf/value/d.yaml, as it was recorded at serial" in wrote
    assert "value: x" in file(place, "d").read_text()
    assert place.words() == {}
    assert "nothing to import" in place.mlops("import", "value.never", code=1).stderr
    assert "already declared" in place.mlops("import", "value.d", code=1).stderr


def test_a_target_an_exclusion_and_a_replacement_say_what_the_plan_has(place: Workplace) -> None:
    for name in "ad":
        file(place, name).write_text("value: 2\n")
    everything = place.words()
    assert set(everything) == {"value.a", "value.b", "value.c", "value.d"}

    def with_options(*words: str) -> set[str]:
        told = json.loads(place.mlops("plan", "--format", "json", *words).stdout)
        return {change["address"] for change in told["changes"]}

    assert with_options("--target", "value.b") == {"value.a", "value.b"}
    assert with_options("--exclude", "value.b") == {"value.a", "value.d"}
    place.mlops("apply", "--yes", "--exclude", "value.a")
    assert set(place.words()) == {"value.a", "value.b", "value.c"}
    place.mlops("apply", "--yes")
    document = json.loads(place.mlops("plan", "--format", "json", "--replace", "value.c").stdout)
    assert [(c["address"], c["action"]) for c in document["changes"]] == [("value.c", "replace")]
    assert "--replace value.c" in document["apply_with"]
    place.mlops("apply", "--yes", "--replace", "value.c")
    assert place.words() == {}
    assert "no such resource" in place.mlops("plan", "--exclude", "value.z", code=1).stderr


def test_a_rollback_is_a_plan_back_to_what_was_recorded(place: Workplace) -> None:
    file(place, "a").write_text("value: 2\n")
    place.mlops("apply", "--yes")
    shown = place.mlops("rollback", "value.c", "--out", "back.json").stdout
    assert "back to what serial" in shown
    told = place.mlops("apply", "back.json").stdout
    assert "Applied 1 change" in told
    records = pulled(place)["records"]
    assert (records["value.c"]["outputs"]["value"], records["value.a"]["outputs"]["value"]) == (1, 2)
    assert "it was rolled back to serial" in place.mlops("plan").stdout
    assert list(place.words()) == ["value.c"]
    place.mlops("apply", "--yes")
    to = next(v["serial"] for v in json.loads(place.mlops("history", "value.a", "--json").stdout) if v["serial"] < 4)
    kept = place.mlops("rollback", "value.a", "--to", str(to), "--yes").stdout
    assert "conf/value/a.yaml  value: 1" in kept
    assert "no such version" in place.mlops("rollback", "value.a", "--to", "999", "--yes", code=1).stderr
    assert "has no earlier version" in place.mlops("rollback", "value.d", "--yes", code=1).stderr


def test_the_state_is_shown_whole_and_corrected_by_hand_with_a_guard(place: Workplace) -> None:
    before = pulled(place)
    assert before["format"] == "mlops.state/1"
    stale = place.mlops("state", "mv", "value.d", "value.e", "--serial", str(before["serial"] - 1), code=4)
    assert f"serial {before['serial']}, and {before['serial'] - 1} was expected" in stale.stderr
    place.mlops("state", "mv", "value.d", "value.e", "--serial", str(before["serial"]))
    assert sorted(pulled(place)["records"]) == ["value.a", "value.b", "value.c", "value.e"]
    assert json.loads(place.mlops("history", "--json").stdout)[0]["command"] == "mlops state mv value.d value.e"
    assert "is recorded already" in place.mlops("state", "mv", "value.e", "value.a", code=1).stderr


def test_it_is_told_who_uses_what(place: Workplace) -> None:
    shown = place.mlops("why", "value.a", "--uses").stdout
    assert "value.b" in shown
    assert "uses the value of value.a: RECONFIGURE" in shown
    told = json.loads(place.mlops("why", "value.a", "--uses", "--json").stdout)
    assert [(use["address"], use["depth"]) for use in told["uses"]] == [("value.b", 1), ("value.c", 2)]
    assert "Nothing depends on value.d." in place.mlops("why", "value.d", "--uses").stdout
    back = place.mlops("why", "value.b").stdout
    assert "because of  value.a value 1, by " in back


def serial_of(place: Workplace) -> int:
    with closing(sqlite3.connect(place.root / ".mlops" / "state.db")) as connection:
        return int(connection.execute("SELECT serial FROM mlops_meta").fetchone()[0])


def killed_in_the_middle(place: Workplace, *words: str, done: int = 0) -> None:
    """An apply that has begun to create slow.one, has made so many other changes, and was killed then."""
    before = serial_of(place)
    process = subprocess.Popen(
        [BIN / "mlops", "apply", *words], cwd=place.root, env=place.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 120
    while not (place.root / "started-one").exists() or serial_of(place) < before + done:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def slow(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setenv("PYTHONPATH", str(install(tmp_path / "site", "slow", "acme_slow", SLOW)))
    (place.root / "conf" / "slow").mkdir()
    (place.root / "conf" / "slow" / "one.yaml").write_text("{}\n")
    return place


def test_an_interrupted_saved_plan_is_taken_up_again(slow: Workplace) -> None:
    file(slow, "a").write_text("value: 3\n")
    slow.mlops("plan", "--out", "plan.json")
    killed_in_the_middle(slow, "plan.json", done=3)
    (slow.root / "go").touch()
    assert "the state went from serial" in slow.mlops("apply", "plan.json", code=4).stderr
    slow.mlops("apply", "plan.json", "--resume")
    assert slow.words() == {}
    outcomes = [told["outcome"] for told in json.loads(slow.mlops("history", "--json").stdout)]
    assert outcomes == ["done", "interrupted", "done"]


def test_a_plan_is_not_resumed_where_somebody_else_applied_since(slow: Workplace) -> None:
    file(slow, "a").write_text("value: 3\n")
    slow.mlops("plan", "--out", "plan.json")
    killed_in_the_middle(slow, "plan.json", done=3)
    (slow.root / "go").touch()
    slow.mlops("apply", "--yes", "value.d.value=other")
    assert "another apply wrote the state since" in slow.mlops("apply", "plan.json", "--resume", code=4).stderr
    assert "nothing to resume" in slow.mlops("apply", "--resume", code=1).stderr


def test_what_was_half_made_and_is_no_longer_declared_is_deleted(slow: Workplace) -> None:
    killed_in_the_middle(slow, "--yes")
    (slow.root / "conf" / "slow" / "one.yaml").unlink()
    shown = slow.mlops("plan").stdout
    assert "an apply died while creating it, and it is no longer declared" in shown
    slow.mlops("apply", "--yes")
    assert slow.words() == {}
    assert pulled(slow)["intents"] == []


def test_a_plan_in_which_nothing_changes_does_not_import_the_models(place: Workplace) -> None:
    code = (
        "import sys\nfrom mlops.cli.main import main\ntry:\n    main(['plan'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'pydantic', 'hydra', 'omegaconf'}))"
    )
    told = place.run(str(BIN / "python"), "-c", code).stdout.splitlines()
    assert (told[0].partition(".")[0], told[-1]) == ("No changes", "[]")
