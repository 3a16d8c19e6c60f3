"""Say what all Pulumi programs are given.

Lives here: ProgramInputs, the base of the inputs of each program; what Kubernetes takes as a name, a label or a file.
Not here: the inputs of one program (platform, training_job, serving_pods, watching), values of secrets.
Law: plain JSON, whole: a program reads nothing else, so that the same text gives the same objects anywhere. What the API
server would refuse by name, length or size is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.codec import Contract, Document

_MOST_BYTES = 2**20
"""What the API server takes in one ConfigMap."""


def check_label(name: str, text: str | None) -> None:
    """Raise ValueError where `text`, the value of the field `name`, cannot name a Service and all else."""
    if text is not None and not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise ValueError(
            f"{name}: `{text}` cannot name an object of Kubernetes: it takes up to 63 of a-z, 0-9 and `-`, a letter first"
        )


def check_label_value(name: str, text: str | None) -> None:
    """Raise ValueError where `text` cannot be the value of a label."""
    if text is not None and not re.fullmatch(r"(?=.{0,63}$)([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", text):
        raise ValueError(
            f"{name}: `{text}` cannot be the value of a label: it takes up to 63 letters, digits, `-`, `_` and `.`"
        )


def check_paths(paths: Iterable[str]) -> None:
    """Raise ValueError where one of `paths` is no relative path."""
    for text in paths:
        if not text or text.startswith("/") or {"", ".", ".."} & set(text.split("/")):
            raise ValueError(f"files: `{text}` is no relative path below the folder of the files")


def check_size(sizes: Mapping[str, int], where: str) -> None:
    """Raise ValueError where files of these sizes in bytes do not fit into one ConfigMap."""
    total = sum(len(name.encode()) + size for name, size in sizes.items())
    if total > _MOST_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise ValueError(
            f"the files of {where} have {total:,} bytes, and a cluster takes {_MOST_BYTES:,} in one ConfigMap; "
            f"the largest is {largest} with {sizes[largest]:,}"
        )


class ClusterAccess(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """Which cluster a program works on."""

    kubeconfig: Annotated[str | None, Meta(description="A path; null for the usual ones.")] = None
    context: Annotated[str | None, Meta(description="A context of the kubeconfig; null for the current one.")] = None


class ProgramInputs(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What every program is given: the JSON text in the key `inputs` of the Pulumi stack's configuration.

    The program finds the values of `secrets` in the configuration's secret `secrets`, a JSON object.
    """

    cluster: Annotated[ClusterAccess, Meta(description="Which cluster.")] = ClusterAccess()
    namespace: Annotated[str, Meta(description="Where the objects lie.")]
    project: Annotated[str, Meta(description="What the objects are part of.")] = "mlops"
    labels: Annotated[
        dict[str, str],
        Meta(description="Put on every object, besides those of its own (`app.kubernetes.io/…`)."),
    ] = field(default_factory=dict)
    secrets: Annotated[tuple[str, ...], Meta(description="Names of secrets.")] = ()

    def __post_init__(self) -> None:
        check_label("namespace", self.namespace)
        check_label("project", self.project)
        for name, value in self.labels.items():
            check_label_value(f"labels.{name}", value)
