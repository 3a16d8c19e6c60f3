"""A small program with one of each kind that the stacks use, and the handles that tests turn.

Lives here: World and its program.
Not here: what the tests expect of it.
Law: everything passes Pod Security `restricted` and strict field validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

SKIP = {"pulumi.com/skipAwait": "true"}
LABELS = {"app.kubernetes.io/name": "web"}
TOKEN = "a-token-that-no-log-may-show"
GROUP = "tests.example.org"
NAMES = {"ns", "config", "secret", "web", "service", "job", "scaler", "policy", "route"}


@dataclass
class World:
    namespace: str
    replicas: int = 2
    image: str = "registry.test/web:1"
    memory: str = "1024Mi"
    setting: str = "one"
    labels: dict[str, str] = field(default_factory=dict)
    weights: tuple[int, ...] = (1,)
    job: str = "train-1"
    widget: bool = False
    patience: str = "60"

    def program(self) -> None:
        space = k8s.core.v1.Namespace("ns", metadata={"name": self.namespace, "labels": _strict(self.labels)})
        self._configuration(space.metadata.name)
        self._serving(space.metadata.name)
        self._batch(space.metadata.name)
        if self.widget:
            metadata = {"name": "widget", "namespace": space.metadata.name}
            k8s.apiextensions.CustomResource("widget", api_version=f"{GROUP}/v1", kind="Widget", metadata=metadata)

    def _configuration(self, place: pulumi.Input[str]) -> None:
        patience = {"pulumi.com/timeoutSeconds": self.patience}
        k8s.core.v1.ConfigMap(
            "config", metadata={"name": "config", "namespace": place, "annotations": patience},
            data={"setting": self.setting},
        )  # fmt: skip
        token = pulumi.Output.secret(TOKEN)
        k8s.core.v1.Secret("secret", metadata={"name": "secret", "namespace": place}, string_data={"token": token})
        k8s.networking.v1.NetworkPolicy(
            "policy", metadata={"name": "policy", "namespace": place},
            spec={"pod_selector": {"match_labels": LABELS}, "policy_types": ["Ingress"]},
        )  # fmt: skip

    def _serving(self, place: pulumi.Input[str]) -> None:
        metadata = {"name": "web", "namespace": place, "annotations": SKIP}
        deployment = k8s.apps.v1.Deployment(
            "web", metadata=metadata,
            spec={
                "replicas": self.replicas,
                "selector": {"match_labels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": self._pod()},
            },
        )  # fmt: skip
        service = k8s.core.v1.Service(
            "service", metadata=metadata, spec={"selector": LABELS, "ports": [{"port": 80, "target_port": 8000}]}
        )
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            "scaler", metadata={"name": "web", "namespace": place},
            spec={
                "min_replicas": 1,
                "max_replicas": 9,
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        )  # fmt: skip
        backends = [{"name": f"web-{index}", "port": 80, "weight": weight} for index, weight in enumerate(self.weights)]
        k8s.apiextensions.CustomResource(
            "route", api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute",
            metadata={"name": "web", "namespace": place},
            spec={"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": backends}]},
        )  # fmt: skip
        pulumi.export("address", service.spec.cluster_ip)
        pulumi.export("uid", deployment.metadata.uid)

    def _batch(self, place: pulumi.Input[str]) -> None:
        k8s.batch.v1.Job(
            "job", metadata={"name": self.job, "namespace": place, "annotations": SKIP},
            spec={
                "completions": 2,
                "parallelism": 2,
                "completion_mode": "Indexed",
                "template": {"spec": {**self._pod(), "restart_policy": "Never"}},
            },
        )  # fmt: skip

    def _pod(self) -> dict[str, Any]:
        container = {
            "name": "main",
            "image": self.image,
            "resources": {"requests": {"cpu": "100m", "memory": self.memory}},
            "security_context": {"allow_privilege_escalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"run_as_non_root": True, "seccomp_profile": {"type": "RuntimeDefault"}}
        return {"security_context": security, "containers": [container]}


def _strict(labels: dict[str, str]) -> dict[str, str]:
    return {"pod-security.kubernetes.io/enforce": "restricted", **labels}
