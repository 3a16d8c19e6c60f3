"""A model from elsewhere as a plan sees it: pinned by its bytes, moved when these are others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.stage_params import TrainParams
from mlops.errors import MlopsError
from mlops.kinds.staged.params import model_params
from mlops.scaffold.stage_files import write_stage_files
from tests.e2e.conftest import SMALL
from tests.small_project import load_files
from tests.unit.kinds.conftest import Look

MODEL = "dataset: rows\ntask: binary\narchitecture: { name: imported, uri: brought/late.onnx }\n"


@pytest.fixture
def imported(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Look:
    files = {**SMALL, "conf/model/late.yaml": MODEL}
    (tmp_path / "brought").mkdir()
    (tmp_path / "brought/late.onnx").write_bytes(b"one")
    write_stage_files(tmp_path)
    return Look(tmp_path, load_files(tmp_path_factory.mktemp("conf"), files), {})


def sections(look: Look) -> dict[str, Any]:
    return model_params(look.desired["model.late"].inputs, look.context)


def test_file_of_an_imported_model_is_pinned_by_its_bytes(imported: Look) -> None:
    section = sections(imported)["train"]
    md5 = hashlib.md5(b"one", usedforsecurity=False).hexdigest()
    assert section["fingerprint"] == {"architecture.uri": md5}
    read = TrainParams.of(section)
    assert "fingerprint" not in read.spec
    assert read.section() == section
    assert "fingerprint" not in TrainParams(spec={}).section()


def test_moved_file_of_an_imported_model_shows_in_the_plan(imported: Look) -> None:
    file, rendered = "params/model/late.json", sections(imported)
    locked = {
        f"{stage}@late": {"cmd": "x", "params": {file: {stage: rendered[stage]}}, "outs": [{"path": out, "md5": "0"}]}
        for stage, out in (("train", "models/late/train"), ("evaluate", "metrics/model/late.json"), ("export", "models/late/export"))
    }  # fmt: skip
    (imported.root / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": locked}))
    (imported.root / "brought/late.onnx").write_bytes(b"other")
    observed = Look(imported.root, imported.spec, {}).observe("model.late")
    moved = {
        stale.reason.text: stale.effect.category for stale in observed.stale if "another content" in stale.reason.text
    }
    assert moved == {"brought/late.onnx has another content": "RETRAIN"}
    assert observed.recorded is not None
    assert "fingerprint" not in observed.recorded.inputs


def test_file_that_is_not_there_is_said_by_the_plan(imported: Look) -> None:
    (imported.root / "brought/late.onnx").unlink()
    with pytest.raises(MlopsError, match=r"`brought/late.onnx` does not exist"):
        sections(imported)
