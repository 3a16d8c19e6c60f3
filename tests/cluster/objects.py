"""Bring what a program makes before the API server without an engine.

Lives here: Door, which knows the path of any object, and plain, the object as the API server gets it.
Not here: running programs (tests.rendered, pulumi).
Law: paths are what the API server's discovery says, so that a wrong apiVersion is found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.cluster.api import Api
from tests.rendered import Masked


def plain(value: Any) -> Any:
    """Without Pulumi's marks."""
    match value:
        case Masked():
            return plain(value.value)
        case dict():
            return {key: plain(it) for key, it in value.items()}
        case list():
            return [plain(it) for it in value]
    return value


@dataclass(frozen=True)
class Door:
    api: Api
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def path(self, it: dict[str, Any]) -> str:
        """Of its collection."""
        version = it["apiVersion"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if base not in self._known:
            self._known[base] = {
                found["kind"]: found for found in self.api.get(base)["resources"] if "/" not in found["name"]
            }
        told = self._known[base][it["kind"]]
        inside = f"/namespaces/{it['metadata']['namespace']}" if told["namespaced"] else ""
        return f"{base}{inside}/{told['name']}"

    def try_out(self, it: dict[str, Any]) -> Any:
        """Ask as if to create it, with every field known. Raises ApiError with the API server's words."""
        return self.api.post(f"{self.path(it)}?dryRun=All&fieldValidation=Strict", it)

    def create(self, it: dict[str, Any]) -> Any:
        return self.api.post(f"{self.path(it)}?fieldValidation=Strict", it)


def template_of(it: dict[str, Any]) -> dict[str, Any] | None:
    """The pod that `it` would start."""
    spec = it.get("spec", {})
    template = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
    if template is None:
        return None
    metadata = {"name": "tried", "namespace": it["metadata"]["namespace"], **template["metadata"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
