"""Run the Gateways of the test cluster: what stands in for a Gateway's controller.

Lives here: GatewayController, which takes up one class, its Gateways, and the routes that name them.
Not here: moving requests (nothing here does), the control plane (control_plane).
Law: it tells of a route what a controller tells: accepted where its Gateway is of the class, resolved where its Services are there.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import urllib3

from tests.cluster.api import Api, ApiError

Json = dict[str, Any]
GROUP = "/apis/gateway.networking.k8s.io/v1"
CONTROLLER = "tests.example.org/gateways"
CLASS, NAMESPACE, NAME = "tests", "gateways", "shared"
GATEWAYS = f"{GROUP}/namespaces/{NAMESPACE}/gateways"


@dataclass
class GatewayController:
    api: Api
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """The class and the Gateway `shared` in the namespace `gateways` are there when this returns."""
        self.api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        add_class(self.api, CLASS, CONTROLLER)
        add_gateway(self.api, NAME, CLASS)
        threading.Thread(target=self._loop, daemon=True, name="gateways").start()

    def stop(self) -> None:
        self._over.set()

    def _loop(self) -> None:
        while not self._over.wait(0.2):
            with suppress(ApiError, OSError, urllib3.exceptions.HTTPError, TimeoutError):
                self._look()

    def _look(self) -> None:
        classes = {}
        for one in self.api.items(f"{GROUP}/gatewayclasses"):
            if one["spec"]["controllerName"] == CONTROLLER:
                classes[one["metadata"]["name"]] = one
                self._tell(
                    f"{GROUP}/gatewayclasses/{one['metadata']['name']}", one, {"conditions": [_true("Accepted", one)]}
                )
        own = set[tuple[str, str]]()
        for one in self.api.items(f"{GROUP}/gateways"):
            if one["spec"]["gatewayClassName"] in classes:
                place, name = one["metadata"]["namespace"], one["metadata"]["name"]
                own.add((place, name))
                conditions = [_true("Accepted", one), _true("Programmed", one)]
                self._tell(f"{GROUP}/namespaces/{place}/gateways/{name}", one, {"conditions": conditions})
        for route in self.api.items(f"{GROUP}/httproutes"):
            place, name = route["metadata"]["namespace"], route["metadata"]["name"]
            parents = [self._parent(route, ref) for ref in route["spec"].get("parentRefs", ()) if
                       (ref.get("namespace", place), ref["name"]) in own]  # fmt: skip
            self._tell(f"{GROUP}/namespaces/{place}/httproutes/{name}", route, {"parents": parents})

    def _parent(self, route: Json, ref: Json) -> Json:
        place = route["metadata"]["namespace"]
        services = {it["metadata"]["name"] for it in self.api.items(f"/api/v1/namespaces/{place}/services")}
        wanted = [backend["name"] for rule in route["spec"]["rules"] for backend in rule.get("backendRefs", ())]
        lacking = [name for name in wanted if name not in services]
        resolved = _true("ResolvedRefs", route)
        if lacking:
            resolved |= {"status": "False", "reason": "BackendNotFound", "message": f"Service {lacking[0]} not found"}
        return {"controllerName": CONTROLLER, "parentRef": ref, "conditions": [_true("Accepted", route), resolved]}

    def _tell(self, path: str, known: Json, status: Json) -> None:
        if _without_times(known.get("status", {})) != _without_times(status):
            self.api.patch(f"{path}/status", {"status": status})


def add_class(api: Api, name: str, controller: str) -> None:
    api.post(f"{GROUP}/gatewayclasses", {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
             "metadata": {"name": name}, "spec": {"controllerName": controller}})  # fmt: skip


def add_gateway(api: Api, name: str, of_class: str) -> None:
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]
    api.post(GATEWAYS, {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name},
             "spec": {"gatewayClassName": of_class, "listeners": listeners}})  # fmt: skip


def _true(kind: str, of: Json) -> Json:
    return {
        "type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": of["metadata"]["generation"],
        "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_times(one) for key, one in value.items() if key not in ("lastTransitionTime", "listeners")
        }
    return [_without_times(one) for one in value] if isinstance(value, list) else value
