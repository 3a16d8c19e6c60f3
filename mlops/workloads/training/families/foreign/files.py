"""Find the file of a model that was trained elsewhere.

Lives here: ModelFile and model_file, which finds it, fetches it where it lies behind an address, and checks it.
Not here: making a graph of it (onnx_graph).
Law: bytes that are not the pinned ones are never read as a model, and a pickle never is.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal

import yaml

from mlops.config.schema.families.imported import Imported
from mlops.sources.model_file import model_fingerprint
from mlops.sources.source import FileDigests, scheme_of
from mlops.workloads.stage import failed

MODEL_CACHE = Path(".mlops") / "cache" / "models"
_PATIENCE = 60.0
_KINDS: dict[str, Literal["onnx", "skops"]] = {".onnx": "onnx", ".skops": "skops"}
_MLFLOW = "MLmodel"


@dataclass(frozen=True)
class ModelFile:
    """`kind`: how it is read. `uri`: what the YAML calls it."""

    uri: str
    path: Path
    kind: Literal["onnx", "skops"]


def model_file(spec: Imported, pinned: str | None, root: Path = Path()) -> ModelFile:
    """Return the file, checked. `pinned`: the fingerprint in params/. Raises MlopsError."""
    if scheme_of(spec.uri) == "file":
        found = model_fingerprint(spec.uri, spec.sha256, root=root, digests=FileDigests())
        if found != pinned:
            raise failed(
                "model is not the pinned one",
                f"`{spec.uri}` has another content than params/ pins. Run `mlops render`, and look at the plan.",
            )
        path = root / spec.uri.removeprefix("file://")
        path = _of_mlflow(spec.uri, path) if path.is_dir() else path
        if spec.sha256:
            _check(spec, path)
    else:
        path = _fetched(spec, root / MODEL_CACHE)
    kind = _KINDS.get(path.suffix)
    if kind is None:
        raise _refused(spec.uri, f"`{path.name}` is neither an .onnx nor a .skops file")
    return ModelFile(spec.uri, path, kind)


def _of_mlflow(uri: str, folder: Path) -> Path:
    """Return the file of the flavour that is read, ONNX before scikit-learn. Raises MlopsError."""
    try:
        described = yaml.safe_load((folder / _MLFLOW).read_text())
    except FileNotFoundError:
        raise _refused(uri, f"it is a folder without the file {_MLFLOW} that MLflow writes") from None
    except yaml.YAMLError as error:
        raise _refused(uri, f"its {_MLFLOW} is not YAML: {error}") from error
    flavours: dict[str, Any] = described.get("flavors", {}) if isinstance(described, dict) else {}
    if "onnx" in flavours:
        return _inside(uri, folder, str(flavours["onnx"].get("data", "model.onnx")))
    if "sklearn" in flavours:
        name = str(flavours["sklearn"].get("pickled_model", "model.pkl"))
        if name.endswith(".skops"):
            return _inside(uri, folder, name)
        raise _refused(
            uri,
            f"MLflow stored its scikit-learn model as the pickle {name}, which runs whatever it holds when it is read. Log it "
            'with mlflow.onnx.log_model, or with mlflow.sklearn.log_model(…, serialization_format="skops")',
        )
    there = ", ".join(sorted(flavours)) or "none"
    raise _refused(uri, f"it has the flavours {there}, and of MLflow's, onnx and sklearn (as skops) are read")


def _inside(uri: str, folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise _refused(uri, f"its {_MLFLOW} names {name}, which is no file in it")
    return path


def _fetched(spec: Imported, cache: Path) -> Path:
    """Return the file behind an address, which is fetched once: its digest is its name."""
    assert spec.sha256 is not None
    path = cache / f"{spec.sha256}{Path(spec.uri.partition('?')[0]).suffix}"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        try:
            with urllib.request.urlopen(spec.uri, timeout=_PATIENCE) as answer:  # noqa: S310 - the schema allows http(s)
                temporary.write_bytes(answer.read())
            _check(spec, temporary)
            temporary.replace(path)
        except (urllib.error.URLError, HTTPException, OSError) as error:
            raise failed(
                "model cannot be fetched",
                f"`{spec.uri}`: {getattr(error, 'reason', None) or error}. Check the address and the network, then apply again.",
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
    _check(spec, path)
    return path


def _check(spec: Imported, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != spec.sha256:
        raise failed(
            "model is not the pinned one",
            f"`{spec.uri}` has the sha256 {digest}, and `architecture.sha256` says {spec.sha256}. If the new file is meant, write "
            "its digest there.",
        )


def _refused(uri: str, why: str) -> Exception:
    return failed("model cannot be imported", f"`{uri}`: {why}.")
