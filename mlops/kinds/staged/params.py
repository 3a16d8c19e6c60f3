"""Render what DVC reads.

Lives here: the sections of params/, and their files.
Not here: running stages (tools.dvc), which code they run (code).
Law: equal specs render equal bytes; what changes no output is not in them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.context.context import Context
from mlops.context.inputs import METADATA_NAMES, without_fields
from mlops.contracts.names import MOST_FOLDERS_READ
from mlops.errors import InvalidConfig
from mlops.kinds.staged.code import project_code, stage_code
from mlops.kinds.staged.first_weights import weights_digests, weights_folder
from mlops.kinds.staged.registered import encoding_modules, learning_module, measuring_modules, preparing_modules
from mlops.kinds.staged.schemas import column_types
from mlops.kinds.staged.target_hooks import refuse_ignored
from mlops.kinds.staged.tuned import TUNE, searched_modules, tune_folder, tune_params
from mlops.sources.dataset import MOST_READ, data_folder
from mlops.sources.model_file import model_fingerprint
from mlops.sources.source import scheme_of

_SCRIPT, _TRAIN_SCRIPT = "pipelines/prepare.py", "pipelines/train.py"
_index_guard = threading.Lock()
_LIBRARIES = ("sklearn",)
DECIDING = ("threshold", "calibration")
"""Fields that evaluation and export read, and training does not."""
MEASURING = ("slices", "metrics")
"""Fields that evaluation alone reads."""
JUDGING = ("gates", "baseline_gate")
"""Fields that no stage reads."""
_NOT_TRAINED = (TUNE, *JUDGING, *MEASURING, *DECIDING, *METADATA_NAMES)


def dataset_params(resource: LoadedResource, context: Context) -> dict[str, Any]:
    """Return the sections of a data set. Raises MlopsError where a source is not there or cannot be reached."""
    fingerprints = {
        name: context.sources.of(resource.address.name, name, source)
        for name, source in resource.inputs["sources"].items()
    }
    code = dataset_code(resource.inputs, context)
    prepare = {**without_fields(resource.inputs, *METADATA_NAMES), "fingerprint": fingerprints, "code": code}
    return {"prepare": prepare, **_expanded(resource, prepare, context)}


def _expanded(resource: LoadedResource, prepare: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the key `features` where patterns stand in them: the columns that they mean, for people who review a change.
    No stage reads it. Where this machine has not seen the columns, what the file says of the same data set is kept."""
    written = json.dumps(resource.inputs["features"], default=dict)
    if "*" not in written and '"except"' not in written:
        return {}
    from mlops.config.schema.dataset import Dataset  # pydantic: a plan without patterns does without
    from mlops.config.schema.expanded import expand_dataset

    types = column_types(resource, context)
    if types is not None:
        dataset = Dataset.model_validate(json.loads(json.dumps(resource.inputs, default=dict)))
        with suppress(InvalidConfig):  # the plan says it, with its line
            features = expand_dataset(dataset, types).features
            return {"features": features.model_dump(mode="json", exclude_defaults=True, by_alias=True)}
    with suppress(TypeError, ValueError):
        kept = json.loads(_read(context.root / f"params/dataset/{resource.address.name}.json") or "{}")
        if "features" in kept and _text(kept.get("prepare")) == _text(prepare):
            return {"features": kept["features"]}
    return {}


def dataset_code(inputs: Mapping[str, Any], context: Context) -> dict[str, str]:
    """Return the code that prepares a data set: file -> digest. Raises MlopsError where a package is not installed."""
    return stage_code("prepare", context.hashes, registered=preparing_modules(inputs))


