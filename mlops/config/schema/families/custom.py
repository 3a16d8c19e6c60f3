"""Say what a network of the user may say.

Lives here: Custom.
Not here: importing it (workloads.training.families.custom).
Law: its code is named, and imported only inside the training process.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec


class Custom(NetworkSpec):
    """A LightningModule of the user. It is imported only inside the training process."""

    model_config = ConfigDict(extra="allow")
    order: ClassVar[int] = 30

    name: Literal["custom"] = spec_field(doc="The family.")
    target: str = Field(alias="_target_", description="`package.module.Class`; its module must be in `allow_targets`.")
