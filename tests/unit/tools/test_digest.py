"""What is remembered of files, and when it is computed again."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from mlops.tools.digest import Hashes


def computed_by(module: Path, text: str) -> Callable[[Path], list[str]]:
    module.write_text(text)
    spec = importlib.util.spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    compute: Callable[[Path], list[str]] = loaded.compute
    return compute


def test_what_an_earlier_version_computed_is_not_remembered(tmp_path: Path) -> None:
    file, memory = tmp_path / "file", tmp_path / "hashes.json"
    file.write_text("content")
    hashes = Hashes(memory)
    first = computed_by(tmp_path / "maker.py", "def compute(path):\n    return ['one']\n")
    assert hashes.remembered(file, "words", first) == ["one"]
    hashes.keep()
    later = computed_by(tmp_path / "maker.py", "def compute(path):\n    return ['another']\n")
    assert Hashes(memory).remembered(file, "words", later) == ["another"]


def test_file_is_computed_once_until_it_is_touched(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    calls: list[Path] = []

    def compute(path: Path) -> list[str]:
        calls.append(path)
        return []

    hashes = Hashes(tmp_path / "hashes.json")
    for _ in range(3):
        hashes.remembered(file, "words", compute)
    assert len(calls) == 1
    file.write_text("other")
    hashes.remembered(file, "words", compute)
    assert len(calls) == 2
