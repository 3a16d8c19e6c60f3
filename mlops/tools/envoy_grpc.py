"""Say what a gateway does with gRPC.

Lives here: the parts of Envoy's documents that calls of the Open Inference Protocol need: how a route knows them, the clusters that
take them, what counts their status.
Not here: the documents as a whole (envoy_documents), what is answered (workloads.serving.grpc_server).
Law: a call passes the same key, token and limits as a request over HTTP, and counts as one of its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlops.contracts.names import ENDPOINT_HEADER, GRPC_SUFFIX

_TYPE = "type.googleapis.com/envoy."
SERVICE_PREFIX = "/inference.GRPCInferenceService/"
"""The path of a call, which names no endpoint: that stands in the metadata."""
_CLUSTER = "-grpc"
_REFUSED = (3, 5, 6, 7, 8, 9, 10, 11, 12, 16)
"""Status of a call that is the client's: those that stand for 4xx."""
_FAILED = (2, 4, 13, 14, 15)
"""Those that stand for 5xx. A cancelled call (1) is neither."""
FILTER: Mapping[str, Any] = {
    "name": "grpc_stats",
    "typed_config": {
        "@type": f"{_TYPE}extensions.filters.http.grpc_stats.v3.FilterConfig",
        "stats_for_all_methods": False,
    },
}
"""Counts the status of calls, which over HTTP is always 200. It stands last, so that what a filter refuses is no version's."""


def cluster_of(name: str) -> str:
    """Return the cluster that takes the calls of what `name` takes over HTTP."""
    return f"{name}{_CLUSTER}"


def match_of(endpoint: str) -> dict[str, Any]:
    named = {"name": ENDPOINT_HEADER, "string_match": {"exact": endpoint}}
    return {"prefix": SERVICE_PREFIX, "headers": [named]}


def endpoint_of(match: Mapping[str, Any]) -> str | None:
    """Return the endpoint that a route of `match_of` is for; None of another route."""
    headers = match.get("headers", ())
    return next((one["string_match"]["exact"] for one in headers if one["name"] == ENDPOINT_HEADER), None)


def closing_entry() -> dict[str, Any]:
    """Return the route of calls that no endpoint takes."""
    why = f"no endpoint of this name is served over gRPC here; name one in the metadata {ENDPOINT_HEADER}"
    return {
        "match": {"prefix": SERVICE_PREFIX},
        "direct_response": {"status": 404, "body": {"inline_string": why}},
    }


def endpoints_of(sockets: Sequence[str]) -> list[dict[str, Any]]:
    """Return where calls go. A replica is ready where it says so over HTTP, on its other socket."""
    return [
        {
            "endpoint": {
                "address": {"pipe": {"path": f"{path}{GRPC_SUFFIX}"}},
                "health_check_config": {"address": {"pipe": {"path": path}}},
            }
        }
        for path in sockets
    ]


def stats_words(cluster: str) -> str:
    """Return what finds the status of calls among Envoy's counters. `cluster`: a pattern of names for HTTP."""
    return f"^cluster\\.{cluster}{_CLUSTER}\\.grpc\\.[0-9]+$"


def by_class(stats: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return name for HTTP -> {4xx, 5xx} of counters that `stats_words` found."""
    found: dict[str, dict[str, float]] = {}
    for one in stats:
        name, _, status = str(one.get("name", "")).removeprefix("cluster.").rpartition(f"{_CLUSTER}.grpc.")
        if not name or not status.isdigit():
            continue
        kind = "4xx" if int(status) in _REFUSED else "5xx" if int(status) in _FAILED else ""
        counted = found.setdefault(name, {"4xx": 0.0, "5xx": 0.0})
        if kind:
            counted[kind] += float(one["value"])
    return found
