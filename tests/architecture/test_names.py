"""One public name has one meaning in the whole tree, and a name says what it holds."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted(path for room in ("mlops", "stacks") for path in (ROOT / room).rglob("*.py"))
TESTS = [*sorted((ROOT / "tests").rglob("*.py")), ROOT / "mlops/testing.py"]
LONGEST = 79
SHARED = {
    "command": "each verb of the command line is a module with one function `command`",
    "main": "each program that is started by its module has a function `main`",
    "inputs": "each Pulumi program of stacks/ is a script that reads its own inputs",
    "check": "each check of a data set is a module that registers its function `check`",
    "split": "each split of a data set is a module that registers its function `split`",
    "fingerprint": "each data source is a module that registers its function `fingerprint`",
    "find_fault": "each judge of a rollout is a module that registers its function `find_fault`",
    "locate": "each data source that is a file says where the file lies",
}


def defined_names(path: Path) -> Iterator[str]:
    """Yield the public names that a module defines at its top level; what it imports is defined elsewhere."""
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case ast.Assign(targets=targets):
                names = [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_public_name_is_defined_in_one_module() -> None:
    modules: defaultdict[str, set[str]] = defaultdict(set)
    for path in CODE:
        for name in defined_names(path):
            modules[name].add(relative(path))
    twice = {name: sorted(paths) for name, paths in modules.items() if len(paths) > 1}
    assert not {name: paths for name, paths in twice.items() if name not in SHARED}
    assert not SHARED.keys() - twice.keys(), "take out what is shared no longer"


def test_identifier_says_what_it_holds_instead_of_told() -> None:
    found = []
    for path in CODE:
        with tokenize.open(path) as file:
            found += [
                f"{relative(path)}:{token.start[0]} {token.string}"
                for token in tokenize.generate_tokens(file.readline)
                if token.type == tokenize.NAME and re.search(r"(^|_)told(_|$)", token.string, re.IGNORECASE)
            ]
    assert not found


def test_name_of_a_test_has_less_than_eighty_characters() -> None:
    long = [
        f"{relative(path)}: {node.name}"
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > LONGEST
    ]
    assert not long
