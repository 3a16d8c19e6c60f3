"""Know what a pod is given.

Lives here: PodSettings, from the environment.
Not here: the variables themselves (contracts.pod), acting on them (work).
Law: what a pod cannot do without and is not given is a problem in words, before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.contracts.codec import ContractError, from_env
from mlops.contracts.names import TERMINATION_LOG
from mlops.contracts.pod import PodPlace, PodWork
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class PodSettings:
    """What one pod does, and which of how many it is."""

    work: PodWork
    place: PodPlace

    @classmethod
    def of(cls, env: Mapping[str, str]) -> PodSettings:
        """Return what the environment says. Raises MlopsError."""
        try:
            work = from_env(PodWork, env)
        except ContractError as error:
            raise failed("pod has no stages", f"{error} The Pulumi program `training` sets it.") from error
        try:
            return cls(work, from_env(PodPlace, env))
        except ContractError as error:
            raise failed("pod does not know its place", f"{error} The Pulumi program `training` sets it.") from error

    @property
    def is_first(self) -> bool:
        """Say whether it is the pod that writes, measures, pushes and reports."""
        return self.place.index == 0

    @property
    def coordinator(self) -> str:
        """The host name of the first pod."""
        return self.place.coordinator or "127.0.0.1"

    @property
    def processes(self) -> int:
        """The number of training processes in one pod."""
        return max(1, self.place.gpus)

    @property
    def is_spread(self) -> bool:
        """Say whether several processes train together."""
        return self.place.pods * self.processes > 1


def report_of(env: Mapping[str, str]) -> Path:
    """Return the file of the last word, whatever else the environment lacks."""
    return Path(env.get("MLOPS_REPORT") or TERMINATION_LOG)
