"""Run versions of an endpoint.

Lives here: Versions, the Fleet of this machine: the file of one endpoint, the processes of each version.
Not here: which version gets what share (kinds.rollout).
Law: a version is in the file before its first process starts, and is taken out after its last one ended.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.rollout.rollout import FRESH
from mlops.targets.local.host import Host, end_of, read_json, write_private
from mlops.tools.envoy import PROBE
from mlops.tools.supervisor import Program
from mlops.tools.unix_http import ask

_PROBE = {PROBE: "1"}
"""What is asked for a judgement is no traffic: it would look like drift."""


@dataclass(frozen=True)
class Versions:
    """`log`: what the prediction log is told, None for none. `grace`: seconds a process may take to end."""

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

    def read(self) -> dict[str, Any]:
        """What rollout.FRESH tells, with `bento` and `sockets` of each version, and the gate: {key, rate}."""
        fresh = {**FRESH, "versions": {}, "weights": {}, "key": None, "rate": None}
        return {**fresh, **read_json(self.folder / "route.json")}

    def write(self, told: Mapping[str, Any]) -> None:
        write_private(self.folder / "route.json", told)

    def publish(self, told: Mapping[str, Any]) -> None:
        self.write(told)
        self.host.publish()

    def start(self, told: dict[str, Any], version: str, replicas: int, timeout: float) -> None:
        one = told["versions"][version]
        one.setdefault("sockets", [])
        self.write(told)
        for index in range(replicas):
            self.put(version, index, one["bento"])
        self.wait_ready(version, range(replicas), timeout)
        kept = one["sockets"][replicas:]
        one["sockets"] = [str(self.socket(version, index)) for index in range(replicas)] + kept

    def shrink(self, told: dict[str, Any], version: str, replicas: int, drain: float) -> None:
        one = told["versions"][version]
        before = max(len(one["sockets"]), self.running(version))
        if before > replicas:
            one["sockets"] = one["sockets"][:replicas]
            self.publish(told)
            time.sleep(drain)
        for index in range(replicas, before):
            self.take(version, index)

    def counters(self, version: str) -> Mapping[str, float]:
        told = self.host.gateway.counters(f"{self.name}-{version}")
        names = {"upstream_rq_total": "requests", "upstream_rq_5xx": "failed", "p99_ms": "p99_ms"}
        return {names[name]: value for name, value in told.items() if name in names}

    def ask_golden(self, version: str) -> str | None:
        one = self.read()["versions"][version]
        rows = json.loads((Path(one["bento"]) / "golden.json").read_text())["rows"]
        body = json.dumps({"rows": rows}).encode()
        for index, _ in enumerate(one["sockets"]):
            status, answer = ask(self.socket(version, index), "/predict", body=body, timeout=10.0, headers=_PROBE)
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
        server = ServerConfig(
            bento=bento, uds=str(self.socket(version, index)), version=version, grace=self.grace,
            log=LogConfig(dir=str(self.log_folder), **self.log) if self.log else None,
        )  # fmt: skip
        config.write_text(encode(server, indent=1))
        source = str(Path(bento).parent)
        self.host.supervisor.put(
            Program(
                self.program(version, index), [sys.executable, "-m", "mlops.workloads.serving.server", str(config)],
                self.host.folder / "logs" / f"{self.program(version, index)}.log", cwd=Path(source),
                env={"PYTHONPATH": source, "PYTHONUNBUFFERED": "1"}, stop_timeout=self.grace,
            )
        )  # fmt: skip

    def take(self, version: str, index: int) -> None:
        self.host.supervisor.take(self.program(version, index))
        self.socket(version, index).unlink(missing_ok=True)
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
            log = self.host.folder / "logs" / f"{name}.log"
            starts = 0
            while not self.is_ready(version, index):
                state = self.host.supervisor.states().get(name)
                starts += state is not None and state.name == "BACKOFF"
                if state is None or state.name in ("FATAL", "EXITED") or time.monotonic() > until:
                    why = (
                        "gave up"
                        if state and state.name in ("FATAL", "EXITED")
                        else f"was not ready in {timeout:.0f} s"
                    )
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

    def strays(self, known: Collection[str]) -> list[str]:
        """Versions that still have processes or files and that the file no longer knows: an apply was killed between."""
        pattern = re.compile(rf"{re.escape(self.name)}-(v\d+)-\d+")
        found = (pattern.fullmatch(name) for name in self.host.supervisor.states())
        there = {one[1] for one in found if one} | {path.name for path in (self.folder / "versions").glob("v*")}
        return sorted(there - set(known))

    def running(self, version: str) -> int:
        """How many processes of a version the supervisor keeps running."""
        prefix = f"{self.name}-{version}-"
        states = self.host.supervisor.states()
        return sum(state.name == "RUNNING" for name, state in states.items() if name.startswith(prefix))
