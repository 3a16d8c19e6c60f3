"""What a stack is on this machine.

Lives here: LocalStack.
Not here: the programs (tools), what runs on it (endpoint, monitor).
Law: a port that was chosen once is kept; a supervisor that died is replaced without an orphan left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mlops.address import Address
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.engine.resource import Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.targets.local.host import Host, PortTaken, port_taken
from mlops.tools.process import free_port, port_is_free

FIRST_PORT = 8080
_DEFAULTS: Mapping[str, Any] = {
    "host": "127.0.0.1", "port": "auto", "log_size": "10M", "log_files": 3, "stop_timeout": "10s",
}  # fmt: skip


class LocalStack:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None or desired is None:
            return Observed(record, exists=record is not None)
        host = self._host(address)
        mends = Effect(Category.PROVISION.value, Category.PROVISION.rank, keeps=True)
        if not host.supervisor.is_up():
            return Observed(record, stale=(Stale(Reason("its supervisor does not run"), mends),))
        if not host.gateway.is_ready():
            return Observed(record, stale=(Stale(Reason("its gateway does not answer"), mends),))
        if not host.gateway.listens(int(record.outputs["port"])):
            return Observed(record, stale=(Stale(Reason("its gateway has no port"), mends),))
        if not host.gateway.is_whole():
            return Observed(record, stale=(Stale(Reason("a file of its gateway is damaged"), mends),))
        return Observed(record)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        from mlops.config.schema.units import parse_duration, parse_size

        assert step.desired is not None
        told = {**_DEFAULTS, **step.desired.inputs}
        before = step.recorded.outputs if step.recorded else {}
        host = self._host(step.address)
        address = str(told["host"])
        port = self._port(told["port"], address, before)
        if not host.supervisor.is_up():
            host.supervisor.end_orphans()
        is_given = told["port"] != "auto" or before.get("port") is not None
        if (
            is_given
            and before.get("port") != port
            and not port_is_free(address, port)
            and not host.gateway.listens(port)
        ):
            raise port_taken(step.address.name, address, port)
        step.say("starting the supervisor and the gateway", 0.3)
        while True:
            try:
                host.start(
                    address, port, log_size=parse_size(told["log_size"]), log_files=int(told["log_files"]),
                    stop_timeout=parse_duration(told["stop_timeout"]),
                )  # fmt: skip
                break
            except PortTaken:
                if is_given:
                    raise
                port = free_port(address, port + 1)  # two applies looked at the same moment
        digest = hashlib.sha256(f"{address}:{port}".encode()).hexdigest()
        outputs = {"digest": digest, "address": f"http://{address}:{port}", "host": address, "port": port}
        return Outcome(outputs, f"gateway on {outputs['address']}")

    def _port(self, wanted: Any, host: str, before: Mapping[str, Any]) -> int:
        if wanted != "auto":
            return int(wanted)
        if before.get("port"):
            return int(before["port"])
        return free_port(host, FIRST_PORT)

    def delete(self, step: Step) -> None:
        self._host(step.address).stop()

    def _host(self, address: Address) -> Host:
        return Host(self.context.paths, address.name)
