"""Broken specs by the thousand: never a traceback, never a hang, and nothing is executed.

FUZZ says how many (10,000: `make fuzz`), FUZZ_SEED which; a failure names the number that makes it again.
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
DESCRIBING = "mlops.workloads.data.describe"
"""The process that a plan asks for the columns of data sets; it may start, and must not import what a spec plants."""
PLANTED = f"from pathlib import Path\n\nPath({MARKER!r}).touch()\n\n\ndef touch(*args, **named):\n    pass\n"
watched: list[str] | None = None


def watch(event: str, args: tuple[Any, ...]) -> None:
    if watched is None or (event == "subprocess.Popen" and DESCRIBING in args[1]):
        return
    if event in PROCESSES or (event == "import" and args[0].startswith("planted")):
        watched.append(f"{event} {args[:2]}")


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
    printed = capsys.readouterr()
    return ended.value.code, "\n".join([printed.out, printed.err, *(f"EXECUTED {one}" for one in done)]), seconds


def complaint(root: Path, made: Mutant, capsys: pytest.CaptureFixture[str], codes: Counter[Any]) -> str:
    write(root, made.files)
    code, printed, seconds = planned(made.words, capsys)
    codes[code] += 1
    signs = ("Traceback", "a defect in mlops", "EXECUTED", "<class '", " object at 0x")
    wrong = [sign for sign in signs if sign in printed]
    wrong += [f"exit code {code}"] if code not in (0, 1, 3) else []
    wrong += [f"{seconds:.1f} s"] if seconds > SECONDS else []
    wrong += ["executed"] if (root / MARKER).exists() else []
    wrong += ["says nothing"] if not printed.strip() else []
    wrong += ["wrote the state"] if list(root.rglob("*.db")) or (root / "params").exists() else []
    return f"{', '.join(wrong)}\n{printed[:1500]}" if wrong else ""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "planted.py").write_text(PLANTED)
    (tmp_path / "rows.csv").write_text("number,color,late\n1,red,true\n")
    monkeypatch.setenv("DELAY_API_KEY", "key")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_unmutated_spec_is_valid(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {name: text.encode() for name, text in valid().items()})
    code, printed, _ = planned([], capsys)
    assert code == 0, printed


@pytest.mark.slow
def test_mutated_spec_causes_no_traceback_hang_or_execution(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes: Counter[Any] = Counter()
    failed = []
    for number in range(COUNT):
        made = mutant(number, SEED)
        if wrong := complaint(root, made, capsys, codes):
            failed.append(f"number {number}: {'; '.join(made.done)} {made.words}\n{wrong}")
    summary = f"{len(failed)} of {COUNT}; exit codes {dict(codes)}; FUZZ_SEED={SEED}"
    assert not failed, f"{summary}\n" + "\n\n".join(failed[:20])
    print(summary)
    assert codes[3] > COUNT / 2
