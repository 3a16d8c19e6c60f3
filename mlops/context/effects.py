"""Say what a category of change means to the engine.

Lives here: effect_of (of a category), field_effect (of a field, by its marker), field_default (what
applies where a field is not said), KEEPS_OUTPUTS.
Not here: the categories and the markers (config.schema), carrying a change out (kinds).
Law: the engine sees a category as an opaque ranked word; what the word does is said here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.config.schema.category import Category
from mlops.engine.resource import Action, Effect

KEEPS_OUTPUTS = (Category.METADATA, Category.REEVALUATE, Category.RESCALE, Category.RECONFIGURE)
"""Categories that leave every output of most kinds as it was."""
_RERUNS = (Category.REPROCESS, Category.RETUNE, Category.RETRAIN, Category.SCORE)


def effect_of(category: Category) -> Effect:
    action = Action.RUN if category in _RERUNS else Action.UPDATE
    return Effect(category.value, category.rank, action, keeps=category in KEEPS_OUTPUTS)


def field_default(kind: str, path: str, inputs: Mapping[str, Any]) -> Any:
    """Return what applies at this dotted path where `inputs` do not say it, as people write it; None for nothing."""
    from mlops.config.schema.defaults import default_of

    return default_of(kind, path, inputs)


def field_effect(kind: str, path: str) -> Effect:
    """Return what a change of the field at this dotted path means, by the marker in the kind's model."""
    from mlops.config.schema.json_schema import category_of

    return effect_of(category_of(kind, path))
