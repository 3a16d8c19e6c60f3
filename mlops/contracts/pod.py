"""Say what a training pod is given, and what it gives back.

Lives here: PodWork and PodPlace, the pod's environment; PodReport, its last word.
Not here: the Job that starts the pod (training_job), acting on it (workloads.pod).
Law: what a pod cannot do without and is not given is a sentence, before anything runs.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from mlops.contracts.codec import Document, variable
from mlops.contracts.names import COORDINATOR_PORT, TERMINATION_LOG

DVC_CONFIG = "MLOPS_DVC_CONFIG"
SEARCH_PORT = "MLOPS_SEARCH_PORT"
"""Variable of the stage `tune` in the first of several pods: where it gives out trials to the others."""


class PodWork(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What the pod does: environment variables of every pod of the job.

    The pod runs `python -m mlops.workloads.pod` in a folder that holds what
    `mlops.targets.kubernetes.workspace.workspace_files` gives.
    """

    stages: Annotated[
        tuple[str, ...],
        variable(
            "MLOPS_STAGES",
            "It lists the stages to run, in their order, such as `train@delay evaluate@delay export@delay`.",
        ),
    ]
    deps: Annotated[
        tuple[str, ...],
        variable(
            "MLOPS_DEPS",
            "Outputs of other stages that they read, pulled by the digests in `dvc.lock`, such as `data/flights`.",
        ),
    ] = ()
    report: Annotated[str, variable("MLOPS_REPORT", "File of the last word.")] = TERMINATION_LOG
    dvc_config: Annotated[
        str | None, variable(DVC_CONFIG, "Text of `.dvc/config.local`, which holds the remote's credentials.")
    ] = None

    def __post_init__(self) -> None:
        if not self.stages or not all("@" in stage for stage in self.stages):
            raise ValueError(
                f"MLOPS_STAGES is {' '.join(self.stages)!r}. It lists the stages to run, such as `train@delay evaluate@delay`."
            )


class PodPlace(Document, kw_only=True, frozen=True, omit_defaults=True):
    """Which pod of how many it is, and what it has: environment variables that stacks/training sets.

    Kubernetes itself sets JOB_COMPLETION_INDEX. As many processes train in a pod as it has GPUs, at least one.
    """

    index: Annotated[int, variable("JOB_COMPLETION_INDEX", "Which pod it is, from 0.", ge=0)] = 0
    pods: Annotated[int, variable("MLOPS_PODS", "How many pods train together.", ge=1)] = 1
    gpus: Annotated[int, variable("MLOPS_GPUS", "GPUs of one pod.", ge=0)] = 0
    coordinator: Annotated[
        str, variable("MLOPS_COORDINATOR", "Host name of the first pod; needed where there are several.")
    ] = ""
    port: Annotated[int, variable("MLOPS_COORDINATOR_PORT", "Port of the first pod.", ge=1, le=65535)] = (
        COORDINATOR_PORT
    )

    def __post_init__(self) -> None:
        if self.index >= self.pods or (self.pods > 1 and not self.coordinator):
            raise ValueError(
                f"It is pod {self.index} of {self.pods}, and the first one is `{self.coordinator}`. JOB_COMPLETION_INDEX is "
                "below MLOPS_PODS, and MLOPS_COORDINATOR is the host name of the first pod."
            )


class PodReport(Document, kw_only=True, frozen=True, omit_defaults=True):
    """The last word of a pod: one line of JSON of at most 4,096 bytes in the file `MLOPS_REPORT`.

    Pod 0 reports what it made; other pods report problems alone. Outputs, metrics and plots lie in the remote before they
    are reported. Where there are problems, `stages` are those that were finished before.
    """

    stages: Annotated[
        dict[str, Any],
        Meta(
            description="Stage -> its entry of `dvc.lock`. Where that does not fit, `inputs`, the md5 of its `cmd` and "
            "`params` as JSON with sorted keys, stands for these two."
        ),
    ]
    problems: Annotated[
        tuple[dict[str, Any], ...], Meta(description="What went wrong, as `mlops.errors.Problem`, shortened to fit.")
    ] = ()
