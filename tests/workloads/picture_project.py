"""A project whose data set is a folder of small images: digits of scikit-learn, a folder for each class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from mlops.sources.file import fingerprint
from mlops.sources.source import FileDigests

SQL = "SELECT image, class, path, CAST(width AS DOUBLE) AS wide FROM photos"
SPLIT = {"by": "random", "val": "15%", "test": "25%"}
FEATURES: dict[str, Any] = {"image": {"image": {"size": [8, 8], "channels": 1}}}


def write_digits(folder: Path, count: int, *, classes: int = 10) -> None:
    """Write `count` images as PNG files, in a folder for each digit."""
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < classes)[:count]
    for number in chosen.tolist():
        place = folder / f"digit-{digits.target[number]}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(digits.images[number] * 16, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{number:04d}.png")


def say_photos(root: Path, **changes: Any) -> None:
    """Write the parameters of `prepare` for the folder `photos`."""
    fields: dict[str, Any] = {
        "sources": {"photos": {"uri": "photos"}}, "sql": SQL, "label": "class", "features": FEATURES, "split": SPLIT,
    }  # fmt: skip
    section = {**fields, **changes}
    section["fingerprint"] = {
        name: fingerprint(source, root=root, digests=FileDigests()) for name, source in section["sources"].items()
    }
    path = root / "params/dataset/rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"prepare": {**section, "code": "x"}}))


def say_network(root: Path, name: str = "m", **train: Any) -> None:
    """Write the parameters of a model of the images."""
    fields = {
        "dataset": "rows", "task": "multiclass", "architecture": {"name": "cnn", "channels": [8, 16], "hidden": [32]},
        "optimizer": {"lr": 0.01}, "trainer": {"max_epochs": 10, "batch_size": 16, "early_stopping": None},
    }  # fmt: skip
    path = root / f"params/model/{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = {"train": {**fields, **train, "code": "x"}, "evaluate": {"code": "x"}, "export": {"code": "x"}}
    path.write_text(json.dumps(sections))
