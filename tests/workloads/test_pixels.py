"""Columns of pixels that are one image, and images beside other columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlops.config.schema.transforms.transform import read_features
from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.encoder import RawColumn
from mlops.workloads.features.fit import fit
from mlops.workloads.features.images import ImageError, ImageForm, decode_image
from mlops.workloads.features.pictures import Picture, pictures_of
from mlops.workloads.features.transforms.image import ImageTransform
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.picture_project import FEATURES, say_network, say_photos, write_digits


def schema(**pixels: Any) -> dict[str, Any]:
    columns = [{"name": f"p{number}", "type": "int"} for number in range(12)]
    features = {"numeric": ["p0"], "pixels": [f"p{number}" for number in range(1, 9)], **pixels}
    return {"columns": columns, "features": features, "clean": {}}


def encoders(said: dict[str, Any]) -> Any:
    values = {f"p{number}": np.arange(4, dtype=np.float64).reshape(4, 1) for number in range(12)}
    return fit(said, values)


def test_columns_of_pixels_are_one_image_behind_the_others() -> None:
    said = schema(pixel_shape=[2, 4])
    first = encoders(schema())[0].width
    assert pictures_of(said, encoders(said)) == (Picture(first, (1, 2, 4)),)
    coloured = schema(pixel_shape=[2, 2, 2])
    assert pictures_of(coloured, encoders(coloured))[0].shape == (2, 2, 2)


def test_pixels_that_make_up_no_image_are_refused() -> None:
    said = schema(pixel_shape=[3, 3])
    with pytest.raises(MlopsError, match="names 8 columns, and an image of 3 × 3 has 9 pixels"):
        pictures_of(said, encoders(said))


def test_range_of_pixels_becomes_0_to_1() -> None:
    encoder = encoders(schema(pixel_range=[0, 16]))[1]
    assert (encoder.low, encoder.high) == (0.0, 16.0)
    assert encoders(schema())[1].high == 255.0


def png(pixels: np.ndarray[Any, Any], tmp_path: Path) -> bytes:
    Image.fromarray(pixels).save(tmp_path / "one.png")
    return (tmp_path / "one.png").read_bytes()


def test_size_channels_and_fit_say_what_is_decoded(tmp_path: Path) -> None:
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = (255, 0, 0)
    content = png(wide, tmp_path)
    stretched = decode_image(content, ImageForm(4, 4, 3, "stretch"))
    cropped = decode_image(content, ImageForm(4, 4, 3, "crop"))
    padded = decode_image(content, ImageForm(8, 8, 3, "pad"))
    assert stretched.shape == cropped.shape == (3, 4, 4)
    assert cropped[0].min() == 255
    assert stretched[0].min() < 255
    assert padded[:, 0].max() == 0
    assert decode_image(content, ImageForm(4, 8, 1, "stretch")).shape == (1, 4, 8)


def test_image_with_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = png(np.zeros((20, 20), np.uint8), tmp_path)
    monkeypatch.setattr("mlops.workloads.features.images.MOST_PIXELS", 399)
    with pytest.raises(ImageError, match="20 × 20 pixels, and may have 399"):
        decode_image(content, ImageForm(4, 4, 1, "stretch"))


@pytest.mark.parametrize(
    ("normalise", "means", "deviations"), [("standard", (100,), (50,)), ("unit", (0,), (255,)), ("imagenet", (114.495,), (57.63,))]
)  # fmt: skip
def test_images_are_normalised_as_asked(
    normalise: str, means: tuple[float, ...], deviations: tuple[float, ...]
) -> None:
    pixels = np.full((2, 1, 2, 2), 50, np.uint8)
    pixels[1] = 150
    said = read_features({"image": {"photo": {"size": [2, 2], "channels": 1, "normalise": normalise}}})
    encoder = ImageTransform().fit(RawColumn("photo", "image", pixels, {}, said.each[0].parameter, {}))
    assert encoder.means == pytest.approx(means)
    assert encoder.deviations == pytest.approx(deviations)


def test_images_and_other_columns_are_learned_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path / "photos", 80, classes=2)
    sql = "SELECT image, class, CAST(left(right(path, 5), 1) AS DOUBLE) AS digit FROM photos"
    say_photos(tmp_path, sql=sql, features={**FEATURES, "numeric": ["digit"]})
    architecture = {"name": "cnn", "channels": [4], "hidden": [8], "beside": [3]}
    say_network(tmp_path, task="binary", architecture=architecture, trainer={"max_epochs": 1})
    prepare("rows")
    train("m")
    export("m")
    contract = json.loads((tmp_path / "models/m/export/contract.json").read_text())
    assert [column["type"] for column in contract["columns"]] == ["float", "image"]
    described = json.loads((tmp_path / "models/m/train/network.json").read_text())
    assert described["pictures"] == [{"shape": [1, 8, 8], "start": described["width"] - 64}]
