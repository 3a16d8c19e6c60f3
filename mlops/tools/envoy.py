"""Be the gateway, with Envoy.

Lives here: the documents that Envoy reads (bootstrap, clusters, routes), and EnvoyGateway, which writes them and sees them
taken.
Not here: which versions get what share (targets.local, rollout).
Law: a file is replaced, never changed in place; a write counts once Envoy says that it took it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.errors import ToolFailed
from mlops.tools.envoy_split import Split
from mlops.tools.unix_http import ask

_TYPE = "type.googleapis.com/envoy."
_PANIC = 1
"""Percent of healthy processes below which requests go to all: where every one is late with its health check, a late answer is
better than none."""
_UPSTREAM_IDLE = "60s"
IsTaken = Callable[[str, Sequence[Mapping[str, Any]], Sequence[str]], bool]
PROBE = "x-mlops-probe"
"""The header of requests that this machine sends to itself; it is removed from requests of others."""
_MILLISECONDS = [
    1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 30000,
]  # fmt: skip
"""Between which times of an answer Envoy tells apart."""
_RETRY = "connect-failure,refused-stream,reset,gateway-error"


@dataclass(frozen=True)
class Route:
    """Sends `/NAME/…` to the clusters by their weights. `key`: what x-api-key must be. `rate`: (count, seconds)."""

    name: str
    weights: Mapping[str, int]
    key: str | None = None
    rate: tuple[int, float] | None = None
    split: Split = field(default_factory=Split)


@dataclass(frozen=True)
class RoutingTable:
    """All that the gateway routes by. `clusters`: name -> the sockets of its replicas."""

    routes: Sequence[Route] = ()
    clusters: Mapping[str, Sequence[str]] = field(default_factory=dict)


class EnvoyGateway:
    """An Envoy that is configured by files. `folder`: its files (0600: they hold keys). `admin`: the socket that
    answers questions about it."""

    def __init__(self, folder: Path, admin: Path) -> None:
        self.folder, self.admin = folder, admin

    def command(self, program: str) -> list[str]:
        return [
            program, "-c", str(self.folder / "bootstrap.json"), "--concurrency", "1", "--disable-hot-restart",
            "--reject-unknown-dynamic-fields", "--log-level", "warning",
        ]  # fmt: skip

    def prepare(self, host: str, port: int) -> None:
        """Write what Envoy starts with. Routes and clusters that exist already stay as they are."""
        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._write("bootstrap.json", _bootstrap(self.folder, self.admin))
        self._write("listeners.json", {"version_info": "1", "resources": [_listener(self.folder, host, port)]})
        for name, first in (("clusters.json", []), ("routes.json", [_routes(())])):
            if not self._read(name):
                self._write(name, {"version_info": "1", "resources": first})

    def is_whole(self) -> bool:
        """Say whether the files can be read that Envoy would start from again."""
        return all(self._read(name) for name in ("bootstrap.json", "listeners.json", "clusters.json", "routes.json"))

    def keys(self) -> dict[str, str]:
        """Return the key of each route that has one, as the gateway's file says it now."""
        found: dict[str, str] = {}
        for table in self._read("routes.json").get("resources", ()):
            for entry in table["virtual_hosts"][0]["routes"]:
                for header in entry["match"].get("headers", ())[:1]:
                    if header["name"] != "x-api-key":
                        continue
                    found[entry["match"]["prefix"].strip("/")] = header["string_match"]["exact"]
        return found

    def is_ready(self) -> bool:
        try:
            return ask(self.admin, "/ready")[0] == 200
        except OSError:
            return False

    def listens(self, port: int) -> bool:
        """Say whether the port is open: Envoy is ready even where another program holds the port."""
        try:
            listeners = ask(self.admin, "/listeners")[1].decode()
        except OSError:
            return False
        return any(line.startswith("gateway::") and line.endswith(f":{port}") for line in listeners.splitlines())

    def put(self, table: RoutingTable, timeout: float = 10.0) -> None:
        """Write the clusters first, then the routes, and then remove clusters that no route names any more. Raises
        ToolFailed."""
        wanted = [_cluster(name, sockets) for name, sockets in sorted(table.clusters.items())]
        names = {cluster["name"] for cluster in wanted}
        there = [
            cluster for cluster in self._read("clusters.json").get("resources", ()) if cluster["name"] not in names
        ]
        self._put("clusters.json", [*wanted, *there], self._has_clusters, timeout)
        self._put("routes.json", [_routes(table.routes)], self._has_routes, timeout)
        if there:
            self._put("clusters.json", wanted, self._has_clusters, timeout)

    def _put(self, name: str, resources: list[dict[str, Any]], taken: IsTaken, timeout: float) -> None:
        before = self._read(name)
        known = {one["name"]: one for one in before.get("resources", ())}
        if list(known.values()) == resources and taken(before.get("version_info", ""), resources, ()):
            return
        version = str(time.time_ns())
        self._write(name, {"version_info": version, "resources": resources})
        until = time.monotonic() + timeout
        others = [one["name"] for one in resources if known.get(one["name"]) != one]
        while not taken(version, resources, others):
            rejected = self._rejected()
            if rejected:
                self._write(name, before)
                raise ToolFailed.of(
                    "gateway refused its configuration", f"Envoy says of {self.folder / name}: {rejected}"
                )
            if time.monotonic() > until:
                raise ToolFailed.of(
                    "gateway does not answer", f"Envoy did not take {self.folder / name} within {timeout:.0f} s. Look at "
                    "its log: mlops logs with the stack's address."
                )  # fmt: skip
            time.sleep(0.005)

    def _dump(self, dump: str) -> dict[str, Any]:
        try:
            answer = json.loads(ask(self.admin, "/config_dump")[1])
        except (OSError, ValueError):
            return {}
        return next((one for one in answer["configs"] if one["@type"].endswith(f".{dump}")), {})

    def _has_routes(self, version: str, resources: Sequence[Mapping[str, Any]], others: Sequence[str]) -> bool:
        routes = self._dump("RoutesConfigDump").get("dynamic_route_configs", ())
        return bool(routes) and routes[0].get("version_info") == version

    def _has_clusters(self, version: str, resources: Sequence[Mapping[str, Any]], others: Sequence[str]) -> bool:
        """Say whether exactly these clusters are active, and the changed ones with this version. Envoy keeps the
        version of a cluster that stays the same, and that of the whole where clusters are only removed."""
        active = {
            cluster["cluster"]["name"]: cluster.get("version_info")
            for cluster in self._dump("ClustersConfigDump").get("dynamic_active_clusters", ())
        }
        return active.keys() == {cluster["name"] for cluster in resources} and all(
            active[name] == version for name in others
        )

    def _rejected(self) -> str | None:
        clusters, routes = self._dump("ClustersConfigDump"), self._dump("RoutesConfigDump")
        parts = [*routes.get("dynamic_route_configs", ()), *clusters.get("dynamic_warming_clusters", ()),
                 *clusters.get("dynamic_active_clusters", ())]  # fmt: skip
        return next((p["error_state"]["details"] for p in parts if p.get("error_state", {}).get("details")), None)

    def counters(self, cluster: str) -> tuple[dict[str, float], dict[float, float]]:
        """Return what Envoy counted of a cluster since it started, as upstream_rq_total, and milliseconds -> how many answers took
        at most so long. Both are empty where Envoy gives no answer."""
        names = "upstream_rq_(total|completed|4xx|5xx|active|time)"
        words = f"format=json&histogram_buckets=cumulative&filter=^cluster\\.{cluster}\\.{names}$"
        try:
            stats = json.loads(ask(self.admin, f"/stats?{words}")[1])["stats"]
            counted = {one["name"].rpartition(".")[2]: float(one["value"]) for one in stats if "name" in one}
            buckets = [bucket for one in stats for each in one.get("histograms", ()) for bucket in each["buckets"]]
            return counted, {float(bucket["upper_bound"]): float(bucket["cumulative"]) for bucket in buckets}
        except (OSError, ValueError, KeyError, TypeError):
            return {}, {}

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, name: str, value: Any) -> None:
        temporary = self.folder / f".{name}.part"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(value, file)
        temporary.replace(self.folder / name)


