"""Read dvc.yaml and dvc.lock.

Lives here: Stage, Locked, and reading them; only what our dvc.yaml uses of DVC's language: vars, foreach, do.
Not here: comparing them with the world (verdict).
Law: imports no DVC; a file that it cannot read is an error with its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import FileLocation, InvalidConfig, Problem
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.remade import with_remade

_CONFLICT = re.compile(r"^<{7}( |$)", re.MULTILINE)
_PART = re.compile(r"[^\s.\[\]]+")
_HOLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True)
class Out:
    """`persist`: the stage finds what it made the last time."""

    path: str
    cache: bool = True
    persist: bool = False


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml. `params`: file -> the keys of its top level that the stage reads."""

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: Mapping[str, tuple[str, ...]]
    outs: tuple[Out, ...]


@dataclass(frozen=True)
class Locked:
    """What dvc.lock says of a stage. `deps` and `outs`: path -> md5. `params`: file -> key -> value."""

    cmd: str
    deps: Mapping[str, str]
    params: Mapping[str, Mapping[str, Any]]
    outs: Mapping[str, str]


def read_stages(root: Path) -> dict[str, Stage]:
    content = read_yaml(root / "dvc.yaml")
    values: dict[str, Any] = {}
    for name in content.get("vars", ()):
        path = root / name
        if path.exists():
            values |= read_json_object(path)
    stages: dict[str, Stage] = {}
    with _shaped("dvc.yaml"):
        for name, body in (content.get("stages") or {}).items():
            if "foreach" not in body:
                stages[name] = _stage(name, body, {})
                continue
            over = _value(body["foreach"], values) or ()
            items = over.items() if isinstance(over, dict) else ((item, item) for item in over)
            for key, item in items:
                full = f"{name}@{key}"
                stages[full] = _stage(full, body["do"], {"key": key, "item": item})
    return stages


def read_lock(root: Path) -> dict[str, Locked]:
    """Return what dvc.lock says of each stage or, where this machine remade it with other bits, what stands for that."""
    path = root / "dvc.lock"
    if not path.exists():
        return {}
    content = read_yaml(path)
    with _shaped(path.name):
        remade = with_remade(root, content.get("stages") or {})
    return parse_lock({"stages": remade}, name=path.name)


def parse_lock(content: Mapping[str, Any], *, name: str = "dvc.lock") -> dict[str, Locked]:
    """Return what the content of a dvc.lock says. `name`: how an error names the file."""
    stages = content.get("stages") or {}
    with _shaped(name):
        return {
            name: Locked(
                str(stage.get("cmd", "")),
                {dep["path"]: str(dep.get("md5", "")) for dep in stage.get("deps", ())},
                stage.get("params") or {},
                {out["path"]: str(out.get("md5", "")) for out in stage.get("outs", ())},
            )
            for name, stage in stages.items()
        }


@contextmanager
def _shaped(name: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(name, "it is YAML, and not of the form that DVC reads") from error


def _damaged(name: str, why: str, line: int | None = None) -> InvalidConfig:
    anew = {"dvc.yaml": "mlops init --upgrade", "dvc.lock": "mlops apply"}.get(name)
    detail = f"{name} is damaged: {why}. Restore it: git checkout {name}"
    if anew:
        detail += f". Or remove it, and have it written anew: {anew}"
    return InvalidConfig(Problem("damaged file", detail, source=FileLocation(name, line)))


def _conflicting(name: str, line: int) -> InvalidConfig:
    detail = (
        f"{name} holds the conflict markers of a merge. Take one side as a whole: `git checkout --ours {name}`, or "
        f"`git checkout --theirs {name}`. Then `mlops plan` shows what that side lacks, `mlops apply` makes it, and "
        f"`git add {name}` ends the conflict. Where git says that the path has no such version, the markers were committed: "
        f"`git log --oneline -- {name}` lists commits, and `git checkout COMMIT -- {name}` takes the file of one."
    )
    return InvalidConfig(Problem("merge conflict", detail, source=FileLocation(name, line)))


def _stage(name: str, body: Mapping[str, Any], values: Mapping[str, Any]) -> Stage:
    params: dict[str, tuple[str, ...]] = {}
    for listed in body.get("params", ()):
        for file, keys in listed.items():
            params[_fill(file, values)] = tuple(keys)
    outs = [
        Out(_fill(path, values), options.get("cache", True), options.get("persist", False))
        for group in ("outs", "metrics", "plots") for path, options in map(_with_options, body.get(group, ()))
    ]  # fmt: skip
    # A place that an index of an earlier version does not fill is no dependency: rendering fills it.
    deps = tuple(_fill(path, values) for path in body.get("deps", ()) if _value(path, values) is not None)
    return Stage(name, _fill(body["cmd"], values), deps, params, tuple(outs))


def _with_options(out: Any) -> tuple[str, Mapping[str, Any]]:
    return next(iter(out.items())) if isinstance(out, dict) else (out, {})


def _fill(text: str, values: Mapping[str, Any]) -> str:
    return _HOLE.sub(lambda found: str(_at(found[1], values)), text)


def _value(written: Any, values: Mapping[str, Any]) -> Any:
    whole = _HOLE.fullmatch(written) if isinstance(written, str) else None
    return _at(whole[1], values) if whole else written


def _at(path: str, values: Mapping[str, Any]) -> Any:
    value: Any = values
    for part in _PART.findall(path):
        if isinstance(value, Mapping):
            value = value.get(part)
        else:
            value = value[int(part)] if isinstance(value, list) and part.isdigit() and int(part) < len(value) else None
    return value


def read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        conflict = _CONFLICT.search(text)
        if conflict:
            raise _conflicting(path.name, text.count("\n", 0, conflict.start()) + 1)
        content = yaml12.loads(text)
    except FileNotFoundError as error:
        raise InvalidConfig.of(
            "no dvc.yaml", f"{path} does not exist, and says which stages there are. Write it: mlops init --upgrade"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _damaged(path.name, getattr(error, "problem", str(error)), mark.line + 1 if mark else None) from error
    except UnicodeDecodeError as error:
        raise _damaged(path.name, "it is not text") from error
    if not isinstance(content, dict):
        raise _damaged(path.name, "it is empty or no mapping")
    return content


def read_json_object(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise InvalidConfig.of(
            "damaged file", f"{path} is not JSON: {error}. Write it again: mlops render", source=FileLocation(str(path))
        ) from error
    return content
