"""Put columns in the place of patterns.

Lives here: expand_dataset.
Not here: what a pattern means (transforms.expand), finding out which columns there are (kinds.staged.schemas, workloads.data).
Law: pure; plan and stage get the same features for the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops.config.schema.dataset import Dataset
from mlops.config.schema.transforms.expand import expand_features, has_patterns
from mlops.config.schema.transforms.transform import read_features


def expand_dataset(dataset: Dataset, types: Mapping[str, str]) -> Dataset:
    """Return the data set with the columns that its features mean. `types`: column -> type of the contract, of all columns
    of the result of the SQL. Raises InvalidConfig where a pattern fits nothing."""
    features = dataset.features.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    if not has_patterns(features):
        return dataset
    reserved = {*dataset.split.columns, *dataset.labels}
    named = read_features(expand_features(features, types, reserved=reserved))
    return dataset.model_copy(update={"features": named})
