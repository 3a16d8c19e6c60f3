"""Describe a trained model.

Lives here: Description, what stages and families must know to read one again.
Not here: what its family keeps of it (families).
Law: its file has the name and the fields that models of earlier versions have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops.metrics.task import Task
from mlops.workloads.stage import write_json

_FILE = "network.json"
"""Named so when every family was a network; models of that time are still read."""


@dataclass(frozen=True)
class Description:
    """What is needed, beside a family's own files, to read a trained model again; its fields are those of network.json.

    `architecture`: the model's own section. `outputs`: numbers for each row before they are made predictions.
    `pictures`: where the images lie in a row, as `Picture.of` reads them; not written where there are none.
    """

    architecture: Mapping[str, Any]
    task: Task
    classes: Sequence[Any]
    width: int
    outputs: int
    dataset: str
    pictures: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def read(cls, folder: Path) -> Description:
        fields = json.loads((folder / _FILE).read_text())
        return cls(**{**fields, "task": Task(fields["task"])})

    def write(self, folder: Path) -> None:
        fields = asdict(self)
        if not self.pictures:
            del fields["pictures"]
        write_json(folder / _FILE, fields)
