"""Say what the Pulumi programs of stacks/ are told.

Lives here: PlatformInputs, TrainingInputs, ServingInputs, WatchingInputs: the `inputs` of each program's configuration;
the names and paths that a pod and those who start it agree on.
Not here: what a user writes (stack, endpoint, settings), the objects that are made of it (stacks/), values of secrets.
Law: plain JSON, whole: a program reads nothing else, so that the same text gives the same objects anywhere. What the API
server would refuse by name, length or size is refused here.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from mlops.config.schema.base import Strict

GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT = "nvidia.com/gpu.product"
"""The label that NVIDIA's GPU feature discovery puts on nodes."""
CLAIM = "mlops"
"""The claim that the platform makes, and that prediction logs lie on."""
WORKSPACE = "/workspace"
"""Where a training pod finds the files that it was given; writable."""
TERMINATION_LOG = "/dev/termination-log"
PORT = 8000
"""Where a serving pod listens."""
COORDINATOR_PORT = 29500
"""Where the first pod of a job listens for the others."""
MISTAKE = 1
"""The exit code of a training pod that a retry cannot mend; any other one is retried."""
LOGS = "/var/log/mlops"
"""Where a serving pod writes the prediction log, and where its watcher reads it."""
FILES = "/etc/mlops"
"""Where a watcher finds its `files`."""
OUT = "/var/lib/mlops"
"""Where a watcher writes."""
SECRETS = "/run/secrets/mlops"
"""Where a serving pod finds the secret API_KEY, in a file of that name."""
API_KEY = "api_key"
_MOST_BYTES = 2**20
"""What the API server takes in one ConfigMap."""


