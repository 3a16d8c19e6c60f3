"""What a Kubernetes object is to the provider: names, annotations, what a program said and what a server added.

Lives here: type tokens, ids, Pulumi's annotations, autonaming, inputs and outputs of one object.
Not here: comparing two (compare), the API server (cluster).
Law: pure; nothing here changes what it was given.
"""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import Any

from tests.cluster.provider.wire import UNKNOWN, Path, has_unknown

Plain = dict[str, Any]
SERVERS_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
ALLOCATED = {"Service": ("clusterIP", "clusterIPs"), "PersistentVolumeClaim": ("volumeName",)}
AUTONAMED = "pulumi.com/autonamed"
# Kinds whose deletion is not waited for either, when `pulumi.com/skipAwait` says so: as Pulumi's own provider has it.
SKIPPED_DELETES = {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}


def gvk_of(token: str) -> tuple[str, str, bool]:
    """`kubernetes:core/v1:NamespacePatch` -> ("v1", "Namespace", True): apiVersion, kind, whether it is a patch."""
    _, version, kind = token.split(":")
    version = version.removeprefix("core/")
    patch = kind.endswith("Patch") and kind != "Patch"
    return version, kind.removesuffix("Patch") if patch else kind, patch


def type_of(urn: str) -> str:
    """The token of the resource itself: the last of its parents' chain."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def is_patch(urn: str) -> bool:
    return gvk_of(type_of(urn))[2]


def name_of(plain: Plain) -> str:
    return str(plain.get("metadata", {}).get("name", ""))


def namespace_of(plain: Plain) -> str:
    return str(plain.get("metadata", {}).get("namespace", ""))


def id_of(plain: Plain) -> str:
    return f"{namespace_of(plain)}/{name_of(plain)}" if namespace_of(plain) else name_of(plain)


def manager_of(urn: str, plain: Plain) -> str:
    """The field manager of one resource: the same in every run, so that what it owns stays its own."""
    said = annotation(plain, "patchFieldManager")
    return said or f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def annotation(plain: Plain, name: str) -> str:
    """The value of `pulumi.com/NAME`."""
    annotations = plain.get("metadata", {}).get("annotations") or {}
    value = annotations.get(f"pulumi.com/{name}", "") if isinstance(annotations, dict) else ""
    return "" if value == UNKNOWN else str(value)


def is_marked(plain: Plain, name: str) -> bool:
    return annotation(plain, name).lower() == "true"


def named(plain: Plain, old: Plain, resource: str, seed: bytes) -> Plain:
    """With a name, if the program gave none: the one it had, or one of its own with the annotation that says so."""
    metadata = plain.get("metadata", {})
    if metadata == UNKNOWN or metadata.get("name") or metadata.get("generateName"):
        return plain
    name = name_of(old) if is_marked(old, "autonamed") else ""
    name = name or f"{resource.lower()}-{hashlib.sha256(seed + resource.encode()).hexdigest()[:8]}"
    annotations = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
    return {**plain, "metadata": {**metadata, "name": name, "annotations": annotations}}


def placed(plain: Plain, namespace: str) -> Plain:
    metadata = plain.get("metadata", {})
    if metadata == UNKNOWN or metadata.get("namespace"):
        return plain
    return {**plain, "metadata": {**metadata, "namespace": namespace}}


def outputs_of(live: Plain) -> Plain:
    """What the server holds, without its bookkeeping of who set what."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return {**live, "metadata": metadata}


def foreseen(plain: Plain, *, allocated: bool = True) -> Plain:
    """The outputs of a preview: what a server would only know afterwards is unknown, its bookkeeping is left out.
    `allocated` is false where the object exists, so that its address is known."""
    seen = deepcopy(plain)
    if isinstance(seen.get("metadata"), dict):
        for name in SERVERS_OWN:
            seen["metadata"].pop(name, None)
    for name in ALLOCATED.get(str(plain.get("kind")), ()):
        if allocated and isinstance(seen.get("spec"), dict) and not has_unknown(seen["spec"]):
            seen["spec"].setdefault(name, UNKNOWN)
            seen["spec"][name] = UNKNOWN if seen["spec"][name] != "None" else "None"
    return {**seen, "status": UNKNOWN}


def inputs_from(live: Plain) -> Plain:
    """The inputs of an object that no program has described yet (import): all that is not the server's own."""
    inputs = {key: deepcopy(value) for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in inputs["metadata"].items() if key not in SERVERS_OWN}
    annotations = metadata.pop("annotations", {})
    for name in ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"):
        annotations.pop(name, None)
    return {**inputs, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def secret_paths(plain: Plain, secrets: set[Path]) -> set[Path]:
    """What the program marked, and all that a Secret holds."""
    if plain.get("kind") == "Secret":
        return {path for path in secrets if path[0] not in ("data", "stringData")} | {("data",), ("stringData",)}
    return secrets
