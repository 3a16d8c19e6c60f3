"""Bring raw values into the shape that the graph takes.

Lives here: the types of the graph's inputs, read_columns (Parquet to arrays), and which columns are features.
Not here: rows of requests (serving), encoding (graph).
Law: missing is NaN, the empty text or the smallest integer; nothing else stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema.transforms.transform import Features, read_features
from mlops.contracts.names import MISSING_INT
from mlops.errors import MlopsError
from mlops.workloads.features.images import ImageError, ImageForm, decode_images

DTYPES = {
    "bool": "double",
    "int": "double",
    "float": "double",
    "string": "string",
    "date": "int64",
    "timestamp": "int64",
    "image": "uint8",
}


def read_columns(
    path: Path, columns: Mapping[str, str], images: Mapping[str, ImageForm] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Return each column as an array `[N, 1]` of float64, object (str) or int64, images as `[N, C, H, W]` of uint8.

    `columns`: name -> type of the contract. `images`: name -> form, of those that are images. Raises MlopsError for an image
    that cannot be decoded.
    """
    return to_inputs(pq.read_table(path, columns=list(columns)), columns, images)


def to_inputs(
    table: pa.Table, columns: Mapping[str, str], images: Mapping[str, ImageForm] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Return columns of a table as `read_columns` does."""
    forms = images or {}
    return {
        name: _pixels(name, table[name], forms[name]) if name in forms else to_input(table[name], kind)
        for name, kind in columns.items()
    }


def _pixels(name: str, column: pa.ChunkedArray, form: ImageForm) -> npt.NDArray[np.uint8]:
    try:
        return decode_images(column.to_pylist(), form)
    except ImageError as error:
        raise MlopsError.of("image cannot be read", f"`{name}`, {error}. Prepare the data set anew.") from error


def to_input(column: pa.ChunkedArray, kind: str) -> npt.NDArray[Any]:
    """Return a column as the graph takes it. `kind`: its type in the contract."""
    match DTYPES[kind]:
        case "string":
            values = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False).astype(object)
        case "int64":
            whole = column.cast(pa.int32()).cast(pa.int64()) if kind == "date" else column.cast(pa.int64())
            values = whole.fill_null(MISSING_INT).to_numpy(zero_copy_only=False)
        case _:
            values = column.cast(pa.int8()) if kind == "bool" else column
            values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    reshaped: npt.NDArray[Any] = np.asarray(values).reshape(-1, 1)
    return reshaped


def feature_types(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> type of the columns that are features, in the order of the features.

    `schema`: data/NAME/schema.json.
    """
    types = {column["name"]: column["type"] for column in schema["columns"]}
    return {name: types[name] for name in read_features(schema["features"]).columns}


def image_forms(schema: Mapping[str, Any]) -> dict[str, ImageForm]:
    """Return name -> form of the features that are images. `schema`: data/NAME/schema.json."""
    return forms_of(read_features(schema["features"]))


def forms_of(features: Features) -> dict[str, ImageForm]:
    """Return name -> form of the features that are images."""
    found = ((feature.column, feature.parameter) for feature in features.each if feature.transform == "image")
    return {name: ImageForm(said.size[0], said.size[1], said.channels, said.fit) for name, said in found}


def categorical_columns(schema: Mapping[str, Any]) -> set[str]:
    """Return the features whose values, numbers too, are names rather than amounts."""
    features = read_features(schema["features"])
    return {feature.column for feature in features.each if features.parts[feature.transform].is_categorical}
