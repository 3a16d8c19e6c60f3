"""Say what a pod needs to run a model's stages.

Lives here: workspace_files, and workspace_secrets.
Not here: data and models, which pods pull from the remote; starting pods.
Law: stages mean there what they mean here, so that dvc.lock gets the same entries; no credential is in a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops.contracts.pod import DVC_CONFIG
from mlops.errors import MlopsError
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import read_json_object, read_stages, read_yaml
from mlops.tools.dvc.settings import CONFIG, LOCAL, DvcSettings

_INDEX = "params/index.json"


def workspace_files(root: Path, model_name: str, settings: DvcSettings) -> dict[str, str]:
    """Return path from the root -> text. `settings`: DVC's, with the remote that pods use. Raises MlopsError where one is missing, or is no text."""
    index, known = read_json_object(root / _INDEX), read_stages(root)
    if model_name not in index["model"]:
        raise MlopsError.of("no such model", f"{_INDEX} does not name {model_name}. Write it again: mlops render")
    stages = {name: stage for name, stage in known.items() if f"params/model/{model_name}.json" in stage.params}
    makers = {out.path: name for name, stage in known.items() for out in stage.outs}
    needed = {makers[dep] for stage in stages.values() for dep in stage.deps if dep in makers} | set(stages)
    given = {dep for stage in stages.values() for dep in stage.deps if dep not in makers}
    params = {file for stage in stages.values() for file in stage.params}
    pipeline = read_yaml(root / "dvc.yaml")
    paths = sorted({*given, *params, *pipeline.get("vars", ()), *_pipelines(root), *_ignored(root)} - {_INDEX})
    files = {file: _text(root / file) for path in paths for file in _files(root, path)}
    files |= {file: _text(root / file) for file in _target(root, model_name)}
    persisting = [out.path for stage in stages.values() for out in stage.outs if out.persist]
    files |= {path: _text(root / path) for path in persisting if (root / path).exists()}
    locked = {name: entry for name, entry in LockFile(root).entries().items() if name in needed}
    own = index["model"][model_name]
    read = {name: entry for name, entry in index["model"].items() if f"export@{name}" in needed and name != model_name}
    prepare = {name: entry for name, entry in index.get("prepare", {}).items() if name == own["dataset"]}
    searched = {name: entry for name, entry in index.get("tune", {}).items() if name in (model_name, *read)}
    models = {model_name: own, **read}
    return files | {
        _INDEX: json.dumps({"dataset": [own["dataset"]], "model": models, "prepare": prepare, "tune": searched}),
        "dvc.yaml": yaml12.dumps(_cached(pipeline)),
        "dvc.lock": yaml12.dumps({"schema": "2.0", "stages": locked}),
        f".dvc/{CONFIG}": settings.texts()[CONFIG],
    }


def workspace_secrets(settings: DvcSettings) -> dict[str, str]:
    """Return environment variable -> text: what .dvc/config.local holds, such as the remote's credentials."""
    local = settings.texts().get(LOCAL)
    return {} if local is None else {DVC_CONFIG: local}


def _cached(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """Return stages all of whose outputs DVC keeps and pushes: metrics and plots come home the way models do."""
    stages = json.loads(json.dumps(pipeline))
    for body in stages.get("stages", {}).values():
        stage = body.get("do", body)
        for group in ("outs", "metrics", "plots"):
            stage[group] = [_keeping(out) for out in stage.get(group, ())]
            if not stage[group]:
                del stage[group]
    return dict(stages)


def _keeping(out: Any) -> Any:
    if not isinstance(out, dict):
        return out
    path, options = next(iter(out.items()))
    rest = {key: value for key, value in (options or {}).items() if key != "cache"}
    return {path: rest} if rest else path


def _pipelines(root: Path) -> Iterable[str]:
    return [path.relative_to(root).as_posix() for path in (root / "pipelines").glob("*.py")]


def _ignored(root: Path) -> Iterable[str]:
    """It says which files of a folder count."""
    return [".dvcignore"] if (root / ".dvcignore").exists() else []


def _target(root: Path, model_name: str) -> list[str]:
    """The module of `_target_`, the package around it, and what it imports, where the project has it; others are in the image. Weights
    that training begins with."""
    trained = read_json_object(root / f"params/model/{model_name}.json")["train"]
    top = str(trained.get("architecture", {}).get("_target_", "")).partition(".")[0]
    counted = trained.get("code", {})
    imported = [file for file in counted if isinstance(counted, Mapping) and not file.startswith("mlops/")]
    if not top or top == "mlops":
        return [file for file in imported if (root / file).is_file()]
    own = [f"{top}.py"] if (root / f"{top}.py").exists() else _files(root, top, "*.py")
    packages = [(parent / "__init__.py").as_posix() for file in imported for parent in Path(file).parents]
    return own + [file for file in dict.fromkeys((*imported, *packages)) if (root / file).is_file()]


def _files(root: Path, path: str, pattern: str = "*") -> list[str]:
    at = root / path
    found = [one for one in at.rglob(pattern) if one.is_file() and "__pycache__" not in one.parts]
    return [one.relative_to(root).as_posix() for one in found] if at.is_dir() else [path]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise MlopsError.of(
            "file for the pod is missing", f"{path}: {error.strerror}. A stage in dvc.yaml needs it."
        ) from error
    except UnicodeDecodeError as error:
        raise MlopsError.of(
            "file for the pod is no text",
            f"{path} is given to pods as a file, which has to be text. Make it an output of a stage, so that pods pull it.",
        ) from error
