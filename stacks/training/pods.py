"""Make the pods of a training.

Lives here: training_pod: where it may run, what it gets, the files it starts with.
Not here: the job that starts it (run).
Law: the workspace is the pod's own and starts with exactly the files that were given.
"""

from __future__ import annotations

from mlops.contracts.codec import to_env
from mlops.contracts.names import GPU_PRODUCT, GPU_RESOURCE, WORKSPACE
from mlops.contracts.pod import PodPlace
from mlops.contracts.training_job import TrainingInputs
from stacks.objects.api import (
    AffinityArgsDict,
    ContainerArgsDict,
    EnvVarArgsDict,
    NodeAffinityArgsDict,
    PodAffinityArgsDict,
    PodAffinityTermArgsDict,
    PodSpecArgsDict,
    TolerationArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from stacks.objects.pods import SCRATCH, container, files_volume, from_secret, needs, pod, processors, variables

CONTAINER = "train"
SPOT_TAINTS = (
    "cloud.google.com/gke-spot",
    "kubernetes.azure.com/scalesetpriority",
    "karpenter.sh/capacity-type",
    "spot",
)
"""By what clouds and their users keep pods off nodes that can be taken away."""
SPOT_LABELS = {
    "cloud.google.com/gke-spot": "true",
    "eks.amazonaws.com/capacityType": "SPOT",
    "kubernetes.azure.com/scalesetpriority": "spot",
    "karpenter.sh/capacity-type": "spot",
}
"""By what clouds say which nodes they are."""
_GIVEN = "/given"
_WORKSPACE: VolumeMountArgsDict = {"name": SCRATCH, "mount_path": WORKSPACE, "sub_path": "workspace"}


def training_pod(inputs: TrainingInputs) -> PodSpecArgsDict:
    affinity: AffinityArgsDict = {}
    if inputs.pods > 1:
        affinity["pod_affinity"] = _near(inputs.job)
    if inputs.spot:
        affinity["node_affinity"] = _spot()
    spec = pod(
        "training", [_train(inputs)], inputs.pod, volumes=_volumes(inputs), scratch=inputs.scratch,
        node_selector={GPU_PRODUCT: inputs.product} if inputs.product else {}, tolerations=_tolerations(inputs),
        affinity=affinity,
    )  # fmt: skip
    spec["restart_policy"] = "Never"
    spec["subdomain"] = inputs.job
    spec["termination_grace_period_seconds"] = 60
    if inputs.files:
        spec["init_containers"] = [_copy(inputs)]
    if inputs.priority_class:
        spec["priority_class_name"] = inputs.priority_class
    return spec


def _near(job: str) -> PodAffinityArgsDict:
    near: PodAffinityTermArgsDict = {
        "label_selector": {"match_labels": {"batch.kubernetes.io/job-name": job}},
        "topology_key": "topology.kubernetes.io/zone",
    }
    return {"preferred_during_scheduling_ignored_during_execution": [{"weight": 100, "pod_affinity_term": near}]}


def _spot() -> NodeAffinityArgsDict:
    """Ask for nodes that can be taken away: by a preference, since no cluster has the labels of all clouds."""
    return {
        "preferred_during_scheduling_ignored_during_execution": [
            {"weight": 100, "preference": {"match_expressions": [{"key": key, "operator": "In", "values": [value]}]}}
            for key, value in SPOT_LABELS.items()
        ]
    }


def _train(inputs: TrainingInputs) -> ContainerArgsDict:
    more = {GPU_RESOURCE: str(inputs.gpus)} if inputs.gpus else {}
    resources = needs(inputs.cpu, inputs.memory, more, disk=inputs.pod.scratch or inputs.scratch)
    mounts: list[VolumeMountArgsDict] = [_WORKSPACE, {"name": "shm", "mount_path": "/dev/shm"}]  # noqa: S108
    made = container(CONTAINER, inputs.image, resources, env=_environment(inputs), mounts=mounts)
    made["command"] = list(inputs.command)
    made["working_dir"] = WORKSPACE
    return made


def _environment(inputs: TrainingInputs) -> list[EnvVarArgsDict]:
    """Return the variables of the pod; JOB_COMPLETION_INDEX, its rank, is put there by Kubernetes."""
    place = PodPlace(pods=inputs.pods, gpus=inputs.gpus, coordinator=f"{inputs.job}-0.{inputs.job}")
    ours = to_env(place, "pods", "gpus", "coordinator")
    threads = str(max(1, int(processors(inputs.cpu)) // max(1, inputs.gpus)))
    return [
        *variables({"OMP_NUM_THREADS": threads, **inputs.pod.env, **inputs.env, **ours}),
        *from_secret(inputs.job, inputs.secrets),
    ]


def _copy(inputs: TrainingInputs) -> ContainerArgsDict:
    """The kubelet mounts the files read-only behind the link `..data`; what is behind it is the tree itself."""
    mounts: list[VolumeMountArgsDict] = [_WORKSPACE, {"name": "given", "mount_path": _GIVEN, "read_only": True}]
    made = container("files", inputs.image, needs("100m", "128Mi"), mounts=mounts)
    made["command"] = ["cp", "-r", f"{_GIVEN}/..data/.", WORKSPACE]
    return made


def _volumes(inputs: TrainingInputs) -> list[VolumeArgsDict]:
    # Shared memory counts as the container's: workers of loaders and NCCL need more of it than the 64 MB of a pod.
    shm: VolumeArgsDict = {"name": "shm", "empty_dir": {"medium": "Memory", "size_limit": inputs.memory}}
    return [shm, files_volume("given", inputs.job, list(inputs.files))] if inputs.files else [shm]


def _tolerations(inputs: TrainingInputs) -> list[TolerationArgsDict]:
    keys = ([GPU_RESOURCE] if inputs.gpus else []) + (list(SPOT_TAINTS) if inputs.spot else [])
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys]
