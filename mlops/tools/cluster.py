"""Look at a Kubernetes cluster.

Lives here: ClusterClient, what is asked of one API server: whether it answers, what may be done, what is there, logs, events.
Not here: changing anything (pulumi), what the answers mean (kinds).
Law: reads; the review of one's own rights is the one object that it makes, and the server keeps none of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlops.errors import MlopsError, ToolFailed

Object = Mapping[str, Any]
_PATHS: Mapping[str, str] = {
    "Namespace": "api/v1/namespaces", "ConfigMap": "api/v1/configmaps", "Secret": "api/v1/secrets", "Service": "api/v1/services",
    "ServiceAccount": "api/v1/serviceaccounts", "ResourceQuota": "api/v1/resourcequotas", "LimitRange": "api/v1/limitranges",
    "PersistentVolumeClaim": "api/v1/persistentvolumeclaims", "Pod": "api/v1/pods", "Event": "api/v1/events",
    "Node": "api/v1/nodes", "Deployment": "apis/apps/v1/deployments", "Job": "apis/batch/v1/jobs",
    "CronJob": "apis/batch/v1/cronjobs", "HorizontalPodAutoscaler": "apis/autoscaling/v2/horizontalpodautoscalers",
    "PodDisruptionBudget": "apis/policy/v1/poddisruptionbudgets", "NetworkPolicy": "apis/networking.k8s.io/v1/networkpolicies",
    "Role": "apis/rbac.authorization.k8s.io/v1/roles", "RoleBinding": "apis/rbac.authorization.k8s.io/v1/rolebindings",
    "HTTPRoute": "apis/gateway.networking.k8s.io/v1/httproutes", "PriorityClass": "apis/scheduling.k8s.io/v1/priorityclasses",
    "Gateway": "apis/gateway.networking.k8s.io/v1/gateways", "GatewayClass": "apis/gateway.networking.k8s.io/v1/gatewayclasses",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
}  # fmt: skip
_SEALED = ("Secret", "ConfigMap")
"""Kinds that are compared by their version alone: nobody needs to read a secret to see that it changed."""
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_VOLATILE = ("volumeName",)
_TIMEOUT = 10.0


@dataclass(frozen=True)
class ClusterClient:
    """Asks the API server of one cluster. `kubeconfig`: a path; None for KUBECONFIG or ~/.kube/config. `context`: None
    for the current one."""

    kubeconfig: str | None = None
    context: str | None = None

    def get(self, path: str, *, accept: str = "application/json", timeout: float = _TIMEOUT) -> Any:
        """Return the answer's JSON. Raises ToolFailed; its `status` is that of the answer, None where there was
        none."""
        return json.loads(self._ask("GET", path, None, accept, timeout) or "{}")

    def text(self, path: str) -> str:
        return self._ask("GET", path, None, "text/plain, */*", _TIMEOUT)

    def version(self) -> str:
        return str(self.get("version", timeout=4.0).get("gitVersion"))

    def may(self, verb: str, group: str, resource: str, namespace: str | None) -> bool:
        """Ask by a SelfSubjectAccessReview whether we may do something."""
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace or ""}
        body = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }  # fmt: skip
        path = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(json.loads(self._ask("POST", path, body, "application/json", _TIMEOUT))["status"]["allowed"])

    def one(self, kind: str, namespace: str | None, name: str) -> Object | None:
        try:
            found: Object = self.get(f"{_path(kind, namespace)}/{name}")
        except ToolFailed as error:
            if getattr(error, "status", None) == 404:
                return None
            raise
        return found

    def all(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Object]:
        """Return all objects of a kind; none of a kind that the cluster does not know."""
        query = "&".join(
            f"{key}={value}" for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value
        )
        accept = _METADATA if kind in _SEALED else "application/json"
        try:
            answer = self.get(f"{_path(kind, namespace)}?{query}", accept=accept)
        except ToolFailed as error:
            if getattr(error, "status", None) == 404:
                return []
            raise
        found: list[Object] = answer.get("items") or []
        return found

    def log(self, namespace: str, pod: str, *, lines: int = 200) -> str:
        return self.text(f"api/v1/namespaces/{namespace}/pods/{pod}/log?tailLines={lines}")

    def events(self, namespace: str, name: str) -> list[str]:
        """Return what the cluster reports of an object, the newest last."""
        found = self.all("Event", namespace, fields=f"involvedObject.name={name}")
        found.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
        return [f"{one.get('reason')}: {one.get('message')}" for one in found]

    def pod_port(self, namespace: str, pod: str, port: int, path: str) -> str:
        """Return what a pod answers, asked through the API server."""
        return self.text(f"api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{path}")

    @cached_property
    def _client(self) -> Any:
        from kubernetes import client, config

        try:
            made = client.Configuration()
            config.load_kube_config(self.kubeconfig, self.context, made)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise _failed(
                f"{error}. Name another `context` or `kubeconfig` in conf/stack/, or set KUBECONFIG.", None
            ) from error
        made.retries = 1
        return client.ApiClient(made)

    def _ask(self, method: str, path: str, body: Any, accept: str, timeout: float) -> str:
        from urllib3.exceptions import HTTPError

        client = self._client
        headers = {"Accept": accept, "Content-Type": "application/json"}
        headers |= {setting["key"]: setting["value"] for setting in client.configuration.auth_settings().values()}
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = client.rest_client.pool_manager.request(
                method, f"{client.configuration.host}/{path}", headers=headers, body=data, timeout=timeout
            )
        except (HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise _failed(f"{client.configuration.host} does not answer: {reason}", None) from error
        text = str(answer.data.decode(errors="replace"))
        if answer.status >= 400:
            raise _failed(_message(answer.status, text), answer.status)
        return text

    def fingerprints(
        self, kinds: Iterable[str], namespace: str | None, *, labels: str
    ) -> Iterator[tuple[tuple[str, str], str, str]]:
        """Yield (component, name), `KIND/NAME`, and a fingerprint that changes when anybody changes the object, but not
        with its status. Kinds that may not be listed are left out."""
        for kind in kinds:
            try:
                found = self.all(kind, namespace, labels=labels)
            except ToolFailed as error:
                if getattr(error, "status", None) == 403:
                    continue
                raise
            for one in found:
                own = one["metadata"].get("labels") or {}
                owner = (own.get("app.kubernetes.io/component", ""), own.get("app.kubernetes.io/name", ""))
                yield owner, f"{kind}/{one['metadata']['name']}", _fingerprint(kind, one)


def wait_for(check: Callable[[], str | None], timeout: float, *, every: float = 0.25) -> str | None:
    """Wait until `check` returns None, and return None; after `timeout` seconds, return what it said last is
    missing."""
    import time

    until = time.monotonic() + timeout
    while (missing := check()) is not None and time.monotonic() < until:
        time.sleep(every)
    return missing


def _path(kind: str, namespace: str | None) -> str:
    if namespace is None:
        return _PATHS[kind]
    group, _, plural = _PATHS[kind].rpartition("/")
    return f"{group}/namespaces/{namespace}/{plural}"


def _fingerprint(kind: str, one: Object) -> str:
    metadata = one["metadata"]
    if "generation" in metadata:
        return f"{metadata['uid']}:{metadata['generation']}"
    if kind in _SEALED:
        return f"{metadata['uid']}:{metadata['resourceVersion']}"
    kept = {key: value for key, value in one.items() if key not in ("metadata", "status", "kind", "apiVersion")}
    if isinstance(kept.get("spec"), dict):
        kept["spec"] = {key: value for key, value in kept["spec"].items() if key not in _VOLATILE}
    kept["labels"] = metadata.get("labels")
    return f"{metadata['uid']}:{hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]}"


def _message(status: int, text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{status}: {text[:200]}"


def _failed(detail: str, status: int | None) -> ToolFailed:
    error = ToolFailed(*MlopsError.of("cluster refuses" if status else "cluster is not reachable", detail).problems)
    error.status = status  # type: ignore[attr-defined]
    return error
