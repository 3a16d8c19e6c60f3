"""Say where things run.

Lives here: Stack, and its targets Local and Kubernetes.
Not here: starting anything (kinds, tools).
Law: each target is one model; they share only their name.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, RootModel

from mlops.config.schema.base import Name, Resource, Strict, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.units import Duration, Size


def _quantity(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", text):
        raise ValueError(f"`{text}` is no amount; write it as Kubernetes does: 500m or 2 (CPUs), 512Mi or 4Gi (memory)")
    return text


Quantity = Annotated[str, AfterValidator(_quantity)]


class Local(Resource):
    """This machine: a supervisor that keeps processes, and a gateway before them."""

    target: Literal["local"] = spec_field(doc="Where it runs.", change=Category.PROVISION)
    host: str = spec_field("127.0.0.1", doc="The address the gateway listens on.", change=Category.PROVISION)
    port: int | Literal["auto"] = spec_field(
        "auto",
        doc="The gateway's port; `auto` takes the first free one from 8080 and keeps it.",
        change=Category.PROVISION,
    )
    log_size: Size = spec_field(10_000_000, doc="A process log is rotated at this size.", change=Category.PROVISION)
    log_files: int = Field(3, ge=1, description="Rotated logs kept.", json_schema_extra={"x-change": "PROVISION"})
    stop_timeout: Duration = spec_field(10.0, doc="How long a process may take to end.", change=Category.PROVISION)


class Quota(Strict):
    """The most that all pods of the namespace may ask for, together."""

    gpus: int | None = Field(None, ge=0, description="Whole GPUs.")
    cpu: Quantity | None = None
    memory: Quantity | None = None
    pods: int | None = Field(None, ge=1)


class Storage(Strict):
    """A volume that many pods write to, for prediction logs."""

    storage_class: str | None = spec_field(None, doc="Default: the cluster's.")
    size: Quantity = "20Gi"


class Gateway(Strict):
    """A Gateway of the Gateway API, which the platform's owners run."""

    name: Name
    namespace: Name | None = spec_field(None, doc="Default: the stack's own.")
    url: str = spec_field(doc="The address that clients use, such as https://models.example.com.")
    hostname: str | None = spec_field(None, doc="The host name that routes are for. Default: every one of the Gateway.")


class Images(Strict):
    """By digest, so that what runs is what was reviewed."""

    training: str | None = spec_field(
        None, doc="Runs stages: the project's code with the extras `training` and `data`."
    )
    watching: str | None = spec_field(None, doc="Runs watchers: this tool with the extra `monitoring`.")


class Kubernetes(Resource):
    """A namespace of a cluster, with its limits, its accounts and its network rules, through Pulumi."""

    target: Literal["kubernetes"] = spec_field(doc="Where it runs.", change=Category.PROVISION)
    namespace: Name = spec_field(doc="Everything of this stack lives in it.", change=Category.PROVISION)
    context: str | None = spec_field(
        None, doc="Of the kubeconfig. Default: the current one, whatever it is then.", change=Category.PROVISION
    )
    kubeconfig: str | None = spec_field(
        None, doc="A path. Default: KUBECONFIG, or ~/.kube/config.", change=Category.PROVISION
    )
    adopt: bool = spec_field(
        False, doc="The namespace exists: take it over, and leave it when the stack goes.", change=Category.PROVISION
    )
    quota: Quota = spec_field(Quota(), doc="What may be asked for.", change=Category.PROVISION)
    storage: Storage | None = spec_field(
        None, doc="Default: prediction logs end with their pod.", change=Category.PROVISION
    )
    gateway: Gateway | None = spec_field(None, doc="What endpoints are reached through.", change=Category.PROVISION)
    images: Images = spec_field(Images(), doc="What pods run that are not packages.", change=Category.PROVISION)


class Stack(RootModel[Annotated[Local | Kubernetes, Field(discriminator="target")]]):
    """Where things run."""

    order: ClassVar[int] = 40
