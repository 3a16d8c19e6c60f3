"""Name the model of each kind.

Lives here: MODELS.
Not here: the models.
Law: the keys are project.KINDS, in its order.
"""

from __future__ import annotations

from pydantic import BaseModel

from mlops.spec.dataset import Dataset
from mlops.spec.endpoint import Endpoint
from mlops.spec.model import Model
from mlops.spec.monitor import Monitor
from mlops.spec.package import Package
from mlops.spec.stack import Stack

MODELS: dict[str, type[BaseModel]] = {
    "dataset": Dataset,
    "model": Model,
    "package": Package,
    "stack": Stack,
    "endpoint": Endpoint,
    "monitor": Monitor,
}
