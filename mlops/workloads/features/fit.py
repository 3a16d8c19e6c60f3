"""Learn from the train split how columns become numbers.

Lives here: fit, which asks the transform of each feature.
Not here: the transforms (transforms), the graph (graph), reading Parquet (columns).
Law: sees the train split and nothing else; encoders stand in the order of the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from mlops.config.schema.by_name import unfit
from mlops.config.schema.transforms.transform import read_features
from mlops.extensions import TRANSFORMS
from mlops.workloads.features.encoder import Encoder, RawColumn, Transform

Values = Mapping[str, npt.NDArray[Any]]


def fit(schema: Mapping[str, Any], values: Values) -> tuple[Encoder, ...]:
    """Return an encoder for each feature. Raises MlopsError.

    `schema`: data/NAME/schema.json. `values`: the train split as `columns.read_columns` gives it.
    """
    types = {column["name"]: column["type"] for column in schema["columns"]}
    features = read_features(schema["features"])
    encoders: list[Encoder] = []
    for feature in features.each:
        name = feature.column
        transform: Transform = TRANSFORMS.load(feature.transform)()
        column = RawColumn(
            name, types[name], values[name] if types[name] == "image" else values[name][:, 0], schema["clean"].get(name, {}), feature.parameter,
            features.options_of(feature.transform),
        )  # fmt: skip
        encoder = transform.fit(column)
        if not isinstance(encoder, Encoder):
            raise unfit(TRANSFORMS, feature.transform, f"it learned no encoder for `{name}`")
        encoders.append(encoder)
    return tuple(encoders)
