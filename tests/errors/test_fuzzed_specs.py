"""Broken specs by the thousand: never a traceback, never a hang, and nothing is executed.

FUZZ says how many (10,000: `make fuzz`), FUZZ_SEED which; what fails is told with the number that makes it again.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlops.cli.main import main
from tests.errors.mutations import MARKER, Mutant, mutant, valid

COUNT = int(os.environ.get("FUZZ", "150"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SECONDS = 2.0
PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile", "pty.spawn")
PLANTED = f"from pathlib import Path\n\nPath({MARKER!r}).touch()\n\n\ndef touch(*told, **named):\n    pass\n"
watched: list[str] | None = None


def watch(event: str, told: tuple[Any, ...]) -> None:
    if watched is not None and (event in PROCESSES or (event == "import" and told[0].startswith("planted"))):
        watched.append(f"{event} {told[:2]}")


sys.addaudithook(watch)


def write(root: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(root / "conf", ignore_errors=True)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def planned(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[Any, str, float]:
    """The exit code, all that was said, and the seconds of this process's own work: others may be at work beside it."""
    global watched
    watched, started = [], time.process_time()
    try:
        with pytest.raises(SystemExit) as ended:
            main(["plan", *words])
    finally:
        seconds, done, watched = time.process_time() - started, watched, None
    told = capsys.readouterr()
    return ended.value.code, "\n".join([told.out, told.err, *(f"EXECUTED {one}" for one in done)]), seconds


def complaint(root: Path, made: Mutant, capsys: pytest.CaptureFixture[str], codes: Counter[Any]) -> str:
    write(root, made.files)
    code, told, seconds = planned(made.words, capsys)
    codes[code] += 1
    signs = ("Traceback", "a defect in mlops", "EXECUTED", "<class '", " object at 0x")
    wrong = [sign for sign in signs if sign in told]
    wrong += [f"exit code {code}"] if code not in (0, 1, 3) else []
    wrong += [f"{seconds:.1f} s"] if seconds > SECONDS else []
    wrong += ["executed"] if (root / MARKER).exists() else []
    wrong += ["says nothing"] if not told.strip() else []
    wrong += ["wrote the state"] if list(root.rglob("*.db")) or (root / "params").exists() else []
    return f"{', '.join(wrong)}\n{told[:1500]}" if wrong else ""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "planted.py").write_text(PLANTED)
    (tmp_path / "rows.csv").write_text("number,color,late\n1,red,true\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_is_mutated_was_valid(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {name: text.encode() for name, text in valid().items()})
    code, told, _ = planned([], capsys)
    assert code == 0, told


@pytest.mark.slow
def test_no_mutation_of_a_valid_spec_ends_in_a_traceback_a_hang_or_an_execution(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: Counter[Any] = Counter()
    failed = []
    for number in range(COUNT):
        made = mutant(number, SEED)
        if wrong := complaint(root, made, capsys, codes):
            failed.append(f"number {number}: {'; '.join(made.told)} {made.words}\n{wrong}")
    told = f"{len(failed)} of {COUNT}; exit codes {dict(codes)}; FUZZ_SEED={SEED}"
    assert not failed, f"{told}\n" + "\n\n".join(failed[:20])
    print(told)
    assert codes[3] > COUNT / 2
