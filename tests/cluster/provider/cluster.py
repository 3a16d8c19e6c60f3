"""The provider's door to the API server, over the official dynamic client.

Lives here: Cluster: discovery of the kinds asked for, get, server-side apply, delete; Refused, with the server's words.
Not here: which cluster (kubeconfig), what Pulumi asks (servicer), comparing (compare).
Law: writes are server-side applies with strict field validation; the server's own text is never reworded.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import urllib3.exceptions

from tests.cluster.provider.kubeconfig import Access
from tests.cluster.provider.objects import name_of, namespace_of
from tests.cluster.provider.quick import hollow

# The dynamic client never touches the 900 generated models; it asks the packages above it for these names only.
hollow("kubernetes", "kubernetes.client", "kubernetes.client.models")
import kubernetes  # noqa: E402

kubernetes.__version__ = ""
from kubernetes.client.api_client import ApiClient, Configuration  # noqa: E402

kubernetes.client.ApiClient = ApiClient
from kubernetes.dynamic.client import DynamicClient  # noqa: E402
from kubernetes.dynamic.exceptions import DynamicApiError  # noqa: E402
from kubernetes.dynamic.resource import Resource  # noqa: E402

Plain = dict[str, Any]
Warn = Callable[[str], None]
RESTING = 0.25
WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')


class Refused(Exception):
    """The API server said no, or (status 0) could not be asked."""

    def __init__(self, status: int, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.fields = status, message, fields

    @property
    def is_immutable(self) -> bool:
        return self.status == 422 and any(word in self.message for word in ("immutable", "forbidden", "Forbidden"))


class NoKind(Refused):
    """The API server does not know the kind (yet)."""


class _NoDiscovery:
    """In the place of the client's own discovery, which asks for every group and keeps a file beside."""

    def __init__(self, client: DynamicClient, cache_file: str | None) -> None:
        del client, cache_file


class Cluster:
    def __init__(self, access: Access) -> None:
        configuration = Configuration()
        configuration.host = access.server
        configuration.verify_ssl, configuration.ssl_ca_cert = access.verify, access.authority
        configuration.cert_file, configuration.key_file = access.certificate, access.key
        if access.token:
            configuration.api_key = {"BearerToken": access.token}
            configuration.api_key_prefix = {"BearerToken": "Bearer"}
        configuration.connection_pool_maxsize = 32
        configuration.retries = urllib3.Retry(
            connect=2, read=0, status=8, other=0, redirect=0, backoff_factor=0.1, status_forcelist=[429],
            allowed_methods=None, raise_on_status=False,
        )  # fmt: skip
        self._client = DynamicClient(ApiClient(configuration), discoverer=_NoDiscovery)
        self._kinds: dict[str, dict[str, Resource]] = {}
        self._lock = threading.Lock()

    def is_namespaced(self, plain: Plain) -> bool:
        return bool(self._resource(plain["apiVersion"], plain["kind"]).namespaced)

    def get(self, version: str, kind: str, namespace: str, name: str) -> Plain | None:
        resource = self._resource(version, kind)
        try:
            return _asked(lambda: self._client.get(resource, name=name, namespace=namespace or None, serialize=False))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def live(self, plain: Plain) -> Plain | None:
        return self.get(plain["apiVersion"], plain["kind"], namespace_of(plain), name_of(plain))

    def apply(
        self, plain: Plain, manager: str, *, force: bool, dry: bool = False, patient: float = 0, warn: Warn | None = None
    ) -> Plain:  # fmt: skip
        """The object as the server has it then. `patient`: seconds to wait for a kind that is being defined; `warn`
        hears what the server has against it (Pod Security, a deprecated version)."""
        resource = self._resource(plain["apiVersion"], plain["kind"], patient)
        return _asked(
            lambda: self._client.server_side_apply(
                resource, body=plain, name=name_of(plain), namespace=namespace_of(plain) or None, field_manager=manager,
                force_conflicts="true" if force else "false", dry_run="All" if dry else None,
                query_params=[("fieldValidation", "Strict")], serialize=False,
            ),
            warn,
        )  # fmt: skip

    def delete(self, version: str, kind: str, namespace: str, name: str, policy: str) -> Plain | None:
        """What was there; nothing, if it was gone already."""
        resource = self._resource(version, kind)
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            return _asked(
                lambda: self._client.delete(
                    resource, name=name, namespace=namespace or None, body=body, serialize=False
                )
            )
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def wait_gone(self, live: Plain, seconds: float, stopped: threading.Event) -> None:
        """Until the object is gone, or another has its name."""
        end, pause = time.monotonic() + seconds, 0.02
        while True:
            now = self.live(live)
            if now is None or now["metadata"].get("uid") != live["metadata"].get("uid"):
                return
            if time.monotonic() > end:
                held = (
                    now["metadata"].get("finalizers") or now.get("spec", {}).get("finalizers") or "nothing that shows"
                )
                raise Refused(0, f"{id_text(live)} is still being deleted after {seconds:g} s; held by {held}")
            if stopped.wait(pause):
                raise Refused(0, f"{id_text(live)} is still being deleted; waiting was cancelled")
            pause = min(pause * 1.5, RESTING)

    def _resource(self, version: str, kind: str, patient: float = 0) -> Resource:
        end = time.monotonic() + patient
        while True:
            with self._lock:
                if kind not in self._kinds.get(version, {}):
                    self._kinds[version] = self._discover(version)
                found = self._kinds[version].get(kind)
            if found is not None:
                return found
            if time.monotonic() >= end:
                raise NoKind(404, f'no matches for kind "{kind}" in version "{version}"')
            time.sleep(RESTING)

    def _discover(self, version: str) -> dict[str, Resource]:
        group, _, name = version.rpartition("/")
        prefix = "apis" if group else "api"
        try:
            told = _asked(lambda: self._client.request("get", f"/{prefix}/{version}", serialize=False))
        except Refused as refused:
            if refused.status == 404:
                return {}
            raise
        return {
            item["kind"]: Resource(
                prefix=prefix, group=group, api_version=name, client=self._client, kind=item["kind"], name=item["name"],
                namespaced=item["namespaced"],
            )
            for item in told["resources"]
            if "/" not in item["name"]
        }  # fmt: skip


def id_text(live: Plain) -> str:
    return f"{live.get('kind')} {namespace_of(live)}/{name_of(live)}".replace(" /", " ")


def _asked(ask: Callable[[], Any], warn: Warn | None = None) -> Plain:
    try:
        response = ask()
    except DynamicApiError as error:
        raise _refused(error) from error
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        raise Refused(0, f"configured Kubernetes cluster is unreachable: {reason}") from error
    for header in response.headers.getlist("Warning") if warn else ():
        for text in WARNING.findall(header):
            warn(text.replace('\\"', '"'))
    answer: Plain = json.loads(response.data)
    return answer


def _refused(error: DynamicApiError) -> Refused:
    body = error.body.decode() if isinstance(error.body, bytes) else error.body or ""
    try:
        told = json.loads(body)
    except ValueError:
        return Refused(error.status, body or str(error.reason))
    causes = (told.get("details") or {}).get("causes") or []
    return Refused(error.status, told.get("message") or body, tuple(cause.get("field", "") for cause in causes))
