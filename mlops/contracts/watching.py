"""Say what stacks/watching is given.

Lives here: WatchingInputs.
Not here: what every program is given (program), the configuration of the watcher (watcher), the objects (stacks/watching).
Law: see program.
"""

from __future__ import annotations

import base64
from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.names import CLAIM
from mlops.contracts.pod_terms import PodTerms
from mlops.contracts.program import ProgramInputs, check_label, check_paths, check_size


class WatchingInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """One monitor. `secrets` become environment variables. The endpoint's log is at `/var/log/mlops`, read-only; what the
    watcher writes at `/var/lib/mlops` stays."""

    name: Annotated[str, Meta(description="The monitor's name.")]
    endpoint: Annotated[str, Meta(description="The endpoint whose log is read.")]
    image: Annotated[str, Meta(description="The image of the watcher.")]
    command: Annotated[tuple[str, ...], Meta(description="What the watcher runs.")]
    files: Annotated[
        dict[str, str], Meta(description="Path below `/etc/mlops` -> base64 of what the watcher reads.")
    ] = field(default_factory=dict)
    env: Annotated[dict[str, str], Meta(description="More environment variables.")] = field(default_factory=dict)
    schedule: Annotated[str | None, Meta(description="Cron text (UTC) for a CronJob; null for a Deployment.")] = None
    claim: Annotated[
        str | None, Meta(description="The claim of log and findings; null: both lie in the pod, and the log is empty.")
    ] = CLAIM
    cpu: Annotated[str, Meta(description="Processors of the pod.")] = "250m"
    memory: Annotated[str, Meta(description="Memory of the pod.")] = "1Gi"
    pod: Annotated[PodTerms, Meta(description="Where the pods may run and what they carry.")] = PodTerms()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("name", self.name)
        check_label("endpoint", self.endpoint)
        check_label("name", f"{self.name}-watcher")
        check_paths(self.files)
        check_size({path: len(base64.b64decode(text)) for path, text in self.files.items()}, self.name)
