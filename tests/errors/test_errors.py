"""Broken specs, one file a case: what is broken, and the text that a user reads.

`cases/NAME.yaml`: `write` (file -> text), `edit` (file -> [before, after]), `bytes` (file -> hex), `remove` (files), `words`
(of the command line), `at` (where the first problem must point), `says` (what its text must contain). `cases/NAME.txt` is
all of stderr; `GOLDEN=write` rewrites it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.cli.main import main
from tests.e2e.conftest import SMALL

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
MARKER = "executed"


def make(root: Path, case: dict[str, Any]) -> None:
    for name, text in {**SMALL, **case.get("write", {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text.replace("MARKER", MARKER))
    for name, (before, after) in case.get("edit", {}).items():
        text = (root / name).read_text()
        assert before in text, f"{name} does not say {before!r}"
        (root / name).write_text(text.replace(before, after.replace("MARKER", MARKER), 1))
    for name, content in case.get("bytes", {}).items():
        (root / name).write_bytes(bytes.fromhex(content))
    for name in case.get("remove", ()):
        (root / name).unlink()


def test_cases_are_at_least_forty() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_broken_spec_is_explained_and_runs_nothing(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = yaml.safe_load(path.read_text())
    make(tmp_path, case)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["plan", *case.get("words", ())])
    printed = capsys.readouterr()
    if os.environ.get("GOLDEN") == "write":
        path.with_suffix(".txt").write_text(printed.err)
    assert ended.value.code == 3, printed.err
    assert path.with_suffix(".txt").read_text() == printed.err
    first = printed.err.splitlines()[0]
    assert first.startswith("Error: ")
    assert first.endswith(case["at"]), first
    for words in case["says"]:
        assert words in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert not (tmp_path / MARKER).exists()
    assert not (tmp_path / "params").exists()
    assert not (tmp_path / ".mlops/state.db").exists()
    if "secret" in case:
        assert case["secret"] not in printed.err
