"""Damaged files and a disk that refuses: each is told or mended, and what was finished stays finished."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.conftest import Workplace, make_small
from tests.e2e.test_faults import answers, end_supervisor_and_keeper, named

GARBAGE = b"{garb\xff\x00"
LOCAL = ".mlops/run/dev/local"
MONITOR = ".mlops/run/dev/monitors/late"


def damage(path: Path) -> None:
    assert path.is_file()
    path.write_bytes(GARBAGE)


@pytest.mark.parametrize("name", ["bootstrap.json", "clusters.json", "listeners.json", "routes.json"])
def test_a_damaged_file_of_the_gateway_is_noticed_and_written_anew(small: Workplace, name: str) -> None:
    damage(small.root / LOCAL / "gateway" / name)
    assert small.words() == {"stack.local": ("update", "PROVISION")}
    small.mlops("apply", "--yes")
    assert (small.root / LOCAL / "gateway" / name).read_bytes() != GARBAGE
    assert answers(small)
    assert small.words() == {}


@pytest.mark.parametrize("name", ["baseline.json", "baseline.bin"])
def test_a_damaged_baseline_is_noticed_and_made_anew(small: Workplace, name: str) -> None:
    damage(small.root / MONITOR / "baseline" / name)
    change = next(c for c in small.plan()["changes"] if c["address"] == "monitor.late")
    assert "its baseline is damaged" in [reason["text"] for reason in change["reasons"]]
    small.mlops("apply", "--yes")
    assert (small.root / MONITOR / "baseline" / name).read_bytes() != GARBAGE
    assert named(small, "monitoring.watcher")
    assert small.words() == {}


def test_what_runs_is_brought_back_though_every_file_that_it_starts_from_is_damaged(small: Workplace) -> None:
    files = [*(small.root / LOCAL).glob("programs/*.conf"), *(small.root / LOCAL).glob("gateway/*.json")]
    files += [*(small.root / LOCAL).glob("endpoints/late/versions/*/*.json"), small.root / MONITOR / "config.json"]
    assert len(files) == 13
    for path in [*files, small.root / LOCAL / "supervisord.conf", small.root / LOCAL / "supervisord.pid"]:
        damage(path)
    end_supervisor_and_keeper(small)
    small.mlops("apply", "--yes")
    assert answers(small)
    assert len(named(small, "serving.server")) == 2
    assert small.words() == {}


def test_endpoint_with_a_damaged_file_names_it_and_starts_anew(small: Workplace) -> None:
    route = small.root / LOCAL / "endpoints/late/route.json"
    damage(route)
    assert "route.json cannot be read" in small.mlops("plan").stdout
    assert "Take it away and apply again" in small.mlops("apply", "--yes", code=1).stderr
    assert answers(small)
    route.unlink()
    small.mlops("apply", "--yes")
    assert answers(small)
    assert len(named(small, "serving.server")) == 2
    assert small.words() == {}


def test_what_is_only_remembered_costs_time_and_nothing_else(small: Workplace) -> None:
    small.mlops("plan")
    for path in [small.root / ".mlops/cache/hashes.json", *(small.root / ".mlops/cache/config").glob("*.json")]:
        damage(path)
    assert small.words() == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dvc.lock", GARBAGE),
        ("dvc.lock", b"stages: 5\n"),
        ("dvc.yaml", GARBAGE),
        ("dvc.yaml", b"stages:\n  train: [\n"),
        ("dvc.yaml", b"\n"),
        ("params/index.json", GARBAGE),
    ],
)
def test_a_damaged_file_of_the_project_is_named_with_the_command_that_restores_it(
    small: Workplace, name: str, content: bytes
) -> None:
    path = small.root / name
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        told = small.mlops("plan", code=3).stderr
    finally:
        path.write_bytes(before)
    assert told.startswith("Error: damaged file")
    assert f"git checkout {name}" in told or "mlops render" in told
    assert small.words() == {}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for 48 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "none", folder], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"a small disk of its own needs the right to mount one: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def leave(disk: Path, room: int) -> None:
    """Fill the disk up to `room` bytes."""
    with (disk / "filling").open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(b"0" * 4096)
        file.truncate(file.tell() - room)


def test_a_full_disk_stops_the_apply_with_a_sentence_and_the_next_one_completes_it(disk: Path) -> None:
    place = make_small(disk / "project")
    file = place.root / "conf/dataset/rows.yaml"
    many = "SELECT number * i / 997 AS number, color, late FROM rows, range(1, 300) AS t(i)"
    file.write_text(file.read_text().replace("SELECT number, color, late FROM rows", many))
    place.mlops("apply", "--yes", "--target", "stack.local")
    leave(disk, 2 * 1024 * 1024)
    try:
        told = place.mlops("apply", "--yes", "--target", "dataset.rows", code=1).stderr
        assert "disk is full" in told.lower()
        assert "Traceback" not in told
        (disk / "filling").unlink()
        place.mlops("apply", "--yes", "--target", "dataset.rows")
        assert place.words("--target", "dataset.rows", "--target", "stack.local") == {}
    finally:
        (disk / "filling").unlink(missing_ok=True)
        place.mlops("destroy", "--yes", code=None)


def test_without_write_permission_nothing_is_tried_and_the_file_is_named(disk: Path) -> None:
    place = make_small(disk / "project")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for words in (["plan"], ["apply", "--yes"], ["render"]):
        told = place.mlops(*words, code=1).stderr
        assert "permission" in told or "writable" in told, told
        assert str(place.root) in told or "params" in told, told
        assert "defect" not in told
        assert "Traceback" not in told
    assert "Valid" in place.mlops("validate").stdout
