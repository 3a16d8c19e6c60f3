"""What an endpoint is on this machine.

Lives here: LocalEndpoint.
Not here: moving traffic (kinds.rollout), the processes (versions).
Law: what is live is what the endpoint's file says; a process is restarted only where its version is another.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops.address import Address
from mlops.config.schema.category import Category
from mlops.context.context import Context, effect_of
from mlops.context.secrets import unseal
from mlops.engine.resource import Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.rollout.rollout import Rollout, terms_of
from mlops.rollout.version_identity import key_of, log_of, what_serves
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions


class LocalEndpoint:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None or desired is None:
            return Observed(record, exists=record is not None)
        mends = effect_of(Category.REDEPLOY)
        try:
            versions = self._versions(address, record.inputs)
            told = versions.read()
        except MlopsError as error:
            return Observed(record, stale=(Stale(Reason(error.problems[0].detail), mends),))
        live, was = told["live"], record.outputs.get("version")
        if live is None or live != was:
            words = "no version is live" if live is None else f"{live} is live, and {was} was recorded"
            return Observed(record, stale=(Stale(Reason(words), mends),))
        if len(told["versions"]) > 1:
            return Observed(record, stale=(Stale(Reason("an interrupted rollout left a second version"), mends),))
        strays = versions.strays(told["versions"])
        if strays:
            reason = Reason(f"an interrupted rollout left something of {', '.join(strays)} behind")
            return Observed(record, stale=(Stale(reason, effect_of(Category.RESCALE)),))
        want, running = int(record.inputs.get("replicas", 1)), versions.running(live)
        if running != want:
            reason = Reason(f"{running} of {want} replicas run")
            return Observed(record, stale=(Stale(reason, effect_of(Category.RESCALE)),))
        return Observed(record)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        inputs = step.desired.inputs
        package = step.upstream[Address("package", inputs["package"])]
        stack = step.upstream[Address("stack", inputs["stack"])]
        log = log_of(inputs)
        versions = replace(self._versions(step.address, inputs), log=log)
        key = key_of(package["digest"], log, step.address.name)
        gate = {"key": self._key(inputs), "rate": _rate(inputs)}
        replicas = int(inputs.get("replicas", 1))
        rollout = Rollout(versions, terms_of(inputs), step.say)
        with versions.host.locked():
            version, note = rollout.converge(key, {"bento": package["bento"]}, replicas, gate)
        outputs = {
            "url": f"{stack['address']}/{step.address.name}", "version": version, "weights": {version: 100},
            "replicas": replicas, **what_serves(key, package, inputs),
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        versions = self._versions(step.address, step.recorded.inputs)
        route = versions.folder / "route.json"
        with versions.host.locked():
            if route.exists():
                versions.write({**versions.read(), "live": None, "weights": {}})
            self._tell(versions.host)
            for version in versions.strays(known=()):
                versions.drop(version)
            route.unlink(missing_ok=True)
            self._tell(versions.host)
        shutil.rmtree(versions.folder, ignore_errors=True)

    def _tell(self, host: Host) -> None:
        if host.gateway.is_ready():
            host.publish()

    def _versions(self, address: Address, inputs: Mapping[str, Any]) -> Versions:
        return Versions(Host(self.context.paths, inputs["stack"]), address.name)

    def _key(self, inputs: Mapping[str, Any]) -> str | None:
        auth = inputs.get("auth")
        return unseal(auth["api_key"], self.context.paths.secrets, field="auth.api_key") if auth else None


def _rate(inputs: Mapping[str, Any]) -> list[float] | None:
    from mlops.config.schema.units import parse_rate

    told = inputs.get("rate_limit")
    return None if told is None else list(parse_rate(told))
