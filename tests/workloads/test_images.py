"""Images from a folder to predictions: the source, the feature, the networks that look at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.serving.rows import BadRows, RowReader
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.picture_project import say_network, say_photos, write_digits


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path / "photos", 120, classes=3)
    say_photos(tmp_path)
    return tmp_path


def run(*stages: Any) -> None:
    for stage in stages:
        stage("m")


def test_folder_of_images_becomes_a_row_for_each(photos: Path) -> None:
    say_photos(photos, sql="SELECT * FROM photos")
    prepare("rows")
    table = pq.read_table(photos / "data/rows/train.parquet")
    assert table.column_names == ["image", "path", "class", "width", "height", "bytes"]
    row = table.slice(0, 1).to_pylist()[0]
    file = photos / row["path"]
    assert file.read_bytes() == row["image"]
    assert (row["class"], row["width"], row["height"], row["bytes"]) == (file.parent.name, 8, 8, file.stat().st_size)


def test_file_that_is_no_image_is_named_when_data_are_prepared(photos: Path) -> None:
    bad = photos / "photos/digit-1/bad.png"
    bad.write_bytes(b"no image at all")
    say_photos(photos)
    with pytest.raises(MlopsError, match=r"photos/digit-1/bad\.png is not an image"):
        prepare("rows")


def test_damaged_image_is_named_when_data_are_prepared(photos: Path) -> None:
    whole = next((photos / "photos/digit-0").iterdir())
    (photos / "photos/digit-0/cut.png").write_bytes(whole.read_bytes()[:60])
    say_photos(photos)
    with pytest.raises(MlopsError, match=r"1 of 121 images of `image` cannot be used: photos/digit-0/cut\.png cannot"):
        prepare("rows")


@pytest.mark.parametrize("family", ["cnn", "resnet"])
def test_network_learns_images_and_predicts_what_its_file_predicts(photos: Path, family: str) -> None:
    architecture: dict[str, Any] = {"name": family, "channels": [8, 16], "hidden": [16]}
    say_network(photos, architecture=architecture | ({"blocks": [1, 1]} if family == "resnet" else {}))
    prepare("rows")
    run(train, evaluate, export)
    assert json.loads((photos / "metrics/model/m.json").read_text())["test_accuracy"] > 0.6
    contract = json.loads((photos / "models/m/export/contract.json").read_text())
    form = {"height": 8, "width": 8, "channels": 1, "fit": "stretch"}
    seen = {"missing": False}
    assert contract["columns"] == [{"name": "image", "type": "image", "nullable": False, "image": form, "seen": seen}]


def test_request_with_an_image_is_decoded_as_in_training(photos: Path) -> None:
    say_network(photos, trainer={"max_epochs": 1})
    prepare("rows")
    run(train, export)
    out = photos / "models/m/export"
    golden = json.loads((out / "golden.json").read_text())
    reader = RowReader(json.loads((out / "contract.json").read_text()), 100)
    rows = reader.read(json.dumps({"rows": golden["rows"]}).encode())
    assert reader.inputs(rows)["image"].shape == (len(rows), 1, 8, 8)
    assert reader.inputs(rows)["image"].dtype == np.uint8
    for value, problem in (("AAAA", "is not an image"), ("%%", "no base64"), (7, "base64 text"), (None, "is missing")):
        with pytest.raises(BadRows) as caught:
            reader.read(json.dumps({"image": value}).encode())
        assert caught.value.status == 422
        assert caught.value.problems[0]["column"] == "image"
        assert problem in caught.value.problems[0]["problem"]
