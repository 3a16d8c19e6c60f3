"""Lay out what a bento holds.

Lives here: stage_bento, serving_code, seal_bento and is_whole (whether a kept one is still what was built), and needs_of,
the packages that serving imports.
Not here: building it (kinds.package, tools), the application inside (workloads.serving).
Law: equal content has one digest, whatever the time and the machine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlops
from mlops.contracts.names import ANSWER_TIMEOUT
from mlops.errors import MlopsError, near

if TYPE_CHECKING:
    from mlops.config.schema.package import Api, Package

NEEDS = ("onnxruntime", "numpy", "msgspec", "uvicorn", "httptools", "uvloop")
IMAGE_NEEDS = ("pillow",)
"""What it imports too where the model takes images."""
GRPC_NEEDS = ("grpcio", "protobuf")
"""What it imports too where it speaks gRPC."""
_SERVING = (
    "__init__.py", "workloads/__init__.py", "workloads/parent_death.py", "workloads/serving", "workloads/vector_answer.py",
    "workloads/unlabelled_answer.py", "workloads/answer_row.py", "workloads/label_values.py",
    "workloads/features/__init__.py", "workloads/features/images.py",
    *(f"contracts/{name}.py" for name in ("__init__", "codec", "names", "server")),
)  # fmt: skip
_OPTIONAL = ("top_k", "units", "explain", "cache")
"""Fields of `api` that stand in api.json where they are said."""
_EXPLAINER = ("explain.json", "explain.npz", "features.onnx")
"""Files of an export that only explanations need."""
_SEAL = "content.sha256"
_PACKAGE = Path(mlops.__file__).parent


def api_of(package: Package) -> dict[str, Any]:
    """Return what api.json says: how a package's application answers."""
    api = package.api
    said = {} if api.threshold is None else {"threshold": api.threshold}
    said |= {"grpc": True} if api.grpc else {}
    said |= {} if api.timeout == ANSWER_TIMEOUT else {"timeout": api.timeout}
    said |= {name: value for name in _OPTIONAL if (value := getattr(api, name)) not in (None, False)}
    return {
        "max_rows": api.max_rows, "gather": api.gather, "threads": package.threads, "required": api.required,
        "outside": api.outside, "cors": api.cors, **said,
    }  # fmt: skip


def _check_api(name: str, api: Api, model: Path) -> None:
    """Raises MlopsError where the interface does not fit the model."""
    from mlops.config.schema.package import answer_misfits  # pydantic, which most commands need not

    contract = json.loads((model / "contract.json").read_text())
    has_images = any("image" in column for column in contract["columns"])
    for field, why in answer_misfits(api, contract.get("task", ""), has_images=has_images):
        raise MlopsError.of("answer does not fit the model", f"package.{name}: {why}. Take `api.{field}` out.")
    if api.explain and not (model / _EXPLAINER[0]).exists():
        raise MlopsError.of(
            "model cannot be explained",
            f"package.{name} says `api.explain: true`, and the model's export has no {_EXPLAINER[0]}: an earlier version of "
            "the tool exported it. Take `explain` out, or export the model anew: "
            f"dvc repro -f -s export@{contract.get('model')}",
        )
    _check_required(name, api.required, [column["name"] for column in contract["columns"]])


def _check_required(name: str, required: str | list[str], columns: list[str]) -> None:
    """Raises MlopsError where a column is required that the model does not take."""
    unknown = [] if isinstance(required, str) else [column for column in required if column not in columns]
    if unknown:
        raise MlopsError.of(
            "column is unknown",
            f"`api.required` of package.{name} names {', '.join(unknown)}, which the model does not take. It takes "
            f"{', '.join(columns)}.",
            hint=near(unknown[0], columns),
        )


def stage_bento(folder: Path, name: str, exported: Path, package: Package) -> str:
    """Lay out the content in `folder`, and return its digest. `exported`: what the model's export wrote."""
    for part in _SERVING:
        target = folder / "mlops" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (_PACKAGE / part).is_dir():
            shutil.copytree(_PACKAGE / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(_PACKAGE / part, target)
    model = folder / "model"
    shutil.copytree(exported, model, ignore=None if package.api.explain else shutil.ignore_patterns(*_EXPLAINER))
    _check_api(name, package.api, model)
    golden, count = json.loads((model / "golden.json").read_text()), package.api.golden_rows
    kept = {**golden, "rows": golden["rows"][:count], "predictions": golden["predictions"][:count]}
    for file, value in (("golden.json", kept), ("api.json", api_of(package)), ("package.json", {"name": name})):
        (model / file).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    packages = [f"{need}=={importlib.metadata.version(need)}" for need in needs_of(model)]
    bentofile = {
        "service": "mlops.workloads.serving.bento:Service", "name": name, "include": ["mlops/**/*.py", "model/*"],
        "python": {"packages": packages, "lock_packages": False},
    }  # fmt: skip
    (folder / "bentofile.yaml").write_text(json.dumps(bentofile, indent=2) + "\n")
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def seal_bento(folder: Path) -> None:
    """Write down what a bento that was just built holds."""
    (folder / _SEAL).write_text(_kept(folder))


def is_sealed(folder: Path, staged: Path) -> bool:
    """Say whether a bento is kept as it was built. One whose build was cut off at its very end is sealed now, where it holds all that
    was laid out in `staged`."""
    if not is_whole(folder):
        return False
    if not (folder / _SEAL).exists():
        for path in (*(staged / "mlops").rglob("*.py"), *(staged / "model").iterdir()):
            kept = folder / "src" / path.relative_to(staged)
            if not kept.is_file() or kept.read_bytes() != path.read_bytes():
                return False
        seal_bento(folder)
    return True


def is_whole(folder: Path) -> bool:
    """Say whether a bento is kept as it was built. Of one that an earlier version of the tool built, only that it is there."""
    seal = folder / _SEAL
    if not (folder / "bento.yaml").exists() or not (folder / "src" / "model" / "model.onnx").exists():
        return False
    return not seal.exists() or seal.read_text() == _kept(folder)


def _kept(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((folder / "src").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def needs_of(model: Path) -> tuple[str, ...]:
    """Return the packages that serving imports. `model`: the folder of contract.json and api.json."""
    columns = json.loads((model / "contract.json").read_text())["columns"]
    speaks_grpc = json.loads((model / "api.json").read_text()).get("grpc", False)
    images = IMAGE_NEEDS if any("image" in column for column in columns) else ()
    return (*NEEDS, *images, *(GRPC_NEEDS if speaks_grpc else ()))


@cache
def serving_code() -> str:
    """Return the digest of the code that a bento takes from here."""
    digest = hashlib.sha256()
    for part in _SERVING:
        path = _PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
