"""Say to Envoy what it is to do.

Lives here: the documents that Envoy reads: bootstrap, listener, certificates, clusters, routes; and what they are made from.
Not here: writing them (envoy), which versions get what share (targets.local, rollout).
Law: equal inputs give equal documents; every answer of the gateway itself is JSON in the service's shape.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlops.contracts.names import ANSWER_TIMEOUT, KEY_HEADER, PROBE_HEADER
from mlops.tools import envoy_grpc
from mlops.tools.envoy_replies import LOCAL_REPLIES, address_entry, open_entries
from mlops.tools.envoy_split import TrafficSplit

_TYPE = "type.googleapis.com/envoy."
_PANIC = 1
"""Percent of healthy processes below which requests go to all: where every one is late with its health check, a late answer is
better than none."""
_UPSTREAM_IDLE = "60s"
_MILLISECONDS = [
    1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 30000,
]  # fmt: skip
"""Between which times of an answer Envoy tells apart."""
_RETRY = "connect-failure,refused-stream,reset,gateway-error"
_TRIES = 4
"""How often a request is tried again."""
_SHORTEST_TRY = 1.0
_FILL = 0.05
"""Seconds between two fillings of a bucket of tokens."""
_TOKENS = "jwt"
MERGED_METRICS = "metrics"
"""The path of the merged metrics, and the cluster that answers there."""
_DENIED = f"the header {KEY_HEADER} is missing or wrong"


@dataclass(frozen=True)
class GateKey:
    """What one client sends. `values`: each of them lets it in. `rate`: (count, seconds), its own limit. `is_spent`: whether it
    has used up its quota."""

    values: Sequence[str]
    rate: tuple[int, float] | None = None
    is_spent: bool = False


@dataclass(frozen=True)
class Route:
    """Sends `/NAME/…` to the clusters by their weights, and the calls that name it to those that speak gRPC. `keys`: name -> what that client sends; None lets everybody in.
    `is_signed`: whether a token that its issuer signed lets in too. `rate`: (count, seconds), of all clients together. `timeout`:
    seconds until an answer must be there. `grpc`: those of its clusters that speak gRPC too. `prefix`: how a path begins for them."""

    name: str
    weights: Mapping[str, int]
    keys: Mapping[str, GateKey] | None = None
    is_signed: bool = False
    rate: tuple[int, float] | None = None
    timeout: float = ANSWER_TIMEOUT
    split: TrafficSplit = field(default_factory=TrafficSplit)
    grpc: Collection[str] = ()
    prefix: str = "/"


@dataclass(frozen=True)
class RoutingTable:
    """All that the gateway routes by. `clusters`: name -> the sockets of its replicas. `grpc`: those that speak gRPC too."""

    routes: Sequence[Route] = ()
    clusters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    grpc: Collection[str] = ()


@dataclass(frozen=True)
class TokenIssuer:
    """Whose signed tokens (JWT) count. `keys`: the JSON Web Key Set, as text."""

    keys: str
    issuer: str
    audiences: Sequence[str] = ()


@dataclass(frozen=True)
class Tls:
    """How clients connect, all of it PEM. `client_ca`: a client must show a certificate that it signed."""

    certificate: str
    key: str
    client_ca: str | None = None


def bootstrap(folder: Path, admin: Path) -> dict[str, Any]:
    return {
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {"lds_config": _file(folder, "listeners.json"), "cds_config": _file(folder, "clusters.json")},
        "stats_flush_interval": "0.25s",  # of the times of answers; a judge looks twice a second
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": _MILLISECONDS}]
        },
    }  # fmt: skip


def _file(folder: Path, name: str) -> dict[str, Any]:
    return {"path_config_source": {"path": str(folder / name), "watched_directory": {"path": str(folder)}}}


def listener(folder: Path, host: str, port: int, tls: Tls | None, tokens: Mapping[str, Any]) -> dict[str, Any]:
    """`tokens`: what token_filter gave. The filter is there without issuers too: a connection keeps the filters that it began
    with, and must not pass a route that asks for a token."""
    limit = {"@type": f"{_TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rate"}
    manager = {
        "@type": f"{_TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "rds": {"route_config_name": "routes", "config_source": _file(folder, "routes.json")},
        "http_filters": [
            {"name": _TOKENS, "typed_config": tokens},
            {"name": "rate", "typed_config": limit},
            envoy_grpc.FILTER,
            {"name": "router", "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"}},
        ],
        "local_reply_config": LOCAL_REPLIES,
        "generate_request_id": False, "preserve_external_request_id": True, "server_header_transformation": "PASS_THROUGH",
        "common_http_protocol_options": {"idle_timeout": "300s"}, "stream_idle_timeout": "60s",
    }  # fmt: skip
    chain: dict[str, Any] = {"filters": [{"name": "http", "typed_config": manager}]}
    if tls is not None:
        chain["transport_socket"] = {"name": "tls", "typed_config": _downstream_tls(folder, tls)}
    return {
        "@type": f"{_TYPE}config.listener.v3.Listener", "name": "gateway", "enable_reuse_port": False,
        "address": {"socket_address": {"address": host, "port_value": port}}, "filter_chains": [chain],
    }  # fmt: skip


def _downstream_tls(folder: Path, tls: Tls) -> dict[str, Any]:
    def named(name: str) -> dict[str, Any]:
        return {"name": name, "sds_config": _file(folder, f"{name}.json")}

    common: dict[str, Any] = {"tls_certificate_sds_secret_configs": [named("certificate")],
                              "alpn_protocols": ["h2", "http/1.1"],
                              "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"}}  # fmt: skip
    if tls.client_ca:
        common["validation_context_sds_secret_config"] = named("clients")
    return {
        "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": common,
        "require_client_certificate": bool(tls.client_ca),
    }  # fmt: skip


def tls_files(tls: Tls) -> dict[str, list[dict[str, Any]]]:
    """Return file -> its resources: the certificates, which Envoy reads again when a file is another."""
    kind = f"{_TYPE}extensions.transport_sockets.tls.v3.Secret"
    found: dict[str, list[dict[str, Any]]] = {}
    pair = {"certificate_chain": {"inline_string": tls.certificate}, "private_key": {"inline_string": tls.key}}
    found["certificate.json"] = [{"@type": kind, "name": "certificate", "tls_certificate": pair}]
    if tls.client_ca:
        trusted = {"trusted_ca": {"inline_string": tls.client_ca}}
        found["clients.json"] = [{"@type": kind, "name": "clients", "validation_context": trusted}]
    return found


def tls_in(certificate: Mapping[str, Any], clients: Mapping[str, Any]) -> Tls | None:
    """Return what stands in the files that `tls_files` names; None where there is no certificate."""
    pair = next((one["tls_certificate"] for one in certificate.get("resources", ())), None)
    if pair is None:
        return None
    contexts = [one["validation_context"] for one in clients.get("resources", ())]
    certificate_text, key = (pair[name]["inline_string"] for name in ("certificate_chain", "private_key"))
    return Tls(certificate_text, key, contexts[0]["trusted_ca"]["inline_string"] if contexts else None)


def token_filter(issuers: Mapping[str, TokenIssuer]) -> dict[str, Any]:
    """`issuers`: endpoint -> whose tokens it takes."""
    providers = {
        name: {"issuer": one.issuer, "local_jwks": {"inline_string": one.keys}, **({"audiences": list(one.audiences)} if one.audiences else {})}
        for name, one in issuers.items()
    }  # fmt: skip
    return {
        "@type": f"{_TYPE}extensions.filters.http.jwt_authn.v3.JwtAuthentication", "providers": providers,
        "requirement_map": {name: {"provider_name": name} for name in issuers},
    }  # fmt: skip


def clusters(table: RoutingTable) -> list[dict[str, Any]]:
    """Return every cluster of a table, for HTTP and for gRPC."""
    there = sorted(table.clusters.items())
    return [_cluster(name, sockets) for name, sockets in there] + [
        _cluster(name, sockets, is_grpc=True) for name, sockets in there if name in table.grpc
    ]


def _cluster(name: str, sockets: Sequence[str], *, is_grpc: bool = False) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": {"pipe": {"path": path}}}} for path in sockets]
    spoken = "http_protocol_options"
    if is_grpc:
        name, spoken = envoy_grpc.cluster_of(name), "http2_protocol_options"
        endpoints = envoy_grpc.endpoints_of(sockets)
    options = {
        "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": _UPSTREAM_IDLE}, "explicit_http_config": {spoken: {}},
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
        # A replica that ends resets all its requests at once, and each of them is tried again.
        "circuit_breakers": {"thresholds": [{"max_retries": 1024}]},
        # One that says it is ready, and fails what it is asked, gets nothing for a while; never more than half of them.
        "outlier_detection": {
            "interval": "1s", "base_ejection_time": "5s", "max_ejection_time": "60s", "max_ejection_percent": 50,
            "consecutive_5xx": 5, "consecutive_gateway_failure": 5, "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0, "enforcing_failure_percentage": 0, "successful_active_health_check_uneject_host": False,
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": _PANIC}},
    }  # fmt: skip


def route_table(routes: Sequence[Route], *, is_measured: bool = False) -> dict[str, Any]:
    """`is_measured`: whether there is a cluster for the merged metrics, which everybody may read who reaches the gateway."""
    entries = [entry for route in routes for entry in _entries(route)]
    if is_measured:
        entries.append({"match": {"path": f"/{MERGED_METRICS}"}, "route": {"cluster": MERGED_METRICS, "timeout": "5s"}})
    if any(route.grpc for route in routes):
        entries.append(envoy_grpc.closing_entry())
    limits = list(_limits(routes))
    host: dict[str, Any] = {"name": "all", "domains": ["*"], "routes": entries}
    if limits:
        host["typed_per_filter_config"] = {"rate": _buckets(limits)}
    return {
        "@type": f"{_TYPE}config.route.v3.RouteConfiguration", "name": "routes", "validate_clusters": True,
        "virtual_hosts": [host],
    }  # fmt: skip


def _entries(route: Route) -> Iterator[dict[str, Any]]:
    match: dict[str, Any] = {"prefix": f"/{route.name}/"}
    served = [(name, weight) for name, weight in sorted(route.weights.items()) if weight > 0]
    if not served:
        yield _refuse(match, 503, "no version of this endpoint is live")
        return
    yield address_entry(route.name)
    yield from _gated(route, match, served, open_entries(route.name, _action(route, served, None)))
    calls = replace(
        route, split=route.split.over_grpc(route.grpc), prefix=envoy_grpc.SERVICE_PREFIX,
        weights={envoy_grpc.cluster_of(name): weight for name, weight in served if name in route.grpc},
    )  # fmt: skip
    if calls.weights:
        yield from _gated(calls, envoy_grpc.match_of(route.name), sorted(calls.weights.items()), ())


def _gated(
    route: Route, match: Mapping[str, Any], served: Sequence[tuple[str, int]], is_open: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the routes of those who may come, and last that of all others. `is_open`: routes that need no key."""
    if route.keys is None and not route.is_signed:
        yield from _forwarded(route, match, _action(route, served, None))
        return
    for name, key in sorted((route.keys or {}).items()):
        for value in key.values:
            fits = _with_header(match, {"name": KEY_HEADER, "string_match": {"exact": value}})
            if key.is_spent:
                yield _refuse(fits, 429, "the quota of this key is used up")
            else:
                yield from _forwarded(
                    route, fits, {"stat_prefix": f"{route.name}.{name}", **_action(route, served, name)}
                )
    if route.is_signed:
        requirement = {
            _TOKENS: {
                "@type": f"{_TYPE}extensions.filters.http.jwt_authn.v3.PerRouteConfig",
                "requirement_name": route.name,
            }
        }
        token = _with_header(match, {"name": "authorization", "present_match": True})
        yield from _forwarded(route, token, {"typed_per_filter_config": requirement, **_action(route, served, None)})
    yield from is_open
    yield _refuse(match, 401, _DENIED if not route.is_signed else f"{_DENIED}, and there is no token")


