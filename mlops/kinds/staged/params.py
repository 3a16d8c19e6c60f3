"""Render what DVC reads.

Lives here: the sections of params/, their files, and the digest of the code that a stage runs.
Not here: running stages (tools.dvc).
Law: equal specs render equal bytes; what changes no output is not in them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import mlops
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.context.context import METADATA, Context, without
from mlops.errors import MlopsError
from mlops.sources.source import fingerprint_of

_WORKLOADS = Path(mlops.__file__).parent / "workloads"
_TRAINING = tuple(f"training/{name}.py" for name in ("train", "learn", "ranks", "network", "data", "task"))
_CODE: Mapping[str, tuple[str, ...]] = {
    "prepare": ("data",),
    "train": ("features", *_TRAINING),
    "evaluate": tuple(f"training/{name}.py" for name in ("evaluate", "metrics", "data", "task")),
    "export": ("features", "training/export.py", "training/network.py", "training/data.py"),
}
_index_guard = threading.Lock()
_NOT_TRAINED = ("gates", "slices", *METADATA)


def dataset_params(resource: LoadedResource, context: Context) -> dict[str, Any]:
    """Raises MlopsError where a source is not there."""
    prints = {
        name: fingerprint_of(source, root=context.root, digests=context.hashes)
        for name, source in resource.inputs["sources"].items()
    }
    return {"prepare": {**without(resource.inputs, *METADATA), "fingerprint": prints, "code": code_digest("prepare")}}


def model_params(inputs: Mapping[str, Any], root: Path) -> dict[str, Any]:
    target = inputs["architecture"].get("_target_")
    code = code_digest("train") if target is None else _joined(code_digest("train"), _target_digest(target, root))
    return {
        "train": {**without(inputs, *_NOT_TRAINED), "code": code},
        "evaluate": {"slices": inputs.get("slices", []), "code": code_digest("evaluate")},
        "export": {"code": code_digest("export")},
    }


@cache
def code_digest(stage: str) -> str:
    """Of the files that the stage runs, whatever their place on this machine."""
    digest = hashlib.sha256()
    for name in _CODE[stage]:
        path = _WORKLOADS / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(_WORKLOADS).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _target_digest(target: str, root: Path) -> str:
    """Of the module that `_target_` names, found without importing anything."""
    module = target.rpartition(".")[0].split(".")
    for base in (root, *_package_parent(module[0])):
        for path in (base.joinpath(*module).with_suffix(".py"), base.joinpath(*module, "__init__.py")):
            if path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    raise MlopsError.of(
        "target not found",
        f"`_target_: {target}`: the module {'.'.join(module)} is neither in the project nor installed.",
    )


def _package_parent(name: str) -> Iterable[Path]:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return ()
    return [Path(found.origin).parent.parent] if found and found.origin else ()


def _joined(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def rendered(project: ProjectSpec, context: Context) -> dict[str, str]:
    """Path from the root -> content, of all of params/."""
    told = {"params/index.json": _text(_index(project))}
    for address, resource in project.resources.items():
        if address.kind == "dataset":
            told[f"params/dataset/{address.name}.json"] = _text(dataset_params(resource, context))
        elif address.kind == "model":
            told[f"params/model/{address.name}.json"] = _text(model_params(resource.inputs, context.root))
    return told


def _index(project: ProjectSpec) -> dict[str, Any]:
    names = [a.name for a in project.resources if a.kind == "dataset"]
    models = {a.name: {"dataset": r.inputs["dataset"]} for a, r in project.resources.items() if a.kind == "model"}
    return {"dataset": names, "model": models}


def out_of_date(project: ProjectSpec, context: Context) -> list[str]:
    """The files of params/ that differ from what would be rendered, those that nothing declares any more too."""
    want = rendered(project, context)
    return [path for path, text in want.items() if _read(context.root / path) != text] + _undeclared(want, context.root)


def write_params(project: ProjectSpec, context: Context) -> list[str]:
    """Make params/ what it should be; gives the paths that were written or removed."""
    want = rendered(project, context)
    changed = [path for path, text in want.items() if write_if_other(context.root / path, text)]
    gone = _undeclared(want, context.root)
    for path in gone:
        (context.root / path).unlink(missing_ok=True)
    return changed + gone


def write_params_of(kind: str, name: str, sections: Mapping[str, Any], root: Path) -> None:
    """Write one resource's file, and name it in the index where it is not yet; several threads may do so at once."""
    with _index_guard:
        _write_one(kind, name, sections, root)


def _write_one(kind: str, name: str, sections: Mapping[str, Any], root: Path) -> None:
    write_if_other(root / "params" / kind / f"{name}.json", _text(sections))
    index_path = root / "params" / "index.json"
    try:
        index = json.loads(_read(index_path) or "{}")
    except ValueError:
        index = {}
    index.setdefault("dataset", [])
    index.setdefault("model", {})
    if kind == "dataset":
        index["dataset"] = sorted({*index["dataset"], name})
    else:
        index["model"][name] = {"dataset": sections["train"]["dataset"]}
    write_if_other(index_path, _text(index))


def write_if_other(path: Path, text: str) -> bool:
    if _read(path) == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)
    return True


def _undeclared(want: Mapping[str, str], root: Path) -> list[str]:
    there = [path.relative_to(root).as_posix() for path in sorted((root / "params").rglob("*.json"))]
    return [path for path in there if path not in want]


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
