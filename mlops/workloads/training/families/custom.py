"""Build a network of the user.

Lives here: CustomFamily.
Not here: training it (network), what it may say (config.schema.families.custom).
Law: a `_target_` is imported here and nowhere else, after its module was checked against the project's list.
"""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from mlops.config.schema.families.custom import Custom
from mlops.workloads.stage import failed
from mlops.workloads.training.families.network.family import NetworkFamily


class CustomFamily(NetworkFamily):
    def build(self, architecture: Custom, *, width: int, outputs: int) -> nn.Module:
        module, _, name = architecture.target.rpartition(".")
        given: dict[str, Any] = dict(architecture.model_extra or {})
        try:
            made = getattr(importlib.import_module(module), name)(width=width, outputs=outputs, **given)
        except (ImportError, AttributeError, TypeError) as error:
            raise failed(
                "target cannot be built",
                f"`_target_: {architecture.target}`: {error}. It is called with width and outputs (whole numbers) and with "
                "the other fields of `architecture`, and gives a torch module.",
            ) from error
        if not isinstance(made, nn.Module):
            raise failed(
                "target is no network",
                f"`_target_: {architecture.target}` made a {type(made).__name__}, not a torch module.",
            )
        return made
