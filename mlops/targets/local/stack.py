"""What a stack is on this machine.

Lives here: LocalStack.
Not here: the programs (tools), what runs on it (endpoint, monitor).
Law: a port that was chosen once is kept; a supervisor that died is replaced without an orphan left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.status import Status
from mlops.engine.resource import Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.targets.local.certificates import tls_file
from mlops.targets.local.gate import tls_of
from mlops.targets.local.host import GATEKEEPER, TO_ANSWER, Host, PortTaken, newest, port_taken
from mlops.targets.local.watch import KEEPER, is_watched
from mlops.tools.process import beside_python, free_port, port_is_free

if TYPE_CHECKING:
    from mlops.config.schema.targets.local import Local

FIRST_PORT = 8080
_OWN = {KEEPER: "replaces what hangs", GATEKEEPER: "counts what clients use"}
_PROGRAMS = ("supervisord", "envoy")


class LocalStack:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if desired is None:
            return Observed(record, exists=record is not None)
        found = self._found(address, record)
        return replace(found, obstacles=tuple(self._obstacles(address, typed(desired.effective), record)))

    def _obstacles(self, address: Address, stack: Local, record: Record | None) -> Iterator[str]:
        """Say why the stack could not be started as things stand."""
        missing = [name for name in _PROGRAMS if which(beside_python(name)) is None]
        if missing:
            yield f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed here: pip install 'mlops[local]'."
        port = stack.port
        if isinstance(port, int) and (record is None or record.outputs.get("port") != port):
            host = self._host(address)
            if not port_is_free(stack.host, port) and not host.gateway.listens(port):
                yield port_taken(address.name, stack.host, port).problems[0].detail

    def _found(self, address: Address, record: Record | None) -> Observed:
        if record is None:
            return Observed(record, exists=False)
        host = self._host(address)
        mends = Effect(Category.PROVISION.value, Category.PROVISION.rank, keeps=True)
        if not host.supervisor.is_up(TO_ANSWER):
            return Observed(record, stale=(Stale(Reason("its supervisor does not run"), mends),))
        states = host.states()
        for name, what in _OWN.items():
            if name not in states or states[name].name not in ("RUNNING", "STARTING"):
                return Observed(record, stale=(Stale(Reason(f"its {name}, which {what}, does not run"), mends),))
        if not is_watched(host.folder):
            return Observed(record, stale=(Stale(Reason("nothing watches its supervisor"), mends),))
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
        assert step.desired is not None
        stack: Local = typed(step.desired.effective)
        before = step.recorded.outputs if step.recorded else {}
        host = self._host(step.address)
        address = stack.host
        port = self._port(stack.port, address, before)
        if not host.supervisor.is_up():
            host.supervisor.end_orphans()
        is_given = stack.port != "auto" or before.get("port") is not None
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
                    address, port, log_size=stack.log_size, log_files=stack.log_files, stop_timeout=stack.stop_timeout,
                    tls=tls_of(stack, self.context.root, self.context.paths.secrets),
                )  # fmt: skip
                break
            except PortTaken:
                if is_given:
                    raise
                port = free_port(address, port + 1)  # two applies looked at the same moment
        tls_file(host.folder, stack.tls, self.context.root)
        digest = hashlib.sha256(f"{address}:{port}".encode()).hexdigest()
        scheme = "http" if stack.tls is None else "https"
        outputs = {"digest": digest, "address": f"{scheme}://{address}:{port}", "host": address, "port": port}
        return Outcome(outputs, f"gateway on {outputs['address']}")

    def _port(self, wanted: Any, host: str, before: Mapping[str, Any]) -> int:
        if wanted != "auto":
            return int(wanted)
        if before.get("port"):
            return int(before["port"])
        return free_port(host, FIRST_PORT)

    def delete(self, step: Step) -> None:
        self._host(step.address).stop()

    def status(self, record: Record) -> Status:
        host = self._host(record.address)
        if not host.supervisor.is_up():
            return Status("its supervisor does not run; repair it: mlops apply", "missing")
        if not host.gateway.is_ready():
            return Status(f"its gateway does not answer; see: mlops logs {record.address}", "missing")
        running = sum(state.name == "RUNNING" for state in host.supervisor.states().values())
        return Status(f"{running} processes, gateway on {record.outputs['address']}")

    def logs(self, record: Record) -> tuple[Path, ...]:
        return newest(self._host(record.address).logs.glob("[gs][au]*.log"))

    def _host(self, address: Address) -> Host:
        return Host(self.context.paths, address.name)
