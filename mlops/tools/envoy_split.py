"""Say what a gateway does with requests while several versions answer.

Lives here: TrafficSplit, of one route, and the parts of Envoy's documents that it stands for.
Not here: the documents as a whole (envoy), what a split is for (rollout).
Law: a copy of a request says that it is one, so that a version neither logs nor counts it; a client who asks for a version by name is
no evidence about it, because what was asked so counts elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlops.tools.envoy_grpc import cluster_of

ASKED = "x-mlops-version"
"""The header by which a client asks for a version: `candidate`, `live`, or its name."""


@dataclass(frozen=True)
class TrafficSplit:
    """`mirror`: a cluster that gets a copy of each request. `assigned`: a client stays with one cluster, known by `header` or `cookie`.
    `asked`: what ASKED says -> the cluster that answers it."""

    mirror: str | None = None
    assigned: bool = False
    header: str | None = None
    cookie: str | None = None
    asked: Mapping[str, str] = field(default_factory=dict)

    def of_clusters(self) -> dict[str, Any]:
        """Return what is said beside weighted clusters."""
        return {"use_hash_policy": True} if self.assigned and (self.header or self.cookie) else {}

    def of_action(self, probe: str) -> dict[str, Any]:
        """Return what is said beside the clusters of a route. `probe`: the header that says of a request that it is no traffic."""
        said: dict[str, Any] = {}
        if self.mirror is not None:
            is_copy = {"append": {"header": {"key": probe, "value": "1"}}}
            said["request_mirror_policies"] = [
                {
                    "cluster": self.mirror,
                    "request_headers_mutations": [is_copy],
                    "disable_shadow_host_suffix_append": True,
                }
            ]
        if self.assigned and self.header:
            said["hash_policy"] = [{"header": {"header_name": self.header}}]
        elif self.assigned and self.cookie:
            said["hash_policy"] = [{"cookie": {"name": self.cookie}}]
        return said

    def over_grpc(self, known: Collection[str]) -> TrafficSplit:
        """Return this split of calls over gRPC. `known`: the clusters that speak it."""
        asked = {name: cluster_of(cluster) for name, cluster in self.asked.items() if cluster in known}
        mirror = cluster_of(self.mirror) if self.mirror is not None and self.mirror in known else None
        return replace(self, mirror=mirror, asked=asked)

    def entries(self, match: Mapping[str, Any], entry: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        """Return the routes of clients who ask for a version, which come before `entry`, that of all others."""
        return [
            {
                **entry,
                "match": {
                    **match,
                    "headers": [*match.get("headers", ()), {"name": ASKED, "string_match": {"exact": name}}],
                },
                "route": {**_alone(entry["route"]), "cluster": cluster},
            }
            for name, cluster in sorted(self.asked.items())
        ]


def _alone(action: Mapping[str, Any]) -> dict[str, Any]:
    of_many = ("weighted_clusters", "request_mirror_policies", "hash_policy")
    return {name: value for name, value in action.items() if name not in of_many}
