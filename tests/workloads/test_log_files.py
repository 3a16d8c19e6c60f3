"""The prediction log on a disk that is full, in a folder that is gone, and with more than it may hold."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mlops.workloads.prediction_log import UnreadLines, entries_between
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.log_files import remove_old

BODY, ANSWER = b'{"rows":[{"x":1}]}', b'{"predictions":[{"p":0.5}]}'


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def log_in(folder: Path, **more: int) -> PredictionLog:
    return PredictionLog(folder, "v1", sample=1.0, flush=0.02, keep=1e6, **more)


def kept(folder: Path) -> list[str]:
    return [entry.id for entry in entries_between(folder, 0, 1e12)]


def test_folder_that_is_taken_away_is_made_anew_and_what_was_in_it_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    log = log_in(folder)
    log.offer("first", BODY, ANSWER)
    until(lambda: kept(folder) == ["first"])
    shutil.rmtree(folder)
    log.offer("second", BODY, ANSWER)
    until(lambda: log.dropped == 2)
    log.offer("third", BODY, ANSWER)
    until(lambda: folder.exists() and kept(folder) == ["third"])
    log.close()
    assert log.dropped == 2


FULL = """
import resource, sys, time
from pathlib import Path
from mlops.workloads.serving.log import PredictionLog
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = PredictionLog(Path(sys.argv[1]), "v1", sample=1.0, flush=0.01, keep=1e6)
def settle():
    end = time.monotonic() + 20
    while log._queue and time.monotonic() < end: time.sleep(0.01)
    time.sleep(0.3)
for number in range(10):
    log.offer(f"good-{number}", b'{"rows":[]}', b"{}")
settle()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
for number in range(50):
    log.offer(f"lost-{number}", b'{"rows":[]}', b"{}")
settle()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
for number in range(10):
    log.offer(f"after-{number}", b'{"rows":[]}', b"{}")
settle()
log.close()
print(log.dropped)
"""


def test_lines_that_a_full_disk_refuses_are_counted_and_leave_no_half_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100
    ids = kept(tmp_path)
    assert [one for one in ids if not one.startswith("lost")] == [f"good-{n}" for n in range(10)] + [
        f"after-{n}" for n in range(10)
    ]
    assert int(done.stdout.splitlines()[-1]) == 70 - len(ids)
    lines = [line for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert len(lines) == len(ids)
    assert all(json.loads(line)["v"] == "v1" for line in lines)


def test_oldest_segments_go_where_the_log_is_larger_than_it_may_be(tmp_path: Path) -> None:
    now = time.time()
    for number in range(10):
        path = tmp_path / f"v1-1-{number}.jsonl"
        path.write_bytes(b"x" * 100)
        os.utime(path, (now - 100 + number, now - 100 + number))
    remove_old(tmp_path, 1e6, 350)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["v1-1-7", "v1-1-8", "v1-1-9"]
    remove_old(tmp_path, 92, 10**9)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["v1-1-9"]


def test_log_under_steady_load_is_cleaned_too(tmp_path: Path) -> None:
    old = tmp_path / "v0-1-1.jsonl"
    old.write_bytes(b"x" * 5000)
    os.utime(old, (1, 1))
    log = log_in(tmp_path, size=4000)
    log.offer("first", BODY, ANSWER)
    until(lambda: not old.exists())
    log.close()


def test_large_request_is_kept_by_its_beginning_and_a_mark(tmp_path: Path) -> None:
    log = log_in(tmp_path, body=1000)
    large = b'{"rows":[{"x":"' + "ü".encode() * 2000 + b'"}]}'
    log.offer("large", large, ANSWER)
    log.offer("small", BODY, ANSWER)
    log.close()
    (path,) = tmp_path.iterdir()
    line = json.loads(path.read_bytes().splitlines()[0])
    assert (line["id"], line["cut"], line["q"], line["a"]) == ("large", len(large), None, None)
    assert line["head"].startswith('{"rows":[{"x":"ü')
    assert path.stat().st_size < 2500
    assert [(entry.id, entry.rows) for entry in entries_between(tmp_path, 0, 1e12)] == [
        ("large", []), ("small", [{"x": 1}]),
    ]  # fmt: skip


def test_each_line_is_read_once_however_late_it_was_written(tmp_path: Path) -> None:
    def line(at: float, name: str) -> bytes:
        return b'{"t":%.1f,"v":"v1","id":"%b","q":{"x":1},"a":{"predictions":[{"p":1}]}}\n' % (at, name.encode())

    segment, first = tmp_path / "v1-1-1000000000000.open", UnreadLines(tmp_path, 1000, {})
    segment.write_bytes(line(1000, "a") + line(1012, "b") + line(1009, "c") + b'{"t":10')
    assert [entry.id for entry in first.entries(1010)] == ["a"]
    segment.write_bytes(segment.read_bytes()[:-7] + line(1005, "d") + line(1021, "e"))
    segment = segment.rename(segment.with_suffix(".jsonl"))
    second = UnreadLines(tmp_path, 1010, first.read)
    assert [entry.id for entry in second.entries(1020)] == ["b", "c", "d"]
    assert [entry.id for entry in second.entries(1020)] == ["b", "c", "d"]
    third = UnreadLines(tmp_path, 1020, second.read)
    assert [entry.id for entry in third.entries(1030)] == ["e"]
    os.utime(segment, (1021, 1021))
    long_after = UnreadLines(tmp_path, 5000, third.read)
    assert list(long_after.entries(5010)) == []
    assert long_after.read == {}
    assert list(UnreadLines(tmp_path, 5010, long_after.read).entries(5020)) == []
    assert [entry.id for entry in UnreadLines(tmp_path, 1010, None).entries(1020)] == ["b"]


def test_a_line_that_is_cut_off_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "v1-1-1000000000000.jsonl"
    path.write_bytes(b'{"t":1000.5,"v":"v1","id":"a","q":{"x":1},"a":{"predictions":[{"p":1}]}}\n{"t":1000.6,"v":"v')
    assert [entry.id for entry in entries_between(tmp_path, 1000, 1001)] == ["a"]
