"""What an endpoint is on a cluster.

Lives here: ClusterEndpoint: versions as Deployments, traffic as weights of an HTTPRoute, by stacks/serving.
Not here: moving traffic (kinds.rollout), asking pods (fleet).
Law: a version gets traffic once its pods answered the golden request; what others changed is shown before it is put right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.config.schema.category import Category
from mlops.context.context import METADATA, Context, without
from mlops.context.secrets import unseal
from mlops.contracts.names import API_KEY
from mlops.contracts.serving_pods import (
    ROLLOUT_STATE,
    ROLLOUT_STATE_BEFORE,
    AutoscaleInputs,
    GatewayParent,
    LoggingInputs,
    ServingInputs,
)
from mlops.engine.diff import diff
from mlops.engine.resource import Attention, Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.rollout import FRESH, Rollout, terms_of
from mlops.rollout.version_identity import key_of, log_of, what_serves
from mlops.targets.kubernetes.cluster_context import (
    ClusterContext,
    cluster_context_of,
    drift_of,
    previewed,
    removed,
    unreachable,
)
from mlops.targets.kubernetes.fleet import ClusterFleet
from mlops.targets.kubernetes.preflight import answers, rights_of

_MENDS = Effect(Category.RESCALE.value, Category.RESCALE.rank, keeps=True)
_GRACE = 10


class ClusterEndpoint:
    def __init__(self, context: Context, resources: Mapping[Address, LoadedResource]) -> None:
        self.context = context
        self.resources = resources

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record.outputs.get("prints", {}) if record else {}
        if desired is None:
            return Observed(record, exists=record is not None, parts=removed(known))
        site = cluster_context_of(self.context, self.resources, desired.inputs["stack"])
        is_said = record is not None and not diff(_said(record.inputs), _said(desired.inputs))
        try:
            site.cluster.version()
        except ToolFailed as error:
            return unreachable(address, record, error, is_said=is_said)
        if (
            is_said
            and record is not None
            and record.complete
            and site.prints().get(("serving", address.name), {}) == known
        ):
            return Observed(record)
        outputs = record.outputs if record else {}
        state = outputs.get(ROLLOUT_STATE, outputs.get(ROLLOUT_STATE_BEFORE))
        obstacles = answers(rights_of(site, "serving"))
        if state is None:
            return Observed(record, exists=record is not None, obstacles=obstacles)
        body, wanted = self._next(state, desired.inputs), desired.inputs
        parts, unfit = previewed(
            site, "serving", address.name, lambda: self._inputs(site, address, wanted).with_state(body),
            self._secrets(desired.inputs), refresh=True, unless=obstacles,
        )  # fmt: skip
        stale = drift_of(parts, _MENDS) if is_said else ()
        attention = (Attention(address, f"{address} may have drifted", unfit),) if unfit and is_said else ()
        return Observed(record, parts=parts, stale=stale, obstacles=(*obstacles, *unfit), attention=attention)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        if category == Category.REDEPLOY:
            return ("its objects are previewed when the image is known",) if record is None else ()
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        inputs, name = step.desired.inputs, step.address.name
        package = step.upstream[Address("package", inputs["package"])]
        stack = step.upstream[Address("stack", inputs["stack"])]
        if not package.get("image"):
            raise MlopsError.of(
                "no image", f"{step.address} runs an image, and package.{inputs['package']} recorded none. Say `image: {{…}}` "
                f"in conf/package/{inputs['package']}.yaml.",
            )  # fmt: skip
        site = cluster_context_of(self.context, self.resources, inputs["stack"])
        key = key_of(package["digest"], log_of(inputs), name)
        replicas = int(inputs.get("replicas", 1))
        fleet = ClusterFleet(
            site, name, lambda: self._inputs(site, step.address, inputs), self._secrets(inputs), step.say
        )
        body = {"image": package["image"], "tag": package["tag"]}
        version, note = Rollout(fleet, terms_of(inputs), step.say).converge(key, body, replicas, {})
        outputs = {
            "url": f"{stack['address']}/{name}", "version": version, "weights": {version: 100}, "replicas": replicas,
            ROLLOUT_STATE: fleet.told, "prints": site.prints_of("serving", name), **what_serves(key, package, inputs),
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        site = cluster_context_of(self.context, self.resources, step.recorded.inputs["stack"], recorded=True)
        site.program("serving", step.address.name).destroy()

    def _next(self, told: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What is told, with as many replicas as are wanted now."""
        live = told["live"]
        versions = {name: dict(one) for name, one in told["versions"].items()}
        if live in versions:
            versions[live]["replicas"] = int(inputs.get("replicas", 1))
        return {**FRESH, **told, "versions": versions}

    def _inputs(self, site: ClusterContext, address: Address, inputs: Mapping[str, Any]) -> ServingInputs:
        """Return what stacks/serving is given, without versions. Raises ValueError."""
        gateway = site.inputs["gateway"]
        terms, log = terms_of(inputs), log_of(inputs)
        has_claim = site.inputs.get("storage") is not None
        return ServingInputs(
            **site.common, name=address.name, **inputs.get("resources", {}),
            parent=GatewayParent(
                name=gateway["name"], namespace=gateway.get("namespace", site.namespace),
                hostname=gateway.get("hostname"), scheme=str(gateway["url"]).partition("://")[0],
            ),
            autoscale=_autoscale(inputs.get("autoscale")), secrets=(API_KEY,) if inputs.get("auth") else (),
            log=LoggingInputs(**log, **({} if has_claim else {"claim": None})) if log else None,
            priority_class=f"{site.namespace}-serving", drain=round(terms.drain), grace=_GRACE,
            ready_timeout=max(1, round(terms.ready_timeout)),
        )  # fmt: skip

    def _secrets(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        auth = inputs.get("auth")
        return {API_KEY: unseal(auth["api_key"], self.context.paths.secrets, field="auth.api_key")} if auth else {}


def _autoscale(said: Mapping[str, Any] | None) -> AutoscaleInputs | None:
    from mlops.config.schema.units import parse_share

    if said is None:
        return None
    cpu = said.get("cpu", "80%")
    percent = None if cpu is None else round(parse_share(cpu) * 100)
    return AutoscaleInputs(most=said["most"], rate=said.get("rate"), cpu=percent)


def _said(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return without(inputs, *METADATA, "rollout")