def _bootstrap(folder: Path, admin: Path) -> dict[str, Any]:
    def source(name: str) -> dict[str, Any]:
        return {"path_config_source": {"path": str(folder / name), "watched_directory": {"path": str(folder)}}}

    return {
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {"lds_config": source("listeners.json"), "cds_config": source("clusters.json")},
        "stats_flush_interval": "1s",
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": _MILLISECONDS}]
        },
    }


def _listener(folder: Path, host: str, port: int) -> dict[str, Any]:
    limit = {"@type": f"{_TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rate"}
    manager = {
        "@type": f"{_TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "rds": {
            "route_config_name": "routes",
            "config_source": {
                "path_config_source": {"path": str(folder / "routes.json"), "watched_directory": {"path": str(folder)}}
            },
        },
        "http_filters": [
            {"name": "rate", "typed_config": limit},
            {"name": "router", "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"}},
        ],
        "generate_request_id": False, "preserve_external_request_id": True, "server_header_transformation": "PASS_THROUGH",
        "common_http_protocol_options": {"idle_timeout": "300s"}, "stream_idle_timeout": "60s",
    }  # fmt: skip
    return {
        "@type": f"{_TYPE}config.listener.v3.Listener", "name": "gateway", "enable_reuse_port": False,
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }  # fmt: skip


