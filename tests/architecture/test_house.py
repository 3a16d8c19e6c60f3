"""The rules of the house, as tests: import contracts, sizes, headers, names, import budget."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted(path for room in ("mlops", "pipelines", "bench", "stacks") for path in (ROOT / room).rglob("*.py"))
CEILING = 400
FUNCTION_CEILING = 60
HEAVY = ("torch", "lightning", "bentoml", "whylogs", "duckdb", "dvc", "pandas", "pulumi", "hydra", "numpy")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*CODE, *sorted((ROOT / "tests").rglob("*.py"))], ids=relative)
def test_no_file_is_longer_than_the_ceiling(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= CEILING


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_CEILING
    ]
    assert not long


@pytest.mark.parametrize("path", [p for p in CODE if p.is_relative_to(ROOT / "mlops")], ids=relative)
def test_every_module_says_what_lives_there_what_does_not_and_its_law(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert re.search(r"^Lives here: .+^Not here: .+^Law: .+", doc, re.MULTILINE | re.DOTALL), doc


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_names_say_what_is_in_them(path: Path) -> None:
    words = {"utils", "util", "common", "helpers", "misc", "legacy", "experimental"}
    assert not words & set(re.split(r"[_/.]", relative(path)))
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if re.search(r"(Manager|Handler|Impl|2)$", name)]


def test_only_the_command_line_prints() -> None:
    callers = [
        relative(path)
        for path in CODE
        if path.is_relative_to(ROOT / "mlops")
        and not path.is_relative_to(ROOT / "mlops/cli")
        and not path.is_relative_to(ROOT / "mlops/workloads")
        and re.search(r"^\s*print\(", path.read_text(), re.MULTILINE)
    ]
    assert not callers


def test_stages_hold_no_logic() -> None:
    assert all(len(path.read_text().splitlines()) <= 40 for path in (ROOT / "pipelines").glob("*.py"))


@pytest.mark.slow
def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mlops.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
        "print('pydantic' in sys.modules, 'sqlalchemy' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "False False False"]


def test_nothing_names_a_package_index_or_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    index = re.compile(r"(pypi|pythonhosted|npmjs|crates)\.(org|io|com)|proxy\.golang|/home/[a-z]+/|/root/")
    found = [
        name
        for name in tracked.split("\0")
        if name and (path := ROOT / name).is_file() and name != relative(Path(__file__))
        and index.search(path.read_text(errors="replace"))
    ]  # fmt: skip
    assert not found
