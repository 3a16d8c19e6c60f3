"""What an endpoint is on this machine.

Lives here: LocalEndpoint.
Not here: moving traffic (rollout), the processes (versions), how they are doing (endpoint_status).
Law: what is live is what the endpoint's file says; a process is restarted only where its version is another.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.context.secrets import key_reference, secret_name, unseal
from mlops.context.status import Status
from mlops.engine.resource import Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.rollout.rollout import Rollout
from mlops.rollout.version_identity import log_settings, served_outputs, version_key
from mlops.targets.local.endpoint_status import status_of
from mlops.targets.local.host import Host, newest
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
        if wrong is None:
            return Observed(record)
        text, effect = wrong
        return Observed(record, stale=(Stale(Reason(text), effect),))

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
        if live != recorded:
            return f"{live} is live, and {recorded} was recorded", redeploy
        if len(state.versions) > 1:
            return "an interrupted rollout left a second version", redeploy
        if strays := versions.strays(state.versions):
            return f"an interrupted rollout left something of {', '.join(strays)} behind", rescale
        if state.gate.get("key"):
            return "its key stands in a file in the clear, as an older version wrote it", effect_of(
                Category.RECONFIGURE
            )
        wanted, running = int(record.outputs.get("replicas", 1)), versions.running(live)
        if running != wanted:
            return f"{running} of {wanted} replicas run", rescale
        silent = len(versions.silent(live, wanted))
        return (f"{silent} of {wanted} replicas gives no answer", rescale) if silent else None

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        endpoint: Endpoint = typed(step.desired.effective)
        package = step.upstream[Address("package", endpoint.package)]
        stack = step.upstream[Address("stack", endpoint.stack)]
        log = log_settings(endpoint)
        versions = replace(self._versions(step.address, endpoint.stack), log=log)
        key = version_key(package["digest"], log, step.address.name)
        rate = endpoint.rate_limit
        gate = {
            "auth": self._auth(endpoint, versions), "key": None, "rate": [rate.number, rate.seconds] if rate else None,
        }  # fmt: skip
        rollout = Rollout(
            versions, endpoint.rollout, step.say, at_once=step.restore is not None and step.restore.at_once
        )
        with versions.host.locked():
            version, note = rollout.converge(key, {"bento": package["bento"]}, endpoint.replicas, gate)
        outputs = {
            "url": f"{stack['address']}/{step.address.name}", "version": version, "weights": {version: 100},
            "replicas": endpoint.replicas, **served_outputs(key, package, endpoint.stack),
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        versions = self._versions(step.address, step.recorded.inputs["stack"])
        with versions.host.locked():
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
        return newest(host.logs.glob(f"{record.address.name}-v*.log"))

    def _publish(self, host: Host) -> None:
        if host.gateway.is_ready():
            host.publish()

    def _versions(self, address: Address, stack: str) -> Versions:
        return Versions(Host(self.context.paths, stack), address.name)

    def _auth(self, endpoint: Endpoint, versions: Versions) -> dict[str, str] | None:
        """Return what the endpoint's file says of its key, which does not stand there itself."""
        if endpoint.auth is None:
            return None
        value = unseal(endpoint.auth.api_key, self.context.paths.secrets, field="auth.api_key")
        return key_reference(secret_name(endpoint.auth.api_key), value, versions.read().gate.get("auth") or {})
