"""Read and write YAML as DVC does.

Lives here: loads and dumps for YAML 1.2, on libyaml where that writes what DVC writes.
Not here: what the files mean (reader, lockfile).
Law: `yes`, `on` and `012` are text; what is dumped reads back as the same value, here and in DVC.
"""

from __future__ import annotations

import io
import re
from typing import Any

import yaml

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_RESOLVERS = (
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+0123456789."),
    ("null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    ("merge", re.compile(r"<<"), "<"),
    ("value", re.compile(r"="), "="),
    (
        "timestamp",
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9:.]+(?:[ \t]*(?:Z|[-+][0-9:]+))?)?"),
        "0123456789",
    ),
)
_SHORT = 60
"""Characters. A longer text, or one with line breaks, is folded, and libyaml folds at other places than DVC."""


def _resolvers() -> dict[str, list[tuple[str, Any]]]:
    resolvers: dict[str, list[tuple[str, Any]]] = {}
    for name, pattern, firsts in _RESOLVERS:
        whole = re.compile(rf"(?:{pattern.pattern})\Z")
        for first in firsts:
            resolvers.setdefault(first, []).append((f"tag:yaml.org,2002:{name}", whole))
    return resolvers


class _Loader(_BaseLoader):  # type: ignore[misc]
    yaml_implicit_resolvers = _resolvers()


class _Fast(_BaseDumper):  # type: ignore[misc]
    yaml_implicit_resolvers = _resolvers()

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _int(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0 if text.lstrip("+-").startswith(("0b", "0o", "0x")) else 10)


def _float(loader: Any, node: Any) -> float:
    text = loader.construct_scalar(node).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _represent_float(dumper: Any, value: float) -> Any:
    text = repr(value)
    yaml_text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    return dumper.represent_scalar("tag:yaml.org,2002:float", yaml_text)


def _represent_none(dumper: Any, _: None) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "")


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Fast.add_representer(float, _represent_float)
_Fast.add_representer(type(None), _represent_none)


def loads(text: str | bytes) -> Any:
    """Read YAML 1.2. Raises yaml.YAMLError."""
    return yaml.load(text, _Loader)  # noqa: S506


def dumps(value: Any) -> str:
    """Write YAML with the keys in their order, byte for byte as DVC would."""
    if not _is_short(value):
        return _exact(value)
    return str(yaml.dump(value, Dumper=_Fast, sort_keys=False, allow_unicode=True, default_flow_style=False))


def _exact(value: Any) -> str:
    """Write YAML by the library that DVC uses, which folds and quotes long texts in its own way and is thirty times as
    slow."""
    from ruamel.yaml import YAML

    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.dump(value, out)
    return out.getvalue()


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT and "\n" not in value and value.isascii()
    if isinstance(value, dict):
        return all(
            _is_short(f"{key}{inner}" if isinstance(inner, str) else key) and _is_short(inner)
            for key, inner in value.items()
        )
    return all(map(_is_short, value)) if isinstance(value, list) else True
