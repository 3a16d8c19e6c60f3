"""Hold a local stack together.

Lives here: Host: the supervisor and the gateway of one stack, and the files of its endpoints.
Not here: rolling a version out (rollout).
Law: the gateway's tables are made from the endpoints' files and from nothing else.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlops
from mlops.context.paths import ProjectPaths
from mlops.contracts.names import ANSWER_TIMEOUT
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.state import RolloutState
from mlops.targets.local.files import read_mapping
from mlops.targets.local.gate import issuer_of, keys_now
from mlops.targets.local.keeper import GATEWAY, GATEWAY_SOCKET
from mlops.targets.local.quota import spent_keys
from mlops.targets.local.watch import KEEPER, end_watch, is_watched, service_unit
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import MERGED_METRICS, Route, RoutingTable, Tls, TokenIssuer
from mlops.tools.envoy_split import TrafficSplit
from mlops.tools.process import beside_python, port_is_free, tail
from mlops.tools.supervisor import ProcessState, Program, Supervisor

_MOST_LOGS = 6
_TO_BIND = 2.0
"""Seconds in which Envoy opens its port."""
TO_ANSWER = 2.0
"""Seconds that supervisord has to answer somebody who only looks."""
GATEKEEPER = "gatekeeper"
"""Name of the program that keeps the gate: overlaps, quotas and the merged metrics."""
SERVICE = "stack.service"
"""The unit of systemd that starts the stack with the machine; it counts once somebody enables it."""
PARENT_DEATH = Path(mlops.__file__).parent / "workloads" / "parent_death.py"
_locks: dict[Path, threading.RLock] = {}


@dataclass(frozen=True)
class Host:
    paths: ProjectPaths
    stack: str

    @property
    def folder(self) -> Path:
        return self.paths.run(self.stack)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def sockets(self) -> Path:
        return self.paths.sockets(self.stack)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.folder, self.sockets / "supervisor.sock")

    def states(self) -> dict[str, ProcessState]:
        """Return the states of the programs as far as supervisord gives them at once."""
        try:
            return self.supervisor.states(timeout=TO_ANSWER)
        except TimeoutError:
            return {}

    @property
    def gateway(self) -> EnvoyGateway:
        return EnvoyGateway(self.folder / "gateway", self.sockets / GATEWAY_SOCKET)

    def endpoint(self, name: str) -> Path:
        return self.folder / "endpoints" / name

    def start(
        self, host: str, port: int, *, log_size: int, log_files: int, stop_timeout: float, tls: Tls | None = None
    ) -> None:
        """Idempotent. Raises ToolFailed where a program does not come up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        self.supervisor.start()
        self.gateway.prepare(host, port, tls)
        command = [sys.executable, str(PARENT_DEATH), *self.gateway.command(beside_python("envoy"))]
        log = self.logs / "gateway.log"
        self.supervisor.put(
            Program(GATEWAY, command, log, stop_timeout=stop_timeout, log_size=log_size, log_files=log_files)
        )
        self._start_keeper()
        started = time.monotonic()
        until = started + 20
        while not (self.gateway.is_ready() and self.gateway.listens(port)):
            state = self.supervisor.states().get(GATEWAY)
            if self.gateway.is_ready() and time.monotonic() > started + _TO_BIND and not port_is_free(host, port):
                raise port_taken(self.stack, host, port)
            if time.monotonic() > until or (state and state.name == "FATAL"):
                raise ToolFailed.of(
                    "gateway does not start",
                    f"Envoy did not come up on {host}:{port}. The end of its log:\n{end_of(log)}",
                )
            time.sleep(0.05)
        while not is_watched(self.folder):
            if time.monotonic() > until:
                raise ToolFailed.of(
                    "stack is not watched",
                    f"Its keeper did not start. The end of its log:\n{end_of(self.logs / f'{KEEPER}.log')}",
                )
            time.sleep(0.05)
        self.publish()

    def _start_keeper(self) -> None:
        words = [sys.executable, "-m", "mlops.targets.local.keeper", f"{self.folder}/", str(self.sockets)]
        self.supervisor.put(Program(KEEPER, words, self.logs / f"{KEEPER}.log", cwd=self.paths.root))
        words = [
            sys.executable, str(PARENT_DEATH), sys.executable, "-m", "mlops.targets.local.gatekeeper", f"{self.folder}/",
            str(self.paths.root), self.paths.environment, self.stack,
        ]  # fmt: skip
        self.supervisor.put(Program(GATEKEEPER, words, self.logs / f"{GATEKEEPER}.log", cwd=self.paths.root))
        (self.folder / SERVICE).write_text(service_unit(self.folder.absolute(), self.sockets))

    def stop(self) -> None:
        self.supervisor.take(KEEPER)
        (self.folder / "supervisord.conf").unlink(missing_ok=True)
        end_watch(self.folder)
        self.supervisor.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)
        for part in ("gateway", "programs", "logs"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        for name in (
            "supervisord.conf",
            "supervisord.pid",
            "starting.lock",
            "publishing.lock",
            "watch.lock",
            "metrics.json",
            SERVICE,
        ):
            (self.folder / name).unlink(missing_ok=True)
        for folder in (self.folder / "endpoints", self.folder, self.folder.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def publish(self) -> None:
        """Give the gateway the tables that the endpoints' files say. Raises ToolFailed."""
        with self.locked(), (self.folder / "publishing.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a guard publishes too
            routes: list[Route] = []
            issuers: dict[str, TokenIssuer] = {}
            of_all: set[str] = set()
            in_force, now = self.gateway.keys(), time.time()
            clusters: dict[str, list[str]] = {MERGED_METRICS: [str(self.sockets / f"{GATEKEEPER}.sock")]}
            for path in sorted((self.folder / "endpoints").glob("*/route.json")):
                state, name = RolloutState.from_json(read_mapping(path)), path.parent.name
                for version, one in state.versions.items():
                    if one.body.get("sockets"):
                        clusters[f"{name}-{version}"] = one.body["sockets"]
                split = _split(name, state, clusters)
                grpc = _speak_grpc(name, state, clusters)
                of_all |= grpc
                weights = {f"{name}-{v}": share for v, share in state.weights.items() if f"{name}-{v}" in clusters}
                route = self._route(name, state, weights, in_force.get(name, ()), now, split)
                routes.append(replace(route, grpc=grpc))
                if (issuer := issuer_of(state.gate)) is not None:
                    issuers[name] = issuer
            self.gateway.trust(issuers)
            self.gateway.put(RoutingTable(tuple(routes), clusters, of_all))

    def _route(
        self,
        name: str,
        state: RolloutState,
        weights: Mapping[str, int],
        in_force: Iterable[str],
        now: float,
        split: TrafficSplit,
    ) -> Route:
        if not any(weights.values()):
            return Route(name, weights)
        rate = state.gate.get("rate")
        keys = keys_now(name, state.gate, self.paths.secrets, in_force, spent_keys(self.endpoint(name), now), now)
        return Route(
            name, weights, keys, state.gate.get("jwt") is not None, (int(rate[0]), float(rate[1])) if rate else None,
            max(answer_timeout(one.body) for one in state.versions.values()), split,
        )  # fmt: skip

    @contextmanager
    def locked(self) -> Iterator[None]:
        with _locks.setdefault(self.folder, threading.RLock()):
            yield


def _split(name: str, state: RolloutState, clusters: dict[str, list[str]]) -> TrafficSplit:
    """Return what is special while several versions of an endpoint answer, and add the clusters of those who ask for one."""
    there = [version for version in state.versions if f"{name}-{version}" in clusters]
    if len(there) < 2:
        return TrafficSplit()
    others = [version for version in there if version != state.live]
    asked = {version: f"{name}-{version}-asked" for version in there}
    for version, cluster in asked.items():
        clusters[cluster] = clusters[f"{name}-{version}"]
    known = {**asked, "candidate": asked[others[-1]], **({"live": asked[state.live]} if state.live in asked else {})}
    routing = state.routing if state.routing is not None and state.routing.candidate in there else None
    if routing is None:
        return TrafficSplit(asked=known)
    mirror = f"{name}-{routing.candidate}" if routing.mirrored else None
    return TrafficSplit(mirror, routing.assigned, routing.header, routing.cookie, known)


def _speak_grpc(name: str, state: RolloutState, clusters: Mapping[str, Any]) -> set[str]:
    """Return those clusters of an endpoint whose version speaks gRPC."""
    speaking = [version for version, one in state.versions.items() if _interface(one.body).get("grpc")]
    return {one for version in speaking for one in (f"{name}-{version}", f"{name}-{version}-asked") if one in clusters}


def answer_timeout(body: Mapping[str, Any]) -> float:
    """Return how many seconds a version may take to answer, as its bento says."""
    try:
        return float(_interface(body).get("timeout", ANSWER_TIMEOUT))
    except (TypeError, ValueError):
        return ANSWER_TIMEOUT


def _interface(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the bento of a version says of how it answers; nothing where that cannot be read."""
    try:
        said: dict[str, Any] = json.loads((Path(body["bento"]) / "api.json").read_text())
    except (KeyError, OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


class PortTaken(MlopsError):
    """Another program listens where the gateway should."""


def port_taken(stack: str, host: str, port: int) -> PortTaken:
    return PortTaken.of(
        "port is taken",
        f"Another program listens on {host}:{port}. End it, or choose another port in conf/stack/{stack}.yaml.",
    )


def newest(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the few that were written last, in the order of their names."""
    return tuple(sorted(sorted(paths, key=lambda path: path.stat().st_mtime)[-_MOST_LOGS:]))


def end_of(path: Path) -> str:
    try:
        return tail(path.read_text(errors="replace")) or "(empty)"
    except OSError:
        return f"(there is none: {path} was not written)"
