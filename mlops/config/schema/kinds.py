"""Find the model of a kind.

Lives here: model_of, effective_of, noun_of, order_of.
Not here: the models, what a kind does (kinds).
Law: a kind is what the table of kinds has; a model is imported when a file, or a record, of its kind is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops.config.effective import effective_json, typed
from mlops.errors import MlopsError
from mlops.extensions import KIND_SCHEMAS


def model_of(kind: str) -> type[BaseModel]:
    """Return the model of a kind. Raises MlopsError for a kind that no package registers."""
    model = KIND_SCHEMAS.load(kind)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise MlopsError.of(
            "plug-in does not fit",
            f"{KIND_SCHEMAS.package(kind)} brings the kind {kind}: what it registers in {KIND_SCHEMAS.group} is no model. "
            "Register a subclass of mlops.plugin.fields.Resource.",
        )
    return model


def effective_of(kind: str, inputs: Mapping[str, Any]) -> Any:
    """Return inputs that were judged before, with every default filled in, to be read by attributes. Raises MlopsError
    where they no longer fit the model."""
    try:
        return typed(effective_json(model_of(kind).model_validate_json(json.dumps(inputs, default=dict))))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MlopsError.of(
            "recorded inputs do not fit",
            f"What was recorded of a {kind} cannot be read by this version: `{where}`: {first['msg']}. Declare it anew in "
            f"conf/{kind}/, and apply.",
        ) from error


def noun_of(kind: str) -> str:
    """Return what a resource of this kind is called in a sentence."""
    return str(getattr(model_of(kind), "noun", "") or kind)


def order_of(kind: str) -> int:
    """Return the number by which kinds are listed: a kind with a lower one is needed by kinds with a higher one."""
    return int(getattr(model_of(kind), "order", 100))
