"""Find the model of a kind.

Lives here: model_of, noun_of, order_of.
Not here: the models, what a kind does (kinds).
Law: a kind is what the table of kinds has; a model is imported when a file, or a record, of its kind is there.
"""

from __future__ import annotations

from pydantic import BaseModel

from mlops.errors import MlopsError
from mlops.extensions import KIND_SCHEMAS


def model_of(kind: str) -> type[BaseModel]:
    """Raises MlopsError for a kind that nobody brings."""
    model = KIND_SCHEMAS.load(kind)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise MlopsError.of(
            "plug-in does not fit",
            f"{KIND_SCHEMAS.package(kind)} brings the kind {kind}: what it registers in {KIND_SCHEMAS.group} is no model. "
            "Register a subclass of mlops.plugin.fields.Resource.",
        )
    return model


def noun_of(kind: str) -> str:
    """What a resource of this kind is called in a sentence."""
    return str(getattr(model_of(kind), "noun", "") or kind)


def order_of(kind: str) -> int:
    """Kinds with a lower number are needed by those with a higher one."""
    return int(getattr(model_of(kind), "order", 100))
