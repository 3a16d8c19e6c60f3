"""Say what another data set of the project may say as a source.

Lives here: DatasetSource.
Not here: where its rows lie (mlops.sources.dataset), reading them (workloads.data.sources.dataset).
Law: what is named is a resource, so that it comes first, must exist, and reaches the data set that reads it when it changes.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from mlops.address import NAME
from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.sources.source import SourceSpec
from mlops.sources.dataset import SPLIT_NAMES, dataset_name, split_name


class DatasetSource(SourceSpec):
    """Rows that another data set of the project prepared."""

    uri_begins: ClassVar[str | None] = r"^dataset://"
    uri: str = spec_field(
        doc="`dataset://NAME` is all rows of the data set NAME, `dataset://NAME/train` those of one split (train, val or "
        "test). NAME is prepared first; where it comes out as it was, this data set is left alone."
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")

    @field_validator("uri")
    @classmethod
    def _well_formed(cls, uri: str) -> str:
        if not NAME.fullmatch(dataset_name(uri)):
            raise FieldError(
                "write `dataset://NAME` or `dataset://NAME/train`, where conf/dataset/NAME.yaml is the data set"
            )
        split = split_name(uri)
        if split is not None and split not in SPLIT_NAMES:
            raise FieldError(f"`{split}` is no split; a data set has {', '.join(SPLIT_NAMES)}")
        return uri

    def reference(self) -> tuple[str, str]:
        """Return kind and name of the resource that it reads."""
        return "dataset", dataset_name(self.uri)
