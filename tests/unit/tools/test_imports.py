"""What a module imports, found without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.tools.digest import Hashes
from mlops.tools.imports import closure, code_digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "nets"
    (folder / "deep").mkdir(parents=True)
    files = {
        "__init__.py": "", "model.py": "from nets.deep import layer\nimport torch\n", "unused.py": "x = 1\n",
        "deep/__init__.py": "from . import init\n", "deep/init.py": "y = 2\n",
        "deep/layer.py": (
            "from typing import TYPE_CHECKING\nfrom ..late import z\nif TYPE_CHECKING:\n    from nets import typed\n"
            "def f():\n    import nets.inside\n"
        ),
        "late.py": "z = 3\n", "typed.py": "", "inside.py": "",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def found(package: Path, **how: object) -> list[str]:
    hashes = Hashes(package.parent / "hashes.json")
    return sorted(closure(["nets.model"], {"nets": package}, hashes, **how))  # type: ignore[arg-type]


def test_closure_follows_every_import_at_any_depth(package: Path) -> None:
    assert found(package) == [
        "nets", "nets.deep", "nets.deep.init", "nets.deep.layer", "nets.inside", "nets.late", "nets.model",
    ]  # fmt: skip


def test_closure_leaves_out_what_is_skipped_and_what_only_that_imports(package: Path) -> None:
    assert found(package, skip=lambda name: name == "nets.deep") == [
        "nets", "nets.deep.layer", "nets.inside", "nets.late", "nets.model",
    ]  # fmt: skip


def test_closure_reads_a_file_again_once_it_was_touched(package: Path) -> None:
    hashes = Hashes(package.parent / "hashes.json")
    closure(["nets.model"], {"nets": package}, hashes)
    (package / "model.py").write_text("import nets.unused\n")
    assert sorted(closure(["nets.model"], {"nets": package}, hashes)) == ["nets", "nets.model", "nets.unused"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Doc."""\nx = 1\n', '"""Other\n\nwords."""\n\nx = 1  # why\n'),
        ('def f():\n    """Doc."""\n    return "# no comment"\n', 'def f():\n    return "# no comment"\n'),
    ],
)
def test_digest_of_code_stays_where_only_words_changed(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "m.py"
    file.write_text(before)
    digest = code_digest(file)
    file.write_text(after)
    assert code_digest(file) == digest


@pytest.mark.parametrize(
    ("before", "after"), [("x = 1\n", "x = 2\n"), ('x = "# a"\n', 'x = "# b"\n'), ("if a:\n    b\n", "if a: b\n")]
)
def test_digest_of_code_changes_with_the_code(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "m.py"
    file.write_text(before)
    digest = code_digest(file)
    file.write_text(after)
    assert code_digest(file) != digest


def test_digest_of_a_file_of_words_alone_is_none(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text('"""Only words."""\n# and more\n')
    assert code_digest(file) == []