def _with_header(match: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, Any]:
    return {**match, "headers": [*match.get("headers", ()), header]}


def _forwarded(route: Route, match: Mapping[str, Any], what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the routes of those who ask for a version, then that of all others."""
    entry = {"match": match, **what}
    yield from route.split.entries(match, entry)
    yield entry


def _refuse(match: Mapping[str, Any], status: int, why: str) -> dict[str, Any]:
    return {"match": match, "direct_response": {"status": status, "body": {"inline_string": why}}}


def _action(route: Route, served: Sequence[tuple[str, int]], key: str | None) -> dict[str, Any]:
    """A try that takes long is not given up: another one is made beside it, and the first answer counts."""
    limits = [{"actions": [_part("endpoint", route.name)]}] if route.rate else []
    if key is not None and route.keys and route.keys[key].rate:
        limits.append({"actions": [_part("key", f"{route.name}/{key}")]})
    action: dict[str, Any] = {
        "prefix_rewrite": route.prefix, "timeout": _seconds(route.timeout),
        "retry_policy": {
            "retry_on": _RETRY, "num_retries": _TRIES, "host_selection_retry_max_attempts": 5,
            "per_try_timeout": _seconds(min(route.timeout, max(_SHORTEST_TRY, route.timeout / _TRIES))),
            "retry_back_off": {"base_interval": "0.02s", "max_interval": "0.2s"},
            "retry_host_predicate": [{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": f"{_TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
            }],
        },
        "hedge_policy": {"hedge_on_per_try_timeout": True},
        "weighted_clusters": {
            "clusters": [{"name": name, "weight": weight} for name, weight in served], **route.split.of_clusters(),
        },
        **route.split.of_action(PROBE_HEADER),
        **({"rate_limits": limits} if limits else {}),
    }  # fmt: skip
    taken_off = [PROBE_HEADER] if route.keys is None else [KEY_HEADER, PROBE_HEADER]
    return {"route": action, "request_headers_to_remove": taken_off}


def _seconds(value: float) -> str:
    return f"{value:g}s"


def _part(key: str, value: str) -> dict[str, Any]:
    return {"generic_key": {"descriptor_key": key, "descriptor_value": value}}


def _limits(routes: Sequence[Route]) -> Iterator[tuple[str, str, tuple[int, float]]]:
    """Yield what is limited, its name and its limit: a bucket for an endpoint, and one for each key, old and new values alike."""
    for route in routes:
        if route.rate:
            yield "endpoint", route.name, route.rate
        for name, key in sorted((route.keys or {}).items()):
            if key.rate:
                yield "key", f"{route.name}/{name}", key.rate


def _buckets(limits: Sequence[tuple[str, str, tuple[int, float]]]) -> dict[str, Any]:
    every = {"numerator": 100, "denominator": "HUNDRED"}
    descriptors = [
        {"entries": [{"key": kind, "value": name}], "token_bucket": _bucket(*limit)} for kind, name, limit in limits
    ]
    return {
        "@type": f"{_TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rate",
        "token_bucket": {"max_tokens": 2**32 - 1, "tokens_per_fill": 2**32 - 1, "fill_interval": _seconds(_FILL)},
        "always_consume_default_token_bucket": False, "rate_limited_as_resource_exhausted": True, "descriptors": descriptors,
        "filter_enabled": {"default_value": every}, "filter_enforced": {"default_value": every},
    }  # fmt: skip


def _bucket(count: int, seconds: float) -> dict[str, Any]:
    """Return a token bucket that holds one period's worth, filled evenly where that is more than a token each 50 ms."""
    interval, tokens = seconds, count
    if count / seconds >= 1 / _FILL:
        interval, tokens = _FILL, max(1, round(count / seconds * _FILL))
    return {"max_tokens": count, "tokens_per_fill": tokens, "fill_interval": _seconds(interval)}


def keys_of(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return endpoint -> the keys that a table of routes lets in, each once, in their order."""
    found: dict[str, dict[str, None]] = {}
    for one in table.get("resources", ()):
        for entry in one["virtual_hosts"][0]["routes"]:
            if envoy_grpc.endpoint_of(entry["match"]) is not None:
                continue
            for header in entry["match"].get("headers", ()):
                if header["name"] == KEY_HEADER:
                    endpoint, key = entry["match"]["prefix"].strip("/"), header["string_match"]["exact"]
                    found.setdefault(endpoint, {})[key] = None
    return {endpoint: list(keys) for endpoint, keys in found.items()}
