"""Compare two descriptions of one object.

Lives here: the differences field by field, which of them replace the object, what of a live object has drifted.
Not here: asking the API server (cluster), the wire (wire).
Law: pure; a path names the smallest part that differs, as the engine prints it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from tests.cluster.provider.wire import UNKNOWN, Path

Plain = dict[str, Any]


class Difference(NamedTuple):
    path: Path
    kind: Literal["add", "delete", "update"]


def differences(old: Any, new: Any, path: Path = ()) -> list[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [*old, *(key for key in new if key not in old)]:
            here = (*path, key)
            if new.get(key) is None and old.get(key) is None:
                continue
            if new.get(key) is None:
                found.append(Difference(here, "delete"))
            elif old.get(key) is None:
                found.append(Difference(here, "add"))
            else:
                found += differences(old[key], new[key], here)
        return found
    if isinstance(old, list) and isinstance(new, list):
        both = min(len(old), len(new))
        found = [one for index in range(both) for one in differences(old[index], new[index], (*path, index))]
        found += [Difference((*path, index), "delete") for index in range(both, len(old))]
        return found + [Difference((*path, index), "add") for index in range(both, len(new))]
    return [] if old == new and new != UNKNOWN else [Difference(path, "update")]


# Fields that no update can change. As Pulumi's own provider has them (its forceNew table), so that a plan here says
# what a plan there says: a ConfigMap's data replaces it, unless ENABLE_CONFIGMAP_MUTABLE is set.
REPLACING: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "ConfigMap"): ("data", "binaryData", "immutable"),
    ("", "Secret"): ("data", "stringData", "type", "immutable"),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName",
    ),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}  # fmt: skip


def replaces(inputs: Plain, difference: Difference, mutable: frozenset[str]) -> bool:
    """Whether the field cannot be changed in place. `mutable`: kinds whose data may be, by the provider's settings."""
    dotted = ".".join(step for step in difference.path if isinstance(step, str))
    group, kind = str(inputs.get("apiVersion", "")).rpartition("/")[0], str(inputs.get("kind", ""))
    fixed = ["kind", "metadata.name", "metadata.namespace"]
    if kind not in mutable or inputs.get("immutable") is True:
        fixed += REPLACING.get((group, kind), ())
    return any(dotted == name or dotted.startswith(f"{name}.") or name.startswith(f"{dotted}.") for name in fixed)


def in_effect(path: Path, live: Any, made: Any) -> bool:
    """Whether an apply, seen before and after, changes the field. A field that neither shows (a Secret's `stringData`)
    counts, and so does one in a list whose places have moved."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(live, list) or not isinstance(made, list) or len(live) != len(made) or step >= len(live):
                return True
        elif not isinstance(live, dict) or not isinstance(made, dict) or step not in live or step not in made:
            return True
        live, made = live[step], made[step]
    return bool(live != made)


BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def same(one: Plain, other: Plain) -> bool:
    """Whether two answers of the server show one object, its bookkeeping and its status aside."""
    return _content(one) == _content(other)


def _content(live: Plain) -> Plain:
    metadata = {key: value for key, value in live["metadata"].items() if key not in BOOKKEEPING}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def drifted(inputs: Any, applied: Any, live: Any) -> Any:
    """The inputs as the world shows them: what was said where `applied` (the server's reading of the inputs) is what
    is live, else what is live. So `1024Mi` stays `1024Mi` beside a live `1Gi`."""
    if applied == live:
        return inputs
    if isinstance(inputs, dict) and isinstance(applied, dict) and isinstance(live, dict):
        return {
            key: drifted(value, applied.get(key), live.get(key))
            for key, value in inputs.items()
            if key in live or applied.get(key) == live.get(key)
        }
    if isinstance(inputs, list) and isinstance(applied, list) and isinstance(live, list):
        return _drifted_list(inputs, applied, live)
    return live


def _drifted_list(inputs: list[Any], applied: list[Any], live: list[Any]) -> list[Any]:
    """Items are found by their names where they have some; others by their places."""
    if all(isinstance(item, dict) and "name" in item for item in [*inputs, *applied, *live]):
        applied_by, live_by = ({item["name"]: item for item in items} for items in (applied, live))
        kept = [
            drifted(item, applied_by.get(item["name"]), live_by[item["name"]])
            for item in inputs
            if item["name"] in live_by
        ]
        said = {item["name"] for item in [*inputs, *applied]}
        return kept + [item for item in live if item["name"] not in said]
    if len(inputs) == len(applied) == len(live):
        return [drifted(*items) for items in zip(inputs, applied, live, strict=True)]
    return live