def _label(text: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise ValueError(
            f"`{text}` cannot name an object of Kubernetes: it takes up to 63 of a-z, 0-9 and `-`, a letter first"
        )
    return text


def _value(text: str) -> str:
    if not re.fullmatch(r"(?=.{0,63}$)([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", text):
        raise ValueError(
            f"`{text}` cannot be the value of a label: it takes up to 63 letters, digits, `-`, `_` and `.`"
        )
    return text


def _path(text: str) -> str:
    if not text or text.startswith("/") or {"", ".", ".."} & set(text.split("/")):
        raise ValueError(f"`{text}` is no relative path below the folder of the files")
    return text


Label = Annotated[str, AfterValidator(_label)]
"""Names a Service and all else."""
LabelValue = Annotated[str, AfterValidator(_value)]
FilePath = Annotated[str, AfterValidator(_path)]


def _fit(files: dict[str, bytes], where: str) -> None:
    size = sum(len(name.encode()) + len(content) for name, content in files.items())
    if size > _MOST_BYTES:
        largest = max(files, key=lambda name: len(files[name]))
        raise ValueError(
            f"the files of {where} have {size:,} bytes, and a cluster takes {_MOST_BYTES:,} in one ConfigMap; "
            f"the largest is {largest} with {len(files[largest]):,}"
        )


class Cluster(Strict):
    """Which cluster. `kubeconfig`: a path; None for the usual ones. `context` None for the current one."""

    kubeconfig: str | None = None
    context: str | None = None


class ProgramInputs(Strict):
    """What every program is told.

    `project`: what the objects are part of. `labels`: put on every object, besides those of its own
    (app.kubernetes.io/…). `secrets`: names; the program finds their values in its configuration's secret `secrets`, a JSON
    object.
    """

    cluster: Cluster = Cluster()
    namespace: Label
    project: Label = "mlops"
    labels: dict[str, LabelValue] = Field(default_factory=dict)
    secrets: tuple[str, ...] = ()


class Storage(Strict):
    """A claim that many pods write to. `storage_class` None for the cluster's default."""

    storage_class: str | None = None
    size: str = "20Gi"


class PlatformInputs(ProgramInputs):
    """The ground that all else of a namespace stands on.

    `adopt`: the namespace exists and is taken over, and stays when the stack goes. `gpus`: the most that the namespace may
    ask for; None for no limit. `quota`: more hard limits of its ResourceQuota. `gateway_namespace`: where the gateway's
    pods run, from where serving pods may be asked; None for this one. `metrics_namespace`: from where they may be scraped.
    `blocked`: networks that training and watching may not reach. `pull_secrets`: of the images' registry, there already.
    """

    adopt: bool = False
    gpus: int | None = Field(None, ge=0)
    quota: dict[str, str] = Field(default_factory=dict)
    storage: Storage | None = None
    gateway_namespace: Label | None = None
    metrics_namespace: Label | None = None
    blocked: tuple[str, ...] = ("169.254.169.254/32",)
    pull_secrets: tuple[str, ...] = ()
    training_priority: int = 1000
    serving_priority: int = 10000


class TrainingInputs(ProgramInputs):
    """One Indexed Job. `job`: its name, with the digest of what it is made from. `name`: the model's.

    `files`: path below WORKSPACE -> text. `command`: run in each pod with WORKSPACE as its directory. `secrets` are given
    as environment variables. `product`: value of GPU_PRODUCT. `gpus`, `cpu`, `memory`, `scratch`: of one pod.
    `time_limit`: seconds, waiting for a node included. `spot`: may run on nodes that can be taken away.
    """

    name: Label
    job: Label
    image: str
    command: list[str]
    pods: int = Field(1, ge=1, le=1000)
    gpus: int = Field(0, ge=0)
    product: LabelValue | None = None
    cpu: str = "2"
    memory: str = "8Gi"
    scratch: str = "20Gi"
    priority_class: str | None = None
    spot: bool = False
    time_limit: int = Field(14400, ge=1)
    retries: int = Field(2, ge=0)
    files: dict[FilePath, str] = Field(default_factory=dict)
    env: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        host = f"{self.job}-{self.pods - 1}"
        if len(host) > 63:
            raise ValueError(f"the last pod's host name would be `{host}`, which has more than 63 letters")
        _fit({name: text.encode() for name, text in self.files.items()}, self.job)
        return self


class Version(Strict):
    """`image` by digest. `replicas`: where nothing scales it, and the least where something does; 0 is out of work. `key`:
    names what it answers with, for those who start it."""

    image: str
    tag: str
    key: str = ""
    replicas: int = Field(1, ge=0)


class Autoscale(Strict):
    """`cpu`: percent of what is asked for. `rate`: requests a second of one pod."""

    most: int = Field(ge=1)
    cpu: int | None = 80
    rate: int | None = None


class Parent(Strict):
    """The Gateway that routes attach to. `scheme`: how clients reach it."""

    name: str
    namespace: str | None = None
    hostname: str | None = None
    scheme: str = "http"


class Logging(Strict):
    """The prediction log; see spec.endpoint.Log. `claim` None: in the pod alone, and lost with it."""

    sample: float = 1.0
    flush: float = 1.0
    keep: float = 604800.0
    claim: str | None = CLAIM


class ServingInputs(ProgramInputs):
    """`weights`: version -> percent of the traffic; one without traffic is not in the route.

    `live`: the version that has been judged good; `next`: the number of the next one; both are only told back.

    Where `secrets` names API_KEY, requests need it. `drain`: seconds that a pod out of the route goes on accepting
    requests; `grace`: seconds that the open ones may still take.
    """

    name: Label
    versions: dict[str, Version] = Field(default_factory=dict)
    weights: dict[str, int] = Field(default_factory=dict)
    live: str | None = None
    next: int = 1
    parent: Parent
    autoscale: Autoscale | None = None
    cpu: str = "500m"
    memory: str = "512Mi"
    log: Logging | None = None
    priority_class: str | None = None
    drain: int = Field(5, ge=0)
    grace: int = Field(10, ge=0)
    ready_timeout: int = Field(30, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for version in self.versions:
            _label(f"{self.name}-{version}")
        unknown = sorted(version for version, weight in self.weights.items() if weight and version not in self.versions)
        if unknown:
            raise ValueError(f"traffic goes to {', '.join(unknown)}, which is not among the versions")
        return self


class WatchingInputs(ProgramInputs):
    """`files`: path below FILES -> base64 of what the watcher reads. `secrets` are given as environment variables.

    `schedule`: cron text (UTC) for a CronJob; None for a Deployment. The log of `endpoint` is at LOGS, read-only; what the
    watcher writes at OUT stays. `claim` None: both lie in the pod, and the log is empty.
    """

    name: Label
    endpoint: Label
    image: str
    command: list[str]
    files: dict[FilePath, str] = Field(default_factory=dict)
    env: dict[str, str] = Field(default_factory=dict)
    schedule: str | None = None
    claim: str | None = CLAIM
    cpu: str = "250m"
    memory: str = "1Gi"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _label(f"{self.name}-watcher")
        _fit({name: base64.b64decode(content) for name, content in self.files.items()}, self.name)
        return self
