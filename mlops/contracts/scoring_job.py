"""Say what stacks/scoring is given.

Lives here: ScoringInputs.
Not here: what every program is given (program), what is scored (scoring), the objects (stacks/scoring).
Law: see program.
"""

from __future__ import annotations

import base64
from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.names import FILES
from mlops.contracts.pod_terms import PodTerms
from mlops.contracts.program import ProgramInputs, check_label, check_paths, check_size


class ScoringInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """The scoring of one batch. `secrets` become environment variables. It is run in `/workspace`, which ends with the pod, so
    that rows come from a source and go to a database that are elsewhere."""

    name: Annotated[str, Meta(description="The batch's name.")]
    image: Annotated[str, Meta(description="The image: this tool with the extras `data` and `serving`.")]
    files: Annotated[
        dict[str, str],
        Meta(
            description="Path below `/etc/mlops` -> base64: config.json, a ScoringConfig, and the model that it names."
        ),
    ]
    env: Annotated[dict[str, str], Meta(description="More environment variables.")] = field(default_factory=dict)
    schedule: Annotated[
        str | None,
        Meta(
            description="Cron text (UTC) for a CronJob; null for a Job, which scores once for each state of its files."
        ),
    ] = None
    time_limit: Annotated[int, Meta(ge=1, description="Seconds after which a run is ended.")] = 14400
    cpu: Annotated[str, Meta(description="Processors of the pod.")] = "1"
    memory: Annotated[str, Meta(description="Memory of the pod.")] = "2Gi"
    scratch: Annotated[str, Meta(description="The most that the pod may write to its own disk.")] = "10Gi"
    pod: Annotated[PodTerms, Meta(description="Where the pods may run and what they carry.")] = PodTerms()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("name", self.name)
        check_label("name", f"{self.name}-scoring-00000000")
        check_paths(self.files)
        check_size({path: len(base64.b64decode(text)) for path, text in self.files.items()}, self.name)
        if "config.json" not in self.files:
            raise ValueError(f"files: there is no config.json, which {FILES}/config.json is to be")
