"""Say what stacks/training is given.

Lives here: TrainingInputs.
Not here: what every program is given (program), the environment of the pods (pod), the objects (stacks/training).
Law: see program.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.pod_terms import PodTerms
from mlops.contracts.program import ProgramInputs, check_label, check_label_value, check_paths, check_size


class TrainingInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """One Indexed Job. `secrets` become environment variables of its pods."""

    name: Annotated[str, Meta(description="The model's name.")]
    job: Annotated[str, Meta(description="The job's name, which has the digest of what it is made from.")]
    image: Annotated[str, Meta(description="The image of the pods, by digest.")]
    command: Annotated[tuple[str, ...], Meta(description="Run in each pod, with `/workspace` as its directory.")]
    pods: Annotated[int, Meta(ge=1, le=1000, description="How many pods train together.")] = 1
    gpus: Annotated[int, Meta(ge=0, description="GPUs of one pod.")] = 0
    product: Annotated[
        str | None, Meta(description="Value of the node label `nvidia.com/gpu.product`; null for any.")
    ] = None
    cpu: Annotated[str, Meta(description="Processors of one pod.")] = "2"
    memory: Annotated[str, Meta(description="Memory of one pod.")] = "8Gi"
    scratch: Annotated[str, Meta(description="Disk of one pod.")] = "20Gi"
    priority_class: Annotated[str | None, Meta(description="PriorityClass of the pods.")] = None
    spot: Annotated[bool, Meta(description="The pods may run on nodes that can be taken away.")] = False
    time_limit: Annotated[int, Meta(ge=1, description="Seconds, waiting for a node included.")] = 14400
    retries: Annotated[int, Meta(ge=0, description="How often a pod that failed is started again.")] = 2
    files: Annotated[dict[str, str], Meta(description="Path below `/workspace` -> text.")] = field(default_factory=dict)
    env: Annotated[dict[str, str], Meta(description="More environment variables.")] = field(default_factory=dict)
    pod: Annotated[PodTerms, Meta(description="Where the pods may run and what they carry.")] = PodTerms()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("name", self.name)
        check_label("job", self.job)
        check_label_value("product", self.product)
        host = f"{self.job}-{self.pods - 1}"
        if len(host) > 63:
            raise ValueError(f"the last pod's host name would be `{host}`, which has more than 63 letters")
        check_paths(self.files)
        check_size({path: len(text.encode()) for path, text in self.files.items()}, self.job)