def model_params(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Raises MlopsError where the module of a `_target_` is not there, or takes the place of a section that is given."""
    target = inputs["architecture"].get("_target_")
    refuse_ignored(inputs, context.root)
    own = project_code(target, context.root, context.hashes) if target and not _is_library(target) else {}
    dataset = context.resources.get(Address("dataset", inputs["dataset"]))
    transforms = encoding_modules(dataset.inputs) if dataset else ()
    weights = weights_digests(inputs, context.root, context.hashes)
    family = learning_module(inputs)
    families = sorted({family, *searched_modules(inputs)})
    train = {**stage_code("train", context.hashes, registered=[*families, *transforms]), **own}
    evaluate = stage_code("evaluate", context.hashes, registered=[*families, *measuring_modules(inputs)])
    for metric in inputs.get("metrics", {}).values():
        evaluate |= project_code(metric["_target_"], context.root, context.hashes)
    decided = {name: inputs[name] for name in DECIDING if name in inputs}
    measured = {"metrics": inputs["metrics"]} if inputs.get("metrics") else {}
    export = stage_code("export", context.hashes, registered=families)
    searched = {TUNE: tune_params(inputs, context, train)} if inputs.get(TUNE) else {}
    return {
        **searched,
        "train": {
            **without_fields(inputs, *_NOT_TRAINED),
            **_pinned_files(inputs, context),
            "code": {**train, **weights},
        },
        "evaluate": {"slices": inputs.get("slices", []), **decided, **measured, "code": {**evaluate, **own}},
        "export": {**decided, "code": {**export, **own}},
    }


def _is_library(target: str) -> bool:
    """Say whether a `_target_` is of a library that this package depends on: its code is its version, as that of all libraries."""
    return target.partition(".")[0] in _LIBRARIES


def _pinned_files(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the fingerprints of the files that the architecture names. Raises MlopsError where one is not there."""
    architecture = inputs["architecture"]
    said = {field for field, value in architecture.items() if isinstance(value, str)} - {"name", "_target_"}
    if not said:
        return {}  # pydantic: a plan of what names no file does without
    from mlops.config.schema.families.family import family_spec

    pinned = {
        f"architecture.{field}": model_fingerprint(
            architecture[field], architecture.get("sha256"), root=context.root, digests=context.hashes
        )
        for field in family_spec(architecture["name"]).files
        if field in said
    }
    return {"fingerprint": pinned} if pinned else {}


def rendered(project: ProjectSpec, context: Context) -> dict[str, str]:
    """Path from the root -> content, of all of params/."""
    files = {"params/index.json": _text(_index(project))}
    for address, resource in project.resources.items():
        if address.kind == "dataset":
            files[f"params/dataset/{address.name}.json"] = _text(dataset_params(resource, context))
        elif address.kind == "model":
            files[f"params/model/{address.name}.json"] = _text(model_params(resource.inputs, context))
    return files


def _index(project: ProjectSpec) -> dict[str, Any]:
    names = [a.name for a in project.resources if a.kind == "dataset"]
    prepare = {a.name: _reads(r.inputs["sources"]) for a, r in project.resources.items() if a.kind == "dataset"}
    models = {a.name: r for a, r in project.resources.items() if a.kind == "model"}
    return {
        "dataset": names,
        "model": {name: _model(r.inputs, _folders(name, models_read(r), r.inputs)) for name, r in models.items()},
        "prepare": prepare,
        "tune": {name: {"dataset": r.inputs["dataset"]} for name, r in models.items() if r.inputs.get(TUNE)},
    }


def upstream_folders(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the folders of the data sets that a data set reads."""
    uris = [source["uri"] for source in sources.values() if scheme_of(source["uri"]) == "dataset"]
    return sorted({data_folder(uri) for uri in uris})


def models_read(resource: LoadedResource) -> list[str]:
    """Return the names of the models that a model's training reads, in the order in which they are named."""
    return [at.name for _, at in resource.references if at.kind == "model"]


def model_folder(name: str) -> str:
    """Return the folder of a model that the training of another one reads."""
    return f"models/{name}/export"


def _folders(name: str, models: Sequence[str], inputs: Mapping[str, Any]) -> list[str]:
    """Return the folders that a model's training reads: of other models, and of the values that were searched for."""
    return [
        *(model_folder(other) for other in models),
        *weights_folder(inputs),
        *([tune_folder(name)] if inputs.get(TUNE) else []),
    ]


def _model(inputs: Mapping[str, Any], folders: Sequence[str]) -> dict[str, Any]:
    return {"dataset": inputs["dataset"], "reads": [*folders, *[_TRAIN_SCRIPT] * (MOST_FOLDERS_READ - len(folders))]}


def _reads(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    folders = upstream_folders(sources)
    return {"reads": [*folders, *[_SCRIPT] * (MOST_READ - len(folders))]}


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


def write_params_of(
    kind: str, name: str, sections: Mapping[str, Any], root: Path, *, models: Sequence[str] = ()
) -> None:
    """Write one resource's file, and name it in the index where it is not yet; several threads may do so at once. `models`: those
    that the training of a model reads."""
    with _index_guard:
        _write_one(kind, name, sections, root, models)


def _write_one(kind: str, name: str, sections: Mapping[str, Any], root: Path, models: Sequence[str]) -> None:
    write_if_other(root / "params" / kind / f"{name}.json", _text(sections))
    index_path = root / "params" / "index.json"
    try:
        index = json.loads(_read(index_path) or "{}")
    except ValueError:
        index = {}
    index.setdefault("dataset", [])
    index.setdefault("model", {})
    index.setdefault("prepare", {})
    index.setdefault("tune", {})
    if kind == "dataset":
        index["dataset"] = sorted({*index["dataset"], name})
        index["prepare"][name] = _reads(sections["prepare"]["sources"])
    else:
        folders = _folders(name, models, {**sections["train"], TUNE: sections.get(TUNE)})
        index["model"][name] = _model(sections["train"], folders)
        if sections.get(TUNE):
            index["tune"][name] = {"dataset": sections["train"]["dataset"]}
        else:
            index["tune"].pop(name, None)
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
