"""Choose among the inputs of a resource.

Lives here: without_fields, and metadata_fields (those that describe a resource and change nothing that it makes).
Not here: judging inputs (config), rendering them for DVC (kinds.staged.params).
Law: inputs are never changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops.engine.resource import Json, Record

METADATA_NAMES = ("description", "owner", "card")


def without_fields(inputs: Mapping[str, Json], *names: str) -> dict[str, Json]:
    return {key: value for key, value in inputs.items() if key not in names}


def metadata_fields(record: Record | None, desired: Mapping[str, Json], *more: str) -> dict[str, Json]:
    """Return the fields that dvc.lock does not hold: those that this environment recorded or, without a record, the
    desired ones. `more`: names of further such fields."""
    source = desired if record is None else record.inputs
    return {key: source[key] for key in (*METADATA_NAMES, *more) if key in source}
