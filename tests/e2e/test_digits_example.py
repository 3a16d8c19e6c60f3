"""The example of digits from `mlops init` to a request, and the same digits as files of images."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mlops.api.init import init_project
from tests.e2e.conftest import Workplace
from tests.workloads.picture_project import write_digits

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PHOTOS = {
    "dataset/photos.yaml": "sources: { photos: { uri: photos } }\n"
    "sql: SELECT image, class FROM photos\nlabel: class\n"
    "features: { image: { image: { size: [8, 8], channels: 1 } } }\n"
    "split: { by: random, val: 15%, test: 20% }\n",
    "model/photo.yaml": "dataset: photos\ntask: multiclass\narchitecture: { name: cnn }\n"
    "trainer: { max_epochs: 15, batch_size: 64 }\ngates: [test_accuracy >= 0.95]\n",
    "package/photo.yaml": "model: photo\n",
    "endpoint/photo.yaml": "package: photo\nstack: local\nrollout: { pause: 0s, drain: 0s }\n",
}


def test_digits_are_recognised_from_pixels_and_from_files(tmp_path: Path) -> None:
    root = tmp_path / "digits"
    init_project(root, example="digits")
    write_digits(root / "photos", 900)
    for path, text in PHOTOS.items():
        (root / "conf" / path).write_text(text)
    place = Workplace(root)
    try:
        place.mlops("apply", "--yes")
        measured = {name: json.loads((root / f"metrics/model/{name}.json").read_text()) for name in ("digit", "photo")}
        assert measured["digit"]["test_accuracy"] >= 0.98
        assert measured["photo"]["test_accuracy"] >= 0.95
        digits = load_digits()
        row = {f"column{number:02d}": value for number, value in enumerate(digits.data[0].tolist())}
        assert invoke(place, "digit", row)["digit"] == int(digits.target[0])
        file = sorted((root / "photos/digit-7").iterdir())[0]
        text = base64.b64encode(file.read_bytes()).decode()
        answer = invoke(place, "photo", {"image": text})
        assert answer["class"] == "digit-7"
        assert np.isclose(sum(answer["probabilities"].values()), 1.0, atol=1e-4)
        (root / "bad.json").write_text(json.dumps([{"image": "AAAA"}]))
        refused = place.mlops("invoke", "endpoint.photo", "--rows", "bad.json", code=None)
        assert "is not an image" in refused.stdout + refused.stderr
    finally:
        place.mlops("destroy", "--yes", code=None)


def invoke(place: Workplace, name: str, row: dict[str, Any]) -> dict[str, Any]:
    (place.root / "rows.json").write_text(json.dumps([row]))
    text = place.mlops("invoke", f"endpoint.{name}", "--rows", "rows.json", "--json").stdout
    answer: dict[str, Any] = json.loads(text)["predictions"][0]
    return answer
