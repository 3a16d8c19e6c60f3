"""Say what the Pulumi programs of stacks/ are told.

Lives here: PlatformInputs, TrainingInputs, ServingInputs, WatchingInputs: the `inputs` of each program's configuration.
Not here: what a user writes (stack, endpoint, settings), the objects that are made of it (stacks/).
Law: plain JSON, whole: a program reads nothing else, so that the same text gives the same objects anywhere.
"""

from __future__ import annotations

from pydantic import Field

from mlops.spec.base import Strict

GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT = "nvidia.com/gpu.product"
"""The label that NVIDIA's GPU feature discovery puts on nodes."""
CLAIM = "mlops"
"""The claim that the platform makes, and that prediction logs lie on."""
WORKSPACE = "/workspace"
"""Where a training pod finds the files that it was given; writable."""
TERMINATION_LOG = "/dev/termination-log"


class Cluster(Strict):
    """Which cluster. `kubeconfig`: a path; None for the usual ones. `context` None for the current one."""

    kubeconfig: str | None = None
    context: str | None = None


class Common(Strict):
    """`labels`: put on every object, besides those of its own (app.kubernetes.io/name, …/component)."""

    cluster: Cluster = Cluster()
    namespace: str
    labels: dict[str, str] = {}


class Storage(Strict):
    """A claim that many pods write to. `storage_class` None for the cluster's default."""

    storage_class: str | None = None
    size: str = "20Gi"


class PlatformInputs(Common):
    """`adopt`: the namespace exists and is taken over, and stays when the stack goes. `gpus`: the most that the namespace may
    ask for; None for no limit. `gateway_namespace`: from where serving pods may be asked."""

    adopt: bool = False
    gpus: int | None = None
    quota: dict[str, str] = {}
    storage: Storage | None = None
    gateway_namespace: str | None = None
    training_priority: int = 1000
    serving_priority: int = 10000


class TrainingInputs(Common):
    """One Indexed Job. `job`: its name, with the digest of what it is made from. `name`: the model's.

    `files`: path below WORKSPACE -> text. `command`: run in each pod with WORKSPACE as its directory. `env`, and `secrets`
    (kept in a Secret). `product`: value of GPU_PRODUCT. `time_limit`: seconds. `spot`: may run on nodes that can be taken away.
    """

    name: str
    job: str
    image: str
    command: list[str]
    pods: int = Field(1, ge=1)
    gpus: int = 0
    product: str | None = None
    cpu: str = "2"
    memory: str = "8Gi"
    scratch: str = "20Gi"
    priority_class: str | None = None
    spot: bool = False
    time_limit: int = 14400
    retries: int = 2
    files: dict[str, str] = {}
    env: dict[str, str] = {}
    secrets: dict[str, str] = {}


class Version(Strict):
    """`image` by digest. `replicas`: where nothing scales it, and the least where something does."""

    image: str
    tag: str
    replicas: int = 1


class Autoscale(Strict):
    """`cpu`: percent of what is asked for. `rate`: requests a second of one pod."""

    most: int
    cpu: int | None = 80
    rate: int | None = None


class Parent(Strict):
    """The Gateway that routes attach to."""

    name: str
    namespace: str | None = None
    hostname: str | None = None


class Logging(Strict):
    """The prediction log, on the claim; see spec.endpoint.Log."""

    sample: float = 1.0
    flush: float = 1.0
    keep: float = 604800.0


class ServingInputs(Common):
    """`weights`: version -> percent of the traffic; one without traffic is not in the route. `api_key` is kept in a Secret."""

    name: str
    versions: dict[str, Version] = {}
    weights: dict[str, int] = {}
    parent: Parent
    autoscale: Autoscale | None = None
    cpu: str = "500m"
    memory: str = "512Mi"
    api_key: str | None = None
    log: Logging | None = None
    priority_class: str | None = None
    drain: int = 5
    ready_timeout: int = 30


class WatchingInputs(Common):
    """`files`: name -> base64 of what the watcher reads. `schedule`: cron text for a CronJob; None for a Deployment."""

    name: str
    endpoint: str
    image: str
    command: list[str]
    files: dict[str, str] = {}
    schedule: str | None = None
    cpu: str = "250m"
    memory: str = "1Gi"
