"""Know what a pod is told.

Lives here: PodSettings, from the environment.
Not here: acting on it (work).
Law: what a pod cannot do without and is not told is a problem in words, before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.contracts.programs import COORDINATOR_PORT, TERMINATION_LOG
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class PodSettings:
    """`stages`: in their order. `deps`: outputs that they read and that are not made here. `index` of `pods`. `gpus`: of one
    pod. `coordinator`: the host name of the first pod. `report`: the file of the last word."""

    stages: tuple[str, ...]
    deps: tuple[str, ...]
    index: int
    pods: int
    gpus: int
    coordinator: str
    port: int
    report: Path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> PodSettings:
        """Raises MlopsError."""
        stages = tuple(env.get("MLOPS_STAGES", "").split())
        if not stages or not all("@" in stage for stage in stages):
            raise failed(
                "pod is told no stages",
                "MLOPS_STAGES lists the stages to run, such as `train@delay evaluate@delay`. See stacks/training.",
            )
        index, pods, gpus, port = (
            _number(env, name, default)
            for name, default in (("JOB_COMPLETION_INDEX", 0), ("MLOPS_PODS", 1), ("MLOPS_GPUS", 0),
                                  ("MLOPS_COORDINATOR_PORT", COORDINATOR_PORT))
        )  # fmt: skip
        coordinator = env.get("MLOPS_COORDINATOR", "")
        if index >= pods or (pods > 1 and not coordinator):
            raise failed(
                "pod does not know its place",
                f"It is pod {index} of {pods}, and the first one is `{coordinator}`. JOB_COMPLETION_INDEX is below MLOPS_PODS, "
                "and MLOPS_COORDINATOR is the host name of the first pod. See stacks/training.",
            )
        deps = tuple(env.get("MLOPS_DEPS", "").split())
        return cls(stages, deps, index, pods, gpus, coordinator or "127.0.0.1", port, report_of(env))

    @property
    def is_first(self) -> bool:
        """The one that writes, measures, pushes and reports."""
        return self.index == 0

    @property
    def processes(self) -> int:
        """Of training, in one pod."""
        return max(1, self.gpus)

    @property
    def is_spread(self) -> bool:
        return self.pods * self.processes > 1


def report_of(env: Mapping[str, str]) -> Path:
    return Path(env.get("MLOPS_REPORT", TERMINATION_LOG))


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdigit():
        raise failed("pod is told no number", f"{name} is `{text}`, and has to be a whole number. See stacks/training.")
    return int(text)
