"""Read a YAML file with the position of every value.

Lives here: SourceNode, and read_source, which finds what is wrong with a file before anybody composes it.
Not here: what the values mean (validate).
Law: a file that passes is small, has text keys, each once, and no tags, so it can be composed without harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader

from mlops.errors import FileLocation, Problem

_LOADER: Any = get_yaml_loader()
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}
_CONFLICT = re.compile(rb"^(<{7}|={7}|>{7}|\|{7})( .*)?$", re.MULTILINE)
_VALUES = 100_000
_DEPTH = 64


@dataclass(frozen=True)
class SourceNode:
    """A value with its position. `line` and `column` count from 1. `text`: a scalar as it was written.

    `key`: line, column and width of the key that names it; None for list items and the whole file.
    """

    line: int
    column: int
    width: int = 1
    text: str = ""
    key: tuple[int, int, int] | None = None
    children: Mapping[str, SourceNode] | tuple[SourceNode, ...] | None = field(default=None)

    def child(self, part: str | int) -> SourceNode | None:
        if isinstance(self.children, Mapping):
            return self.children.get(str(part))
        if isinstance(self.children, tuple) and isinstance(part, int) and 0 <= part < len(self.children):
            return self.children[part]
        return None

    def items(self) -> Iterator[tuple[str | int, SourceNode]]:
        if isinstance(self.children, Mapping):
            yield from self.children.items()
        elif self.children is not None:
            yield from enumerate(self.children)


EMPTY = SourceNode(1, 1, children={})


def read_source(path: str, content: bytes) -> tuple[SourceNode | None, list[Problem]]:
    """Return the node of the whole file, which is a mapping (an empty one for an empty file), or None and the problems."""
    text, problem = _decode(path, content)
    if problem:
        return None, [problem]
    try:
        yaml_node = yaml.compose(text, _LOADER)
        if yaml_node is None:
            return EMPTY, []
        reader = _Reader(path)
        reader.measure(yaml_node)
        node = reader.source_node(yaml_node, None)
        if reader.problems:
            return None, reader.problems
        _LOADER("").construct_document(yaml_node)
    except yaml.MarkedYAMLError as error:
        return None, [_syntax(path, text, error)]
    except yaml.reader.ReaderError as error:
        where = _position(text, error.position)
        return None, [
            _problem(path, "invalid character", f"The character #x{error.character:04x} has no place in YAML.", where)
        ]
    except RecursionError:
        return None, [_problem(path, "nested too deep", f"Values are nested more than {_DEPTH} levels deep.", None)]
    except ValueError as error:
        return None, [_problem(path, "invalid value", f"YAML cannot read a value of this file: {error}.", None)]
    if not isinstance(node.children, Mapping):
        detail = "A file here says `field: value`, one a line; this one is a single value or a list."
        return None, [_problem(path, "not a mapping", detail, (node.line, node.column, node.width))]
    return node, []


def _decode(path: str, content: bytes) -> tuple[str, Problem | None]:
    conflict = _CONFLICT.search(content)
    if conflict and (conflict[0].startswith((b"<", b">")) or b"<<<<<<<" in content):
        line = content.count(b"\n", 0, conflict.start()) + 1
        detail = "A merge left its markers here. Choose one of the two sides and take the markers out."
        return "", _problem(path, "unresolved merge conflict", detail, (line, 1, len(conflict[0])))
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        detail = f"Byte 0x{content[error.start]:02x} is not UTF-8. Save the file as UTF-8."
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        return "", _problem(path, "not UTF-8", detail, (line, column, 1))


def _problem(
    path: str, summary: str, detail: str, where: tuple[int, int, int] | None, hint: str | None = None
) -> Problem:
    return Problem(summary, detail, source=FileLocation(path, *where) if where else FileLocation(path), hint=hint)


def _position(text: str, index: int) -> tuple[int, int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index), 1


def _syntax(path: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    where = (mark.line + 1, mark.column + 1, 1) if mark else None
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or (mark and line[mark.column : mark.column + 1] == "\t"):
        return _problem(path, "tab in YAML", "YAML is indented with spaces; this line has a tab.", where)
    if error.problem and "expected a single document" in str(error.context or "") + error.problem:
        return _problem(path, "more than one document", "A file is one resource. Take out the `---`.", where)
    message = ", ".join(part for part in (error.context, error.problem) if part)
    quotable = ":" in line or "@" in line
    hint = (
        "A value that has `: `, `#`, `%`, `@` or `{` in it needs quotes."
        if quotable and "alias" not in message
        else None
    )
    return _problem(path, "invalid YAML", f"YAML cannot be read here: {message}.", where, hint)


class _Reader:
    """Turns YAML's nodes into SourceNodes and collects what is wrong with them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def measure(self, node: yaml.Node, depth: int = 0) -> int:
        """Return the number of values with every alias written out. Raises MarkedYAMLError where there are too many."""
        if id(node) in self._sizes:
            return self._sizes[id(node)]
        if id(node) in self._open:
            raise yaml.MarkedYAMLError(problem="an alias stands inside what it names", problem_mark=node.start_mark)
        if depth > _DEPTH:
            raise RecursionError
        self._open.add(id(node))
        size = 1
        if isinstance(node, yaml.MappingNode):
            size += sum(self.measure(key, depth + 1) + self.measure(value, depth + 1) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            size += sum(self.measure(item, depth + 1) for item in node.value)
        self._open.discard(id(node))
        if size > _VALUES:
            text = f"its aliases, written out, are more than {_VALUES:,} values"
            raise yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
        self._sizes[id(node)] = size
        return size

    def source_node(self, node: yaml.Node, key: yaml.Node | None) -> SourceNode:
        line, column, width = _span(node)
        if node.tag not in _TAGS:
            tag = node.tag.removeprefix("tag:yaml.org,2002:")
            self._report("unknown tag", f"`{tag}` is not a kind of value here; write plain text, numbers, lists and "
                       "mappings.", (line, column, width))  # fmt: skip
        key_span = _span(key) if key is not None else None
        if isinstance(node, yaml.MappingNode):
            return SourceNode(line, column, width, "", key_span, self._mapping(node))
        if isinstance(node, yaml.SequenceNode):
            return SourceNode(
                line, column, width, "", key_span, tuple(self.source_node(item, None) for item in node.value)
            )
        return SourceNode(line, column, width, str(node.value), key_span)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, SourceNode]:
        children: dict[str, SourceNode] = {}
        inherited: dict[str, SourceNode] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                inherited |= self._merged(value)
                continue
            name = self._name(key)
            if name in children:
                first = children[name].key or (0, 0, 0)
                self._report("duplicate key", f"`{name}` was already said in line {first[0]}; YAML would keep only one of "
                           "them. Take one out.", _span(key))  # fmt: skip
            children[name] = self.source_node(value, key)
        return inherited | children

    def _merged(self, value: yaml.Node) -> dict[str, SourceNode]:
        if isinstance(value, yaml.SequenceNode):
            parts = [self._merged(item) for item in reversed(value.value)]
            return {name: node for part in parts for name, node in part.items()}
        return self._mapping(value) if isinstance(value, yaml.MappingNode) else {}

    def _name(self, key: yaml.Node) -> str:
        if not isinstance(key, yaml.ScalarNode):
            self._report("invalid key", "A key is a single word, not a list or a mapping.", _span(key))
            return ""
        if key.tag != "tag:yaml.org,2002:str" and key.tag in _TAGS:
            read = {"bool": "true or false", "null": "nothing", "int": "a number", "float": "a number"}
            kind = read.get(key.tag.rpartition(":")[2], "no text")
            self._report("key is not text", f"YAML reads `{key.value}` as {kind}, and a key is text. Write it in quotes: "
                       f'"{key.value}".', _span(key))  # fmt: skip
        return str(key.value)

    def _report(self, summary: str, detail: str, where: tuple[int, int, int]) -> None:
        self.problems.append(_problem(self.path, summary, detail, where))


def _span(node: yaml.Node) -> tuple[int, int, int]:
    start, end = node.start_mark, node.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return start.line + 1, start.column + 1, max(1, width)
