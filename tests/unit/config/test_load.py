"""What was composed and judged is kept by the content of the files, and losing it costs time only."""

from __future__ import annotations

from pathlib import Path

from mlops.config.load import load
from tests.small_project import VALUES, write_files


def kept(root: Path) -> list[Path]:
    return sorted((root / ".mlops/cache/config").glob("*.json"))


def test_second_load_reads_what_the_first_kept(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    first = load(tmp_path)
    (file,) = kept(tmp_path)
    before = file.stat().st_mtime_ns
    assert load(tmp_path) == first
    assert (kept(tmp_path), file.stat().st_mtime_ns) == ([file], before)


def test_each_content_and_each_override_has_a_composition_of_its_own(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    load(tmp_path)
    load(tmp_path, overrides=["value.one.value=2"])
    write_files(tmp_path, {"conf/value/one.yaml": "value: 3\n"})
    load(tmp_path)
    assert len(kept(tmp_path)) == 3


def test_damaged_composition_is_made_again(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    first = load(tmp_path)
    (file,) = kept(tmp_path)
    file.write_text("{")
    assert load(tmp_path) == first
