"""Write the tables of docs/formats.md from the contracts: python -m tests.formats, or `make formats`.

A block of the page begins with `<!-- mlops.contracts.MODULE.NAME -->` and ends with `<!-- end -->`; what stands between is
made from that contract: its docstring, and a line for each field. What stands outside is written by hand.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from msgspec import UNSET, Meta, structs

import mlops.contracts
from mlops.contracts.codec import Contract, Document, env_name, plain_type
from mlops.contracts.program import ProgramInputs

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
_BLOCK = re.compile(r"(<!-- mlops\.contracts\.(?P<name>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def contracts() -> dict[str, type[Contract]]:
    """Return all contracts by module and name, in the order of their definition."""
    found: dict[str, type[Contract]] = {}
    for module in pkgutil.iter_modules(mlops.contracts.__path__):
        loaded = importlib.import_module(f"mlops.contracts.{module.name}")
        for name, kind in vars(loaded).items():
            is_ours = inspect.isclass(kind) and issubclass(kind, Contract) and kind.__module__ == loaded.__name__
            if is_ours and kind not in (Contract, Document):
                found[f"{module.name}.{name}"] = kind
    return found


def described() -> set[str]:
    """Return the contracts that the page has a block for."""
    return {block["name"] for block in _BLOCK.finditer(PAGE.read_text())}


def render(page: str) -> str:
    """Return the page with its blocks made anew."""
    known = contracts()
    return _BLOCK.sub(lambda block: f"{block[1]}{_block(known[block['name']])}{block[3]}", page)


def _block(kind: type[Contract]) -> str:
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(kind) or "").split("\n\n")]
    paragraphs[0] = f"**{kind.__name__}**: {paragraphs[0]}"
    fields = [field for field in structs.fields(kind) if field.name not in _inherited(kind)]
    has_variables = any(env_name(plain_type(field.type)[1]) for field in fields)
    has_file = not has_variables or any(not env_name(plain_type(field.type)[1]) for field in fields)
    head = [*(["field"] if has_file else []), *(["variable"] if has_variables else []), "type", "default", "meaning"]
    rows = [_row(field, has_file=has_file, has_variables=has_variables) for field in fields]
    table = [_line(head), _line(["---"] * len(head)), *map(_line, rows)]
    more = ["And the fields of ProgramInputs."] if issubclass(kind, ProgramInputs) and kind is not ProgramInputs else []
    return "\n\n".join([*paragraphs, "\n".join(table), *more]) + "\n"


def _inherited(kind: type[Contract]) -> set[str]:
    """Return the fields that another block describes; `format` is described once, at the top of the page."""
    base = ProgramInputs if issubclass(kind, ProgramInputs) and kind is not ProgramInputs else Document
    return {field.name for field in structs.fields(base)}


def _row(field: structs.FieldInfo, *, has_file: bool, has_variables: bool) -> list[str]:
    inner, meta, may_be_none = plain_type(field.type)
    variable = env_name(meta)
    return [
        *([f"`{field.encode_name}`"] if has_file else []),
        *([f"`{variable}`" if variable else ""] if has_variables else []),
        _type(inner, meta) + (" or null" if may_be_none else ""),
        _default(field),
        meta.description if meta and meta.description else "",
    ]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(kind: Any, meta: Meta | None) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin is dict:
        inner, inner_meta, _ = plain_type(args[1])
        return f"object of {_type(inner, inner_meta)}"
    if origin is tuple:
        inner, inner_meta, _ = plain_type(args[0])
        return f"list of {_type(inner, inner_meta)}"
    if origin is Union or type(kind).__name__ == "UnionType":
        return " or ".join(_type(*plain_type(one)[:2]) for one in args if one is not type(None))
    if inspect.isclass(kind) and issubclass(kind, Contract):
        return kind.__name__
    if kind is Any:
        return "anything"
    return _WORDS[kind] + _bounds(meta)


def _bounds(meta: Meta | None) -> str:
    if meta is None:
        return ""
    low = f" from {meta.ge:g}" if meta.ge is not None else f" above {meta.gt:g}" if meta.gt is not None else ""
    high = f" to {meta.le:g}" if meta.le is not None else ""
    return low + high


def _default(field: structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default_factory() if field.default is structs.NODEFAULT else field.default
    if value is None or value is UNSET or value in ({}, ()):
        return "null" if value is None else "none"
    if isinstance(value, Contract):
        return "its defaults"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
