"""A model that begins with the weights of another one, or of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import InvalidConfig, MlopsError
from mlops.kinds.staged.params import _index, model_params
from tests.e2e.conftest import SMALL
from tests.small_project import load_files
from tests.unit.kinds.conftest import Look


def look_at(folder: Path, root: Path, begin: str) -> Look:
    tuned = SMALL["conf/model/late.yaml"] + f"init_from: {begin}\n"
    return Look(root, load_files(folder, {**SMALL, "conf/model/tuned.yaml": tuned}), {})


def test_model_is_made_after_the_one_whose_weights_it_begins_with(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    look = look_at(tmp_path_factory.mktemp("conf"), tmp_path, "model.late")
    assert look.needs("model.tuned") == {"dataset.rows": "RETRAIN", "model.late": "RETRAIN"}
    reads = _index(look.spec)["model"]["tuned"]["reads"]
    assert reads[:3] == ["models/late/export", "models/late/train", "pipelines/train.py"]
    assert len(set(map(len, (entry["reads"] for entry in _index(look.spec)["model"].values())))) == 1


def test_model_that_is_not_declared_is_an_error(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(InvalidConfig, match=r"model\.lat, which conf/model/ does not define"):
        look_at(tmp_path_factory.mktemp("conf"), tmp_path, "model.lat")


def test_file_of_weights_is_pinned_by_its_content(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    look = look_at(tmp_path_factory.mktemp("conf"), tmp_path, "weights/base.safetensors")
    assert look.needs("model.tuned") == {"dataset.rows": "RETRAIN"}
    inputs = look.desired["model.tuned"].inputs
    with pytest.raises(MlopsError, match="cannot be read"):
        model_params(inputs, look.context)
    file = tmp_path / "weights/base.safetensors"
    file.parent.mkdir()
    digests = []
    for content in (b"one", b"another"):
        file.write_bytes(content)
        digests.append(model_params(inputs, look.context)["train"]["code"]["weights/base.safetensors"])
    assert digests[0] != digests[1]
    folder = look_at(tmp_path_factory.mktemp("conf2"), tmp_path, "weights")
    code = model_params(folder.desired["model.tuned"].inputs, folder.context)["train"]["code"]
    assert code["weights/base.safetensors"] == digests[1]
