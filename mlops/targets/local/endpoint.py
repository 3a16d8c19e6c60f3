"""What an endpoint is on this machine.

Lives here: LocalEndpoint.
Not here: moving traffic (rollout), the processes (versions), how they are doing (endpoint_status), what goes on without an apply
(controller) and what a plan says of it (ongoing).
Law: what is live is what the endpoint's file says; a process is restarted only where its version is another.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.context.status import Status
from mlops.engine.resource import Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import guard_seconds
from mlops.rollout.version_identity import log_settings, served_outputs, version_key
from mlops.targets.local.controller import controller_name, controller_program, is_controlled
from mlops.targets.local.endpoint_status import replicas_of, status_of
from mlops.targets.local.gate import gate_of
from mlops.targets.local.host import Host, newest
from mlops.targets.local.ongoing import begun, rollout_attention
from mlops.targets.local.versions import Versions

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import Endpoint


class LocalEndpoint:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None or desired is None:
            return Observed(record, exists=record is not None)
        wrong = self._fault(address, record)
        attention = rollout_attention(address, self._versions(address, record.inputs["stack"]), record)
        if wrong is None:
            return Observed(record, attention=attention)
        text, effect = wrong
        return Observed(record, stale=(Stale(Reason(text), effect),), attention=attention)

    def _fault(self, address: Address, record: Record) -> tuple[str, Effect] | None:
        """Say what is not as it was recorded, and what putting it right means."""
        redeploy, rescale = effect_of(Category.REDEPLOY), effect_of(Category.RESCALE)
        try:
            versions = self._versions(address, record.inputs["stack"])
            state = versions.read()
        except MlopsError as error:
            return error.problems[0].detail, redeploy
        live, recorded = state.live, record.outputs.get("version")
        if live is None:
            return "no version is live", redeploy
        rolling = state.rolling
        if rolling is None or recorded not in (live, rolling.candidate):
            if (back := state.reversal) is not None and live == back.to_version != recorded:
                who = "its guard took traffic back from" if back.was_live else "its rollout gave up"
                return f"{who} {back.from_version}: {back.why}", redeploy
            if live != recorded:
                return f"{live} is live, and {recorded} was recorded", redeploy
        if rolling is not None and not is_controlled(versions):
            return f"nothing carries on the rollout of {rolling.candidate}", rescale
        warm = state.guarding.previous if state.guarding else None
        if state.others((live, warm)) and not is_controlled(versions):
            return "an interrupted rollout left a second version", redeploy
        if (strays := versions.strays(state.versions)) and not is_controlled(versions):
            return f"an interrupted rollout left something of {', '.join(strays)} behind", rescale
        if state.gate.get("key"):
            return "its key stands in a file in the clear, as an older version wrote it", effect_of(
                Category.RECONFIGURE
            )
        if warm and not is_controlled(versions):
            return "its guard does not run", rescale
        wanted, running = replicas_of(state, record), versions.running(live)
        if running != wanted:
            return f"{running} of {wanted} replicas run", rescale
        silent = len(versions.silent(live, wanted))
        return (f"{silent} of {wanted} replicas gives no answer", rescale) if silent else None

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        endpoint: Endpoint = typed(desired.effective)
        if endpoint.rollout.guard is None or category != Category.REDEPLOY or record is None:
            return ()
        lasts = guard_seconds(endpoint.rollout)
        return (
            f"the version before stays warm for {lasts:g} s, and gets all traffic back where judges find against the new one",
        )

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        endpoint: Endpoint = typed(step.desired.effective)
        package = step.upstream[Address("package", endpoint.package)]
        stack = step.upstream[Address("stack", endpoint.stack)]
        log = log_settings(endpoint)
        versions = replace(self._versions(step.address, endpoint.stack), log=log)
        key = version_key(package["digest"], log, step.address.name)
        gate = gate_of(endpoint, self.context.root, self.context.paths.secrets, versions.read().gate, time.time())
        policy = json.loads(json.dumps(endpoint.rollout, default=dict))
        is_guarded = endpoint.rollout.guard is not None and step.restore is None
        rollout = Rollout(
            versions,
            endpoint.rollout,
            step.say,
            at_once=step.restore is not None and step.restore.at_once,
            goes_back=step.restore is not None,
            guard=policy if is_guarded else None,
            leaves=None if step.waits else policy,
        )
        supervisor, controller = versions.host.supervisor, controller_program(versions)
        if versions.read().rolling is not None:
            supervisor.take(controller.name)  # it works for as long as a step lasts; what it was at stands in the file
        with versions.exclusive():
            if not step.waits:
                supervisor.put(
                    controller
                )  # before the file gives it work, so that an apply killed here leaves none undone
            body = {"bento": package["bento"], "log": log}
            version, note = rollout.converge(key, body, endpoint.replicas, gate)
            state = versions.read()
            if state.guarding is None and state.rolling is None:
                supervisor.take(controller.name)
            else:
                supervisor.put(controller)
        if state.rolling is not None:
            note = begun(versions, version)
        outputs = {
            "url": f"{stack['address']}/{step.address.name}", "version": version, "weights": {version: 100},
            "replicas": endpoint.replicas, **served_outputs(key, package, endpoint.stack),
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        versions = self._versions(step.address, step.recorded.inputs["stack"])
        versions.host.supervisor.take(controller_name(versions.name))
        with versions.exclusive():
            if versions.route_file.exists():
                versions.write(versions.read().withdrawn())
            self._publish(versions.host)
            for version in versions.strays(known=()):
                versions.drop(version)
            versions.route_file.unlink(missing_ok=True)
            self._publish(versions.host)
        shutil.rmtree(versions.folder, ignore_errors=True)

    def status(self, record: Record) -> Status:
        return status_of(self._versions(record.address, record.outputs["stack"]), record)

    def logs(self, record: Record) -> tuple[Path, ...]:
        host = Host(self.context.paths, record.outputs["stack"])
        name = record.address.name
        return newest([*host.logs.glob(f"{name}-v*.log"), *host.logs.glob(f"{controller_name(name)}.log")])

    def _publish(self, host: Host) -> None:
        if host.gateway.is_ready():
            host.publish()

    def _versions(self, address: Address, stack: str) -> Versions:
        return Versions(Host(self.context.paths, stack), address.name)
