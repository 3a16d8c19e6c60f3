"""The prediction log, followed while it is written: each answer with a label is given once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops.targets.local.labelled_answers import LogReader


def line(at: float = 10.0, **said: Any) -> str:
    return json.dumps({"t": at, "v": "v2", **said}) + "\n"


def answer(name: str, late: bool, at: float = 10.0) -> str:
    return line(at, id=name, q={"number": 1}, a={"predictions": [{"late": late}], "version": "v2"})


def label(name: str, said: Any) -> str:
    return line(f={"id": name, "label": said})


def test_answers_are_given_with_their_labels_whichever_came_first(tmp_path: Path) -> None:
    read = LogReader(tmp_path, 0.0)
    assert read() == []
    (tmp_path / "v2-1-10.open").write_text(answer("a", True) + answer("b", False) + label("c", 1))
    assert read() == []
    (tmp_path / "v1-2-11.open").write_text(label("a", True) + label("nobody", 1) + "no JSON\n" + answer("c", True))
    found = read()
    assert [(one.version, one.predictions, one.label) for one in found] == [
        ("v2", [{"late": True}], True), ("v2", [{"late": True}], 1)
    ]  # fmt: skip
    assert read() == []


def test_label_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    read = LogReader(tmp_path, 0.0)
    path = tmp_path / "v2-1-10.open"
    path.write_text(answer("a", True) + label("a", True) + label("a", False))
    assert len(read()) == 1
    path.write_text(path.read_text() + label("a", False) + answer("a", False))
    assert read() == []


def test_line_that_is_not_whole_is_read_when_it_is(tmp_path: Path) -> None:
    read = LogReader(tmp_path, 0.0)
    whole = answer("a", True) + label("a", True)
    path = tmp_path / "v2-1-10.open"
    path.write_text(whole[:-5])
    assert read() == []
    path.unlink()
    (tmp_path / "v2-1-10.jsonl").write_text(whole)  # the segment was closed
    assert len(read()) == 1
    assert read() == []


def test_what_was_answered_before_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "v2-1-10.open").write_text(
        answer("a", True, at=4.0) + answer("b", True, at=5.0) + label("a", 1) + label("b", 1)
    )
    assert len(LogReader(tmp_path, 5.0)()) == 1


def test_reader_that_begins_anew_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "v2-1-10.open"
    path.write_text("".join(answer(str(number), True) + label(str(number), True) for number in range(20)))
    assert LogReader(tmp_path, 0.0)() == LogReader(tmp_path, 0.0)()
