"""Run versions of an endpoint.

Lives here: Versions, the Fleet of this machine: the file of one endpoint, the processes of each version.
Not here: which version gets what share (rollout).
Law: a version is in the file before its first process starts, and is taken out after its last one ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from mlops.contracts.names import GRPC_SUFFIX, PROBE_HEADER
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.evidence import Counts, Pair
from mlops.rollout.state import RolloutState
from mlops.targets.local.compared_rows import Ask, compared_rows, golden_rows, logged_rows
from mlops.targets.local.files import read_mapping, write_private
from mlops.targets.local.host import Host, end_of
from mlops.targets.local.keeper import GATEWAY
from mlops.targets.local.labelled_answers import LogReader
from mlops.tools.supervisor import Program
from mlops.tools.unix_http import ask

_PATIENCE = 2.0
"""Seconds that a replica has for one answer."""
_PROBE = {PROBE_HEADER: "1"}
"""What is asked for a judgement is no traffic: it would look like drift."""


@dataclass(frozen=True)
class Versions:
    """`log`: {sample, flush, keep} of the prediction log, None for none; of a version that does not say its own. `grace`: seconds a process may take to end."""

    host: Host
    name: str
    log: Mapping[str, Any] | None = None
    grace: float = 10.0

    @property
    def folder(self) -> Path:
        return self.host.endpoint(self.name)

    @property
    def log_folder(self) -> Path:
        return self.folder / "log"

    @property
    def route_file(self) -> Path:
        """RolloutState as JSON; a version's body is {bento, log, sockets}, the gate {auth, rate}; with it `rolling`, what goes on without
        an apply, `guarding`, what is watched after its rollout, and `reversal`, what was taken back. `auth` names the secret that clients send, and holds a digest of it; a version before this one wrote the `key` itself."""
        return self.folder / "route.json"

    def read(self) -> RolloutState:
        return RolloutState.from_json({"auth": None, "rate": None, **read_mapping(self.route_file)})

    def write(self, state: RolloutState) -> None:
        write_private(self.route_file, state.to_json())

    @contextlib.contextmanager
    def exclusive(self, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes, an apply or a controller, from changing the endpoint meanwhile; yield whether that is so. One that is
        killed lets go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "changing.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def publish(self, state: RolloutState) -> None:
        self.write(state)
        self.host.publish()

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        body = {"sockets": [], **state.versions[version].body}
        self.write(state.with_version(version, body=body))
        kept = replace(self, log=body.get("log", self.log))
        for index in range(replicas):
            kept.put(version, index, body["bento"])
        self.wait_ready(version, range(replicas), timeout)
        sockets = [str(self.socket(version, index)) for index in range(replicas)] + body["sockets"][replicas:]
        return state.with_version(version, body={**body, "sockets": sockets})

    def shrink(self, state: RolloutState, version: str, replicas: int, drain: float) -> RolloutState:
        body = state.versions[version].body
        before = max(len(body["sockets"]), self.running(version))
        if before > replicas:
            state = state.with_version(version, body={**body, "sockets": body["sockets"][:replicas]})
            self.publish(state)
            time.sleep(drain)
        for index in range(replicas, before):
            self.take(version, index)
        return state

    def counts(self, version: str) -> Counts:
        """As the gateway sees them, and with them the clients."""
        counted, within = self.host.gateway.counters(f"{self.name}-{version}")
        names = ("total", "completed", "4xx", "5xx", "active")
        started, answered, refused, failed, waiting = (counted.get(f"upstream_rq_{name}", 0.0) for name in names)
        return Counts(started, answered, refused, failed, waiting, within)

    def counter_id(self) -> str:
        state = self.host.states().get(GATEWAY)
        return str(state.pid) if state is not None else ""

    def compare(self, live: str, candidate: str, known: Collection[str], most: int) -> Mapping[str, Pair]:
        def ask_one(version: str) -> Ask:
            socket = self.socket(version, 0)
            return lambda body: ask(socket, "/predict", body=body, timeout=_PATIENCE, headers=_PROBE)

        bento = Path(str(self.read().versions[live].body["bento"]))
        rows = chain(golden_rows(bento), logged_rows(self.log_folder, live))
        return compared_rows(rows, (ask_one(live), ask_one(candidate)), known, most)

    def labelled_answers(self, since: float) -> LogReader:
        return LogReader(self.log_folder, since)

    def ask_golden(self, version: str) -> str | None:
        body = self.read().versions[version].body
        rows = json.loads((Path(body["bento"]) / "golden.json").read_text())["rows"]
        request = json.dumps({"rows": rows}).encode()
        for index, _ in enumerate(body["sockets"]):
            status, answer = ask(self.socket(version, index), "/predict", body=request, timeout=10.0, headers=_PROBE)
            if status != 200:
                return f"the golden request got {status}: {answer[:200].decode(errors='replace')}"
        return None

    def program(self, version: str, index: int) -> str:
        return f"{self.name}-{version}-{index}"

    def socket(self, version: str, index: int) -> Path:
        return self.host.sockets / f"{self.program(version, index)}.sock"

    def put(self, version: str, index: int, bento: str) -> None:
        """Start one replica; idempotent."""
        from mlops.contracts.codec import encode
        from mlops.contracts.server import LogConfig, ServerConfig

        folder = self.folder / "versions" / version
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / f"{index}.json"
        kept = dict(self.log) if self.log else {}
        size, body = kept.pop("size", None), kept.pop("body", None)
        settings = ServerConfig(
            bento=bento, uds=str(self.socket(version, index)), version=version, grace=self.grace,
            log=LogConfig(dir=str(self.log_folder), **kept) if kept else None, log_size=size, log_body=body,
        )  # fmt: skip
        config.write_text(encode(settings, indent=1))
        if self._is_silent(version, index):
            self.host.supervisor.kill(self.program(version, index))
        source = str(Path(bento).parent)
        self.host.supervisor.put(
            Program(
                self.program(version, index), [sys.executable, "-m", "mlops.workloads.serving.server", str(config)],
                self.host.logs / f"{self.program(version, index)}.log", cwd=Path(source),
                env={"PYTHONPATH": source, "PYTHONUNBUFFERED": "1"}, stop_timeout=self.grace,
            )
        )  # fmt: skip

    def take(self, version: str, index: int) -> None:
        self.host.supervisor.take(self.program(version, index))
        for suffix in ("", GRPC_SUFFIX):
            Path(f"{self.socket(version, index)}{suffix}").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (self.folder / "versions" / version / f"{index}.json").unlink()

    def drop(self, version: str) -> None:
        """Stop all of a version; idempotent."""
        prefix = f"{self.name}-{version}-"
        for name in [n for n in self.host.supervisor.states() if n.startswith(prefix)]:
            self.take(version, int(name.removeprefix(prefix)))
        shutil.rmtree(self.folder / "versions" / version, ignore_errors=True)

    def wait_ready(self, version: str, indexes: range, timeout: float) -> None:
        """Raises MlopsError with the end of the log where one gives up, or none answers in time."""
        until = time.monotonic() + timeout
        for index in indexes:
            name = self.program(version, index)
            log = self.host.logs / f"{name}.log"
            while not self.is_ready(version, index):
                states = self.host.supervisor.states()
                if not states:
                    raise ToolFailed.of(
                        "supervisor gives no answer", f"Nobody can say how {version} of {self.name} starts."
                    )
                state = states.get(name)
                if state is None or state.name == "FATAL" or time.monotonic() > until:
                    why = "gave up" if state and state.name == "FATAL" else f"was not ready in {timeout:.0f} s"
                    raise MlopsError.of(
                        "version does not start",
                        f"{version} of {self.name} {why}; no traffic reached it, and what was live stays live. The end of its "
                        f"log ({log}):\n{end_of(log)}",
                    )
                time.sleep(0.05)

    def is_ready(self, version: str, index: int) -> bool:
        try:
            return ask(self.socket(version, index), "/readyz", timeout=1.0)[0] == 200
        except OSError:
            return False

    def silent(self, version: str, replicas: int) -> list[int]:
        """Return the numbers of the replicas that take a request and do not answer it."""
        with ThreadPoolExecutor(replicas) as pool:
            asked = pool.map(lambda index: self._is_silent(version, index), range(replicas))
            return [index for index, is_silent in enumerate(asked) if is_silent]

    def _is_silent(self, version: str, index: int) -> bool:
        try:
            ask(self.socket(version, index), "/livez", timeout=_PATIENCE)
        except TimeoutError:
            return True
        except OSError:
            return False
        return False

    def strays(self, known: Collection[str]) -> list[str]:
        """Versions that still have processes or files and that the file no longer knows: an apply was killed between."""
        pattern = re.compile(rf"{re.escape(self.name)}-(v\d+)-\d+")
        found = (pattern.fullmatch(name) for name in self.host.states())
        there = {one[1] for one in found if one} | {path.name for path in (self.folder / "versions").glob("v*")}
        return sorted(there - set(known))

    def running(self, version: str) -> int:
        """Count the replicas of a version that run. In its first second the supervisor does not yet say so of one that answers."""
        states = self.host.states()
        found = {index: states.get(self.program(version, index)) for index in range(len(states))}
        return sum(
            state is not None
            and (state.name == "RUNNING" or (state.name == "STARTING" and self.is_ready(version, index)))
            for index, state in found.items()
        )
