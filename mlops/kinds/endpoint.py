"""What an endpoint means.

Lives here: EndpointKind, for stacks on the target `local`.
Not here: moving traffic (local.rollout), the processes (local.versions).
Law: what is live is what the endpoint's file says; a process is restarted only where its version is another.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops.address import Address
from mlops.engine.resource import Action, Dependency, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.kinds.ground import Ground, effect_of, field_effect
from mlops.kinds.local.host import Host
from mlops.kinds.local.rollout import Rollout, Terms
from mlops.kinds.local.versions import Versions
from mlops.kinds.secrets import seal, unseal
from mlops.spec.category import Category
from mlops.spec.project import LoadedResource, Project

_LOG: Mapping[str, Any] = {"enabled": True, "sample": "100%", "flush": "1s", "keep": "1w"}


class EndpointKind:
    name = "endpoint"
    created = effect_of(Category.REDEPLOY)
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.DELETE)

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def desire(self, resource: LoadedResource, project: Project) -> Desired:
        inputs = seal(resource.inputs, self.ground.places.secrets, self.ground.salt)
        needs = (
            Dependency(Address("package", inputs["package"]), self.created, "digest"),
            Dependency(Address("stack", inputs["stack"]), self.created, "address"),
        )
        return Desired(resource.address, inputs, needs, resource.protect, resource.origins)

    def effect(self, path: str) -> Effect:
        return field_effect("endpoint", path)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        if record is None or desired is None:
            return Observed(record, exists=record is not None)
        try:
            versions = self._versions(address, record.inputs)
            told = versions.read()
        except MlopsError as error:
            return Observed(record, stale=(Stale(Reason(error.problems[0].detail), self.created),))
        live = told["live"]
        if live is None or live != record.outputs.get("version"):
            words = (
                "no version is live"
                if live is None
                else f"{live} is live, and {record.outputs.get('version')} was recorded"
            )
            return Observed(record, stale=(Stale(Reason(words), self.created),))
        if len(told["versions"]) > 1:
            return Observed(
                record, stale=(Stale(Reason("an interrupted rollout left a second version"), self.created),)
            )
        strays = versions.strays(told["versions"])
        if strays:
            reason = Reason(f"processes of {', '.join(strays)} were left by an interrupted rollout")
            return Observed(record, stale=(Stale(reason, effect_of(Category.RESCALE)),))
        want = int(record.inputs.get("replicas", 1))
        running = versions.running(live)
        if running != want:
            reason = Reason(f"{running} of {want} replicas run")
            return Observed(record, stale=(Stale(reason, effect_of(Category.RESCALE)),))
        return Observed(record)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        if category != Category.REDEPLOY or record is None:
            return ()
        steps = " → ".join(f"{share * 100:g}%" for share in _terms(desired.inputs).steps)
        return (f"{steps}, judged at each step; else back to what is live",)

    def create(self, step: Step) -> Outcome:
        return self.update(step)

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        inputs = step.desired.inputs
        before = step.recorded.outputs if step.recorded else {}
        if step.category == Category.METADATA and before:
            return Outcome(before, "nothing that runs changed")
        package = step.upstream[Address("package", inputs["package"])]
        stack = step.upstream[Address("stack", inputs["stack"])]
        self._leave_other_stack(step)
        log = _log(inputs)
        versions = replace(self._versions(step.address, inputs), log=log)
        identity = json.dumps([package["digest"], log, step.address.name], sort_keys=True)
        key = hashlib.sha256(identity.encode()).hexdigest()[:16]
        gate = {"key": self._key(inputs), "rate": _rate(inputs)}
        replicas = int(inputs.get("replicas", 1))
        rollout = Rollout(versions, _terms(inputs), step.say)
        with versions.host.locked():
            version, note = rollout.converge(key, package["bento"], replicas, gate)
        url = f"{stack['address']}/{step.address.name}"
        outputs = {
            "digest": key, "url": url, "version": version, "weights": {version: 100}, "replicas": replicas,
            "package_digest": package["digest"], "tag": package["tag"], "bento": package["bento"],
            "model": package["model"], "model_digest": package["model_digest"], "stack": inputs["stack"],
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        self._remove(self._versions(step.address, step.recorded.inputs))

    def _remove(self, versions: Versions) -> None:
        told = versions.read()
        with versions.host.locked():
            (versions.folder / "route.json").unlink(missing_ok=True)
            if versions.host.gateway.is_ready():
                versions.host.publish()
            for version in told["versions"]:
                versions.drop(version)
        shutil.rmtree(versions.folder, ignore_errors=True)

    def _leave_other_stack(self, step: Step) -> None:
        assert step.desired is not None
        if step.recorded and step.recorded.inputs.get("stack") != step.desired.inputs["stack"]:
            self._remove(self._versions(step.address, step.recorded.inputs))

    def _versions(self, address: Address, inputs: Mapping[str, Any]) -> Versions:
        return Versions(Host(self.ground.places, inputs["stack"]), address.name)

    def _key(self, inputs: Mapping[str, Any]) -> str | None:
        auth = inputs.get("auth")
        return unseal(auth["api_key"], self.ground.places.secrets, field="auth.api_key") if auth else None


def _terms(inputs: Mapping[str, Any]) -> Terms:
    from mlops.spec.endpoint import Rollout as Said

    told = Said.model_validate(inputs.get("rollout", {}))
    return Terms(told.steps, told.pause, told.max_error_rate, told.max_latency_ratio, told.ready_timeout, told.drain)


def _log(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    from mlops.spec.units import parse_duration, parse_share

    told = {**_LOG, **inputs.get("log", {})}
    if not told["enabled"]:
        return None
    return {
        "sample": parse_share(told["sample"]),
        "flush": parse_duration(told["flush"]),
        "keep": parse_duration(told["keep"]),
    }


def _rate(inputs: Mapping[str, Any]) -> list[float] | None:
    from mlops.spec.units import parse_rate

    told = inputs.get("rate_limit")
    return None if told is None else list(parse_rate(told))
