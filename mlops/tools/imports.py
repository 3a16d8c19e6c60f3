"""Find the code that a module runs.

Lives here: closure, the files that a module imports, directly or through others; code_digest, which words do not change.
Not here: which module a stage begins with, which files are exempt (kinds.staged.code).
Law: nothing is imported to find out; a file that was not touched is not read again.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mlops.tools.digest import Hashes


def closure(
    modules: Iterable[str],
    packages: Mapping[str, Path],
    hashes: Hashes,
    *,
    skip: Callable[[str], bool] = lambda name: False,
) -> dict[str, Path]:
    """Return dotted name -> file of the modules and of all that they import, at any depth, inside these top-level packages
    (name -> folder, or file of a single module). The `__init__` of a package around a module counts. A module that `skip`
    names is left out, with what only it imports."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    todo = [name for module in modules for name in _with_parents(module)]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if skip(name):
            continue
        file = _file_of(name, packages)
        if file is None:
            continue
        found[name] = file
        is_package = file.name == "__init__.py"
        for imported in hashes.remembered(file, "imports", imports_of):
            absolute = _absolute(imported, name, is_package=is_package)
            todo += [parent for parent in _with_parents(absolute) if parent not in seen]
    return found


def imports_of(file: Path) -> list[str]:
    """Return the names that a file imports, each as far as it is written (`from a.b import c` is `a.b.c`), relative ones
    with their dots; what only a type checker reads is left out."""
    return sorted(set(_imports(ast.parse(file.read_bytes(), str(file)))))


def code_digest(file: Path) -> list[str]:
    """Return, alone in a list, the md5 of a file without its comments, docstrings and blank lines: the same under every
    version of Python, and after an edit that changes words only. Nothing for a file that holds no code."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for row in _docstring_rows(node.body):
                lines[row] = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return [hashlib.md5(code.encode(), usedforsecurity=False).hexdigest()] if code else []


def _docstring_rows(body: list[ast.stmt]) -> range:
    match body:
        case [ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=int(last)), *_]:
            return range(first - 1, last)
        case _:
            return range(0)


def _imports(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            dots = "." * level
            yield from (f"{dots}{module}.{alias.name}" if module else f"{dots}{alias.name}" for alias in names)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=orelse):
            for statement in orelse:
                yield from _imports(statement)
        case _:
            for inner in ast.iter_child_nodes(node):
                yield from _imports(inner)


def _absolute(imported: str, importer: str, *, is_package: bool) -> str:
    bare = imported.lstrip(".")
    level = len(imported) - len(bare)
    if level == 0:
        return imported
    parts = importer.split(".")
    base = parts if is_package else parts[:-1]
    return ".".join([*base[: len(base) - (level - 1)], bare])


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _file_of(name: str, packages: Mapping[str, Path]) -> Path | None:
    top, *rest = name.split(".")
    if top not in packages:
        return None
    base = packages[top]
    if base.suffix == ".py":
        return base if not rest else None
    at = base.joinpath(*rest)
    for file in (at.with_suffix(".py") if rest else at / "__init__.py", at / "__init__.py"):
        if file.is_file():
            return file
    return None
