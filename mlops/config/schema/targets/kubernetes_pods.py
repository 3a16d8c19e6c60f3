"""Say what the owners of a cluster ask of pods and accounts.

Lives here: Pods and Accounts, parts of a stack on Kubernetes.
Not here: the rest of the stack (kubernetes), the objects that are made of it (stacks).
Law: names and values are those of Kubernetes, so that what its documentation says can be written here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mlops.config.schema.base import Name, Strict, spec_field
from mlops.config.schema.targets.base import Quantity

_AFFINITIES = ("nodeAffinity", "podAffinity", "podAntiAffinity")
_OWN = re.compile(r"(app\.kubernetes\.io|mlops|batch\.kubernetes\.io)/")


def _label_key(text: str) -> str:
    if not re.fullmatch(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", text):
        raise ValueError(f"`{text}` is no key of a label; write it as Kubernetes does, such as example.com/team")
    return text


def _free_key(text: str) -> str:
    if _OWN.match(_label_key(text)):
        raise ValueError(f"`{text}` is set by mlops itself, which finds its pods by it; take it out")
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(f"`{text}` cannot name an environment variable: letters, digits and `_`, no digit first")
    return text


def _affinity(content: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(content.keys() - set(_AFFINITIES))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no affinity; Kubernetes has {', '.join(_AFFINITIES)}")
    return content


LabelKey = Annotated[str, AfterValidator(_label_key)]
FreeKey = Annotated[str, AfterValidator(_free_key)]
Variable = Annotated[str, AfterValidator(_variable)]


class Toleration(Strict):
    """A taint that does not keep pods off a node."""

    key: LabelKey | None = spec_field(None, doc="The taint's key. Default: every one.")
    operator: Literal["Equal", "Exists"] = spec_field("Equal", doc="Exists: whatever its value.")
    value: str | None = spec_field(None, doc="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = spec_field(None, doc="Default: every one.")
    seconds: int | None = spec_field(None, doc="How long a pod stays after NoExecute. Default: for ever.", ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.operator == "Exists" and self.value is not None:
            raise ValueError(
                "a toleration with `operator: Exists` has no `value`; take it out, or write `operator: Equal`"
            )
        if self.operator == "Equal" and self.key is None:
            raise ValueError("a toleration without a `key` tolerates all: write `operator: Exists`, or name the key")
        return self


class Pods(Strict):
    """What pods of one kind carry beside what mlops says of them itself."""

    node_selector: dict[LabelKey, str] = spec_field({}, doc="Labels that a node must have.")
    tolerations: list[Toleration] = spec_field([], doc="Taints that do not keep them off.")
    affinity: Annotated[dict[str, Any], AfterValidator(_affinity)] = spec_field(
        {}, doc="As Kubernetes writes it: nodeAffinity, podAffinity, podAntiAffinity."
    )
    labels: dict[FreeKey, str] = spec_field({}, doc="More labels, such as a cost centre or a queue.")
    annotations: dict[LabelKey, str] = spec_field({}, doc="More annotations.")
    env: dict[Variable, str] = spec_field({}, doc="More environment variables; secrets have no place here.")
    scratch: Quantity | None = spec_field(None, doc="The most that a pod writes to its own disk.")
    runtime_class: Name | None = spec_field(None, doc="RuntimeClass, such as nvidia or gvisor.")


class PodsByKind(Strict):
    """What the cluster's owners ask of pods."""

    training: Pods = spec_field(Pods(), doc="Of pods that run stages and score batches.")
    serving: Pods = spec_field(Pods(), doc="Of endpoints' pods.")
    watching: Pods = spec_field(Pods(), doc="Of watchers' pods.")


class AccountAnnotations(Strict):
    """Annotations of the service accounts, by which clouds give pods an identity of their own."""

    training: dict[LabelKey, str] = spec_field({}, doc="Such as `eks.amazonaws.com/role-arn: arn:aws:iam::…`.")
    serving: dict[LabelKey, str] = spec_field({}, doc="Such as `iam.gke.io/gcp-service-account: …`.")
    watching: dict[LabelKey, str] = spec_field({}, doc="Such as `azure.workload.identity/client-id: …`.")


class Accounts(Strict):
    """The service accounts of pods."""

    annotations: AccountAnnotations = spec_field(
        AccountAnnotations(),
        doc="An identity of the cloud. Training pods that have one get no keys of the cloud from this machine.",
    )
    pull_secrets: list[Name] = Field(
        [], description="Secrets of the images' registry, which are in the namespace already."
    )
