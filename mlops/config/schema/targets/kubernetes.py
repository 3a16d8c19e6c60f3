"""Say what a stack on a cluster is.

Lives here: Kubernetes and its parts: Quota, LogStorage, GatewayReference, PodImages.
Not here: what is asked of pods and accounts (kubernetes_pods), the objects that are made of it (stacks), reaching the cluster (targets.kubernetes).
Law: what a stack of this target cannot run is refused by name before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import Name, Strict, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.pinned_image import PinnedImage
from mlops.config.schema.targets.base import Incompatibility, Quantity, StackUse, TargetSpec
from mlops.config.schema.targets.kubernetes_pods import Accounts, PodsByKind

Managed = Literal["namespace", "quota", "limits", "priorities", "accounts", "network"]
"""What a stack may make of its ground."""


class Quota(Strict):
    """The most that all pods of the namespace may ask for, together."""

    gpus: int | None = Field(None, ge=0, description="Whole GPUs.")
    cpu: Quantity | None = spec_field(None, doc="CPUs.")
    memory: Quantity | None = spec_field(None, doc="Memory.")
    pods: int | None = spec_field(None, doc="Pods, whatever they ask for.", ge=1)


class LogStorage(Strict):
    """A volume that many pods write to, for prediction logs."""

    storage_class: str | None = spec_field(None, doc="Default: the cluster's.")
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = spec_field(
        "ReadWriteMany", doc="ReadWriteOnce where the class has nothing else: then all pods that write run on one node."
    )
    size: Quantity = spec_field("20Gi", doc="How much it holds.")


class GatewayReference(Strict):
    """A Gateway of the Gateway API, which the platform's owners run."""

    name: Name = spec_field(doc="The Gateway's name.")
    namespace: Name | None = spec_field(None, doc="Default: the stack's own.")
    url: str = spec_field(doc="The address that clients use, such as https://models.example.com.")
    hostname: str | None = spec_field(None, doc="The host name that routes are for. Default: every one of the Gateway.")


class PodImages(Strict):
    """The images of pods, by digest, so that what runs is what was reviewed."""

    training: PinnedImage | None = spec_field(
        None, doc="Runs stages: the project's code with the extras `training` and `data`."
    )
    watching: PinnedImage | None = spec_field(None, doc="Runs watchers: this tool with the extra `monitoring`.")


class Kubernetes(TargetSpec):
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
    manage: list[Managed] = spec_field(
        ["namespace", "quota", "limits", "priorities", "accounts", "network"],
        doc="What of its ground the stack makes and keeps; the cluster's owners have made the rest. A tenant who may work in one "
        "namespace alone writes [accounts, network].",
        change=Category.PROVISION,
    )
    accounts: Accounts = spec_field(
        Accounts(), doc="Service accounts: an identity of the cloud, and what pulls images.", change=Category.PROVISION
    )
    pods: PodsByKind = spec_field(
        PodsByKind(), doc="Where pods may run and what they carry, by their kind.", change=Category.PROVISION
    )
    metrics_namespace: Name | None = spec_field(
        None,
        doc="From where a Prometheus may scrape endpoints' pods. Default: from this one alone.",
        change=Category.PROVISION,
    )
    quota: Quota = spec_field(Quota(), doc="What may be asked for.", change=Category.PROVISION)
    storage: LogStorage | None = spec_field(
        None, doc="Default: prediction logs end with their pod.", change=Category.PROVISION
    )
    gateway: GatewayReference | None = spec_field(
        None, doc="What endpoints are reached through.", change=Category.PROVISION
    )
    images: PodImages = spec_field(PodImages(), doc="What pods run that are not packages.", change=Category.PROVISION)

    refuses: ClassVar[dict[str, str]] = {
        "endpoint.rate_limit": "reaches endpoints through the Gateway API, which has no standard for limits: set one at the "
        "Gateway itself",
    }

    @classmethod
    def incompatibilities(cls, use: StackUse) -> Iterator[Incompatibility]:
        yield from super().incompatibilities(use)
        match use.kind:
            case "endpoint":
                yield from _of_endpoint(use)
            case "monitor":
                yield from _of_monitor(use)
            case "training" if not use.stack["images"]["training"]:
                name = use.stack_name.partition(".")[2]
                yield Incompatibility(
                    "no image",
                    f"Stages are to run on {use.stack_name}, which says no `images.training`. Say it in "
                    f"conf/stack/{name}.yaml.",
                    "stack",
                )


def _of_endpoint(use: StackUse) -> Iterator[Incompatibility]:
    name, package = use.stack_name, use.inputs["package"]
    auth = use.inputs.get("auth") or {}
    for field in ("keys", "jwt"):
        if auth.get(field):
            detail = (
                f"`auth.{field}` cannot be had on {name}: each replica there asks for one key. Say `auth: {{api_key: …}}`, and "
                "check more at the Gateway itself."
            )
            yield Incompatibility("not on this target", detail, f"auth.{field}")
    if not use.stack["gateway"]:
        detail = f"{use.address} is to be reached on {name}, and {name} names no `gateway`. Name one in its file."
        yield Incompatibility("no gateway", detail, "stack")
    if not (use.package and use.package["image"]):
        detail = (
            f"{name} runs images, and package.{package} makes none. Say `image: {{…}}` in conf/package/{package}.yaml."
        )
        yield Incompatibility("no image", detail, "package")
    elif use.package["api"]["grpc"]:
        detail = (
            f"{name} routes HTTP alone, and package.{package} says `api: {{grpc: true}}`. Take that out of "
            f"conf/package/{package}.yaml, and let clients ask by the same protocol over REST: /v2/models/NAME/infer."
        )
        yield Incompatibility("not on this target", detail, "package")
    elif not use.has_registry:
        detail = (
            f"{name} pulls images from a registry, and environment {use.environment} names none: they would stay on the "
            f"machine that built them. Say `registry: {{url: …}}` in conf/env/{use.environment}.yaml."
        )
        yield Incompatibility("no registry", detail, "stack")


def _of_monitor(use: StackUse) -> Iterator[Incompatibility]:
    for field, there in (("images.watching", use.stack["images"]["watching"]), ("storage", use.stack["storage"])):
        if not there:
            detail = (
                f"{use.address} watches on {use.stack_name}, and {use.stack_name} says no `{field}`: a watcher runs an "
                "image, and reads the prediction log from shared storage. Say it in its file."
            )
            yield Incompatibility("stack has no room for watchers", detail, "endpoint")
    if (use.inputs.get("labels") or {}).get("source"):
        detail = (
            f"{use.address} takes labels from a source, and its watcher on {use.stack_name} is a pod that has neither the files "
            "nor the secrets of this project. Send the labels to `POST /feedback`, many at once: "
            '`{"labels": [{"id": …, "label": …}, …]}`.'
        )
        yield Incompatibility("labels cannot be read there", detail, "labels.source")
