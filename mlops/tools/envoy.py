"""Be the gateway, with Envoy.

Lives here: EnvoyGateway, which writes the documents that Envoy reads, sees them taken, and asks what Envoy counted.
Not here: what stands in them (envoy_documents), which versions get what share (targets.local, rollout).
Law: a file is replaced, never changed in place; a write counts once Envoy says that it took it.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.errors import ToolFailed
from mlops.tools.envoy_documents import (
    MERGED_METRICS,
    RoutingTable,
    Tls,
    TokenIssuer,
    bootstrap,
    clusters,
    keys_of,
    listener,
    route_table,
    tls_files,
    tls_in,
    token_filter,
)
from mlops.tools.envoy_grpc import by_class, cluster_of, stats_words
from mlops.tools.unix_http import ask

IsTaken = Callable[[str, Sequence[Mapping[str, Any]], Sequence[str]], bool]


class EnvoyGateway:
    """An Envoy that is configured by files. `folder`: its files (0600: they hold keys). `admin`: the socket that
    answers questions about it."""

    def __init__(self, folder: Path, admin: Path) -> None:
        self.folder, self.admin = folder, admin

    def command(self, program: str) -> list[str]:
        return [
            program, "-c", str(self.folder / "bootstrap.json"), "--concurrency", "1", "--disable-hot-restart",
            "--drain-time-s", "15", "--parent-shutdown-time-s", "20",
            "--reject-unknown-dynamic-fields", "--log-level", "warning",
        ]  # fmt: skip

    def prepare(self, host: str, port: int, tls: Tls | None = None) -> None:
        """Write what Envoy starts with, and takes up where it runs. Routes and clusters that exist already stay as they are."""
        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._write("bootstrap.json", bootstrap(self.folder, self.admin))
        if tls is not None:
            self.secure(tls)
        self._listen(listener(self.folder, host, port, tls, self._tokens() or token_filter({})))
        for name, first in (("clusters.json", []), ("routes.json", [route_table(())])):
            if not self._read(name):
                self._write(name, {"version_info": "1", "resources": first})

    def _listen(self, listening: dict[str, Any]) -> None:
        if self._read("listeners.json").get("resources") != [listening]:
            self._write("listeners.json", {"version_info": str(time.time_ns()), "resources": [listening]})

    def _tokens(self) -> dict[str, Any]:
        """Return the filter that checks tokens, as the gateway's file says it now."""
        for one in self._read("listeners.json").get("resources", ()):
            for each in one["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]:
                if each["name"] == "jwt":
                    return dict(each["typed_config"])
        return {}

    def trust(self, issuers: Mapping[str, TokenIssuer]) -> None:
        """Take the tokens of these issuers, each for its endpoint."""
        wanted = token_filter(issuers)
        for one in self._read("listeners.json").get("resources", ()):
            filters = one["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
            others = [each for each in filters if each["name"] != "jwt"]
            filters[:] = [{"name": "jwt", "typed_config": wanted}, *others]
            self._listen(one)

    def secure(self, tls: Tls) -> None:
        """Write the certificates; Envoy takes them up without losing a connection."""
        for name, resources in tls_files(tls).items():
            if self._read(name).get("resources") != resources:
                self._write(name, {"version_info": str(time.time_ns()), "resources": resources})

    def renew(self, parts: Mapping[str, str]) -> bool:
        """Give other certificates to a gateway that speaks TLS, and say whether any was another. `parts`: of certificate, key and
        client_ca those that are known, as PEM."""
        known = tls_in(self._read("certificate.json"), self._read("clients.json"))
        if known is None or (newer := replace(known, **parts)) == known:
            return False
        self.secure(newer)
        return True

    def is_whole(self) -> bool:
        """Say whether the files can be read that Envoy would start from again."""
        return all(self._read(name) for name in ("bootstrap.json", "listeners.json", "clusters.json", "routes.json"))

    def keys(self) -> dict[str, list[str]]:
        """Return the keys that each route lets in, as the gateway's file says it now."""
        return keys_of(self._read("routes.json"))

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
        wanted = clusters(table)
        names = {one["name"] for one in wanted}
        there = [one for one in self._read("clusters.json").get("resources", ()) if one["name"] not in names]
        self._put("clusters.json", [*wanted, *there], self._has_clusters, timeout)
        self._put(
            "routes.json",
            [route_table(table.routes, is_measured=MERGED_METRICS in table.clusters)],
            self._has_routes,
            timeout,
        )
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
        kinds = f"^cluster\\.{cluster}(-grpc)?\\.{names}$|{stats_words(cluster)}"
        try:
            found = self._stats(f"histogram_buckets=cumulative&filter={kinds}")
            counted: defaultdict[str, float] = defaultdict(float)
            for one in (one for one in found if "name" in one and ".grpc." not in one["name"]):
                kind = one["name"].rpartition(".")[2]
                # Of calls, the status that the gateway makes up counts among those of gRPC.
                if not (kind.endswith("xx") and one["name"].startswith(f"cluster.{cluster_of(cluster)}.")):
                    counted[kind] += float(one["value"])
            for kind, value in by_class(found).get(cluster, {}).items():
                counted[f"upstream_rq_{kind}"] += value
            within: defaultdict[float, float] = defaultdict(float)
            for one in found:
                for each in one.get("histograms", ()):
                    for bucket in each["buckets"]:
                        within[float(bucket["upper_bound"])] += float(bucket["cumulative"])
            return dict(counted), dict(within)
        except (OSError, ValueError, KeyError, TypeError):
            return {}, {}

    def answered(self) -> dict[str, tuple[int, int]]:
        """Return cluster -> answers, and those of 5xx, since Envoy started; empty where it gives no answer."""
        try:
            stats = self._stats(f"filter=^cluster\\..*\\.upstream_rq_(completed|5xx)$|{stats_words('.*')}")
        except (OSError, ValueError, KeyError):
            return {}
        counted = {
            one["name"].removeprefix("cluster."): int(one["value"]) for one in stats if ".grpc." not in one["name"]
        }
        calls = by_class(stats)
        names = {name.rpartition(".")[0] for name in counted}
        return {
            name: (
                sum(counted.get(f"{one}.upstream_rq_completed", 0) for one in (name, cluster_of(name))),
                counted.get(f"{name}.upstream_rq_5xx", 0) + int(calls.get(name, {}).get("5xx", 0)),
            )
            for name in names
        }

    def _stats(self, words: str) -> list[dict[str, Any]]:
        """Raises OSError, ValueError, KeyError where Envoy gives no answer."""
        found: list[dict[str, Any]] = json.loads(ask(self.admin, f"/stats?format=json&{words}")[1])["stats"]
        return found

    def key_counters(self) -> dict[tuple[str, str], float]:
        """Return how many requests of each key Envoy sent on since it started, by (route, key); empty where it gives no answer."""
        words = "format=json&filter=^vhost\\.all\\.route\\..*\\.upstream_rq_total$"
        try:
            stats = json.loads(ask(self.admin, f"/stats?{words}")[1])["stats"]
        except (OSError, ValueError, KeyError):
            return {}
        parts = [(one["name"].removeprefix("vhost.all.route.").split("."), float(one["value"])) for one in stats]
        return {(words[0], words[1]): value for words, value in parts if len(words) == 3}

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