def _cluster(name: str, sockets: Sequence[str]) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": {"pipe": {"path": path}}}} for path in sockets]
    options = {
        "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": _UPSTREAM_IDLE}, "explicit_http_config": {"http_protocol_options": {}},
    }  # fmt: skip
    return {
        "@type": f"{_TYPE}config.cluster.v3.Cluster", "name": name, "type": "STATIC", "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "health_checks": [{
            "timeout": "1s", "interval": "0.5s", "no_traffic_interval": "0.5s", "unhealthy_threshold": 2,
            "healthy_threshold": 1, "http_health_check": {"path": "/readyz"},
        }],
        "common_lb_config": {"healthy_panic_threshold": {"value": _PANIC}},
    }  # fmt: skip


def _routes(routes: Sequence[Route]) -> dict[str, Any]:
    entries = [entry for route in routes for entry in _entries(route)]
    return {
        "@type": f"{_TYPE}config.route.v3.RouteConfiguration", "name": "routes", "validate_clusters": True,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": entries}],
    }  # fmt: skip


def _entries(route: Route) -> list[dict[str, Any]]:
    match: dict[str, Any] = {"prefix": f"/{route.name}/"}
    served = [(name, weight) for name, weight in sorted(route.weights.items()) if weight > 0]
    action: dict[str, Any] = {
        "prefix_rewrite": "/", "timeout": "30s",
        "retry_policy": {
            "retry_on": _RETRY, "num_retries": 4, "host_selection_retry_max_attempts": 5,
            "retry_back_off": {"base_interval": "0.02s", "max_interval": "0.2s"},
            "retry_host_predicate": [{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": f"{_TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
            }],
        },
        "weighted_clusters": {"clusters": [{"name": name, "weight": weight} for name, weight in served], **route.split.of_clusters()},
        **route.split.of_action(PROBE),
    }  # fmt: skip
    limit = {"typed_per_filter_config": {"rate": _limit(*route.rate)}} if route.rate else {}
    if not served:
        answer = {"status": 503, "body": {"inline_string": '{"error":"no version of this endpoint is live"}'}}
        return [{"match": match, "direct_response": answer}]
    if route.key is None:
        entry = {"match": match, "route": action, "request_headers_to_remove": [PROBE], **limit}
        return [*route.split.entries(match, entry), entry]
    header = {"name": "x-api-key", "string_match": {"exact": route.key}}
    denied = {"status": 401, "body": {"inline_string": '{"error":"the header x-api-key is missing or wrong"}'}}
    match_key = {**match, "headers": [header]}
    entry = {"match": match_key, "route": action, "request_headers_to_remove": ["x-api-key", PROBE], **limit}
    return [*route.split.entries(match_key, entry), entry, {"match": match, "direct_response": denied}]


def _limit(count: int, seconds: float) -> dict[str, Any]:
    """Return a token bucket that holds one period's worth, filled evenly where that is more than a token each 50 ms."""
    interval, tokens = seconds, count
    if count / seconds >= 20:
        interval = 0.05
        tokens = max(1, round(count / seconds * interval))
    every = {"numerator": 100, "denominator": "HUNDRED"}
    return {
        "@type": f"{_TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rate",
        "token_bucket": {"max_tokens": count, "tokens_per_fill": tokens, "fill_interval": f"{interval:g}s"},
        "filter_enabled": {"default_value": every}, "filter_enforced": {"default_value": every},
    }  # fmt: skip
