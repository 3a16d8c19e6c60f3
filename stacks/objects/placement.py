"""Say where objects lie and whose they are.

Lives here: Identity, what an object belongs to, with its labels; Placement, the cluster and namespace that objects go to.
Not here: the objects.
Law: every object has an explicit name, and the same labels find it whoever made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from mlops.contracts.names import (
    LABEL_COMPONENT,
    LABEL_INSTANCE,
    LABEL_NAME,
    LABEL_OWNER,
    LABEL_PROJECT,
    LABEL_VERSION,
    OWNER,
)
from mlops.contracts.program import ProgramInputs
from stacks.objects.api import ObjectMetaArgsDict, Provider

NO_WAIT = {"pulumi.com/skipAwait": "true", "pulumi.com/deletionPropagationPolicy": "background"}
"""On objects that become ready after a while: mlops waits itself, and shows the events of their pods meanwhile. What is not
waited for when it goes must go at once, or its successor of the same name finds it still there; its pods follow."""


@dataclass(frozen=True)
class Identity:
    """What an object belongs to. `component`: platform, training, serving or watching. `instance`: the one of many that share `name`."""

    name: str
    instance: str
    component: str
    version: str | None = None

    @property
    def selector(self) -> dict[str, str]:
        """Return the labels that find the pods. A selector cannot be changed, and so has no label that can."""
        return {
            LABEL_NAME: self.name,
            LABEL_INSTANCE: self.instance,
            LABEL_COMPONENT: self.component,
        }


class Placement:
    """The cluster and namespace of a program's objects, by an explicit provider: no ambient default decides."""

    def __init__(self, inputs: ProgramInputs) -> None:
        self.namespace = inputs.namespace
        self._project, self._labels = inputs.project, inputs.labels
        self.provider = Provider(
            "cluster",
            kubeconfig=inputs.cluster.kubeconfig,
            context=inputs.cluster.context,
            enable_server_side_apply=True,
            # A changed ConfigMap or Secret is written in place: those that must not change say `immutable`.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
        )

    def labels(self, identity: Identity) -> dict[str, str]:
        version = {LABEL_VERSION: identity.version} if identity.version else {}
        return {
            **self._labels,
            **identity.selector,
            **version,
            LABEL_PROJECT: self._project,
            LABEL_OWNER: OWNER,
        }

    def metadata(
        self, name: str, identity: Identity, annotations: Mapping[str, str] | None = None
    ) -> ObjectMetaArgsDict:
        metadata: ObjectMetaArgsDict = {"name": name, "namespace": self.namespace, "labels": self.labels(identity)}
        if annotations:
            metadata["annotations"] = dict(annotations)
        return metadata

    def clusterwide(self, name: str, identity: Identity) -> ObjectMetaArgsDict:
        return {"name": name, "labels": self.labels(identity)}

    def options(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(provider=self.provider, depends_on=list(after))
