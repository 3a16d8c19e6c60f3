"""What an endpoint is on a cluster.

Lives here: ClusterEndpoint: versions as Deployments, traffic as weights of an HTTPRoute, by stacks/serving.
Not here: moving traffic (kinds.rollout), asking pods (fleet).
Law: a version gets traffic once its pods answered the golden request; what others changed is shown before it is put right.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.inputs import METADATA_NAMES, without_fields
from mlops.context.secrets import unseal
from mlops.context.status import Status
from mlops.contracts.names import API_KEY, CLAIM
from mlops.contracts.serving_pods import (
    ROLLOUT_STATE,
    ROLLOUT_STATE_BEFORE,
    AutoscaleInputs,
    GatewayParent,
    LoggingInputs,
    ServingInputs,
)
from mlops.engine.diff import diff
from mlops.engine.resource import Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState
from mlops.rollout.version_identity import log_settings, served_outputs, version_key
from mlops.targets.kubernetes.cluster_context import (
    ClusterContext,
    cluster_context_of,
    drift_of,
    maybe_drifted,
    previewed,
    removed,
    unreachable,
)
from mlops.targets.kubernetes.faults import endpoint_faults, faulty, route_faults
from mlops.targets.kubernetes.fleet import ClusterFleet
from mlops.targets.kubernetes.health import endpoint_status, log_files, on_cluster
from mlops.targets.kubernetes.preflight import answers, gateway_of, rights_of
from mlops.tools.cluster import wait_for

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import AutoscalePolicy, Endpoint

_MENDS = Effect(Category.RESCALE.value, Category.RESCALE.rank, keeps=True)
_GRACE = 10


class ClusterEndpoint:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record.outputs.get("prints", {}) if record else {}
        if desired is None:
            return Observed(record, exists=record is not None, parts=removed(known))
        cluster = cluster_context_of(self.context, desired.inputs["stack"])
        is_said = record is not None and not diff(_compared(record.inputs), _compared(desired.inputs))
        try:
            cluster.client.version()
        except ToolFailed as error:
            return unreachable(address, record, error, is_said=is_said)
        if (
            is_said
            and record is not None
            and record.complete
            and cluster.fingerprints().get(("serving", address.name), {}) == known
        ):
            return Observed(
                record, attention=faulty(address, endpoint_faults(cluster, address.name, record.outputs["version"]))
            )
        applied = record.outputs.get(ROLLOUT_STATE, record.outputs.get(ROLLOUT_STATE_BEFORE)) if record else None
        endpoint: Endpoint = typed(desired.effective)
        obstacles = (*answers(rights_of(cluster, "serving"), gateway_of(cluster)), *_not_here(address, endpoint))
        if applied is None:
            return Observed(record, exists=record is not None, obstacles=obstacles)
        body = _wanted(RolloutState.from_json(applied), endpoint.replicas)
        parts, unfit = previewed(
            cluster, "serving", address.name, lambda: self._inputs(cluster, address, endpoint).with_state(body),
            self._secrets(endpoint), refresh=True, unless=obstacles,
        )  # fmt: skip
        stale = drift_of(parts, _MENDS) if is_said else ()
        attention = maybe_drifted(address, unfit) if is_said else ()
        return Observed(record, parts=parts, stale=stale, obstacles=(*obstacles, *unfit), attention=attention)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        if category == Category.REDEPLOY:
            return ("its objects are previewed when the image is known",) if record is None else ()
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        endpoint: Endpoint = typed(step.desired.effective)
        name = step.address.name
        package = step.upstream[Address("package", endpoint.package)]
        stack = step.upstream[Address("stack", endpoint.stack)]
        if not package.get("image"):
            raise MlopsError.of(
                "no image", f"{step.address} runs an image, and package.{endpoint.package} recorded none. Say `image: {{…}}` "
                f"in conf/package/{endpoint.package}.yaml.",
            )  # fmt: skip
        cluster = cluster_context_of(self.context, endpoint.stack)
        key = version_key(package["digest"], log_settings(endpoint), name)
        replicas = endpoint.replicas
        fleet = ClusterFleet(
            cluster, name, lambda: self._inputs(cluster, step.address, endpoint), self._secrets(endpoint), step.say
        )
        body = {"image": package["image"], "tag": package["tag"]}
        rollout = Rollout(
            fleet, endpoint.rollout, step.say, at_once=step.restore is not None and step.restore.at_once,
            goes_back=step.restore is not None,
        )  # fmt: skip
        version, note = rollout.converge(key, body, replicas, {})
        _reached(cluster, name, endpoint.rollout.ready_timeout)
        outputs = {
            "url": f"{stack['address']}/{name}", "version": version, "weights": {version: 100}, "replicas": replicas,
            ROLLOUT_STATE: fleet.published, "prints": cluster.fingerprints_of("serving", name),
            **served_outputs(key, package, endpoint.stack),
        }  # fmt: skip
        return Outcome(outputs, note)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        cluster = cluster_context_of(self.context, step.recorded.inputs["stack"], recorded=True)
        cluster.program("serving", step.address.name).destroy()

    def status(self, record: Record) -> Status:
        return on_cluster(lambda: endpoint_status(self._cluster_of(record), record))

    def logs(self, record: Record) -> tuple[Path, ...]:
        return log_files(self._cluster_of(record), record.address.name, "serving")

    def _cluster_of(self, record: Record) -> ClusterContext:
        return cluster_context_of(self.context, record.outputs["stack"], recorded=True)

    def _inputs(self, cluster: ClusterContext, address: Address, endpoint: Endpoint) -> ServingInputs:
        """Return what stacks/serving is given, without versions. Raises ValueError."""
        gateway = cluster.stack.gateway
        assert gateway is not None  # a stack without one was refused for endpoints
        policy, log = endpoint.rollout, log_settings(endpoint)
        return ServingInputs(
            **cluster.common, name=address.name, cpu=endpoint.resources.cpu, memory=endpoint.resources.memory,
            parent=GatewayParent(
                name=gateway.name, namespace=gateway.namespace or cluster.namespace, hostname=gateway.hostname,
                scheme=gateway.url.partition("://")[0],
            ),
            autoscale=_autoscale(endpoint.autoscale), secrets=(API_KEY,) if endpoint.auth else (),
            log=LoggingInputs(**log, claim=CLAIM if cluster.stack.storage else None) if log else None,
            priority_class=cluster.priority("serving"), pod=cluster.pods("serving"), drain=round(policy.drain), grace=_GRACE,
            ready_timeout=max(1, round(policy.ready_timeout)),
        )  # fmt: skip

    def _secrets(self, endpoint: Endpoint) -> dict[str, str]:
        if endpoint.auth is None:
            return {}
        return {API_KEY: unseal(endpoint.auth.api_key, self.context.paths.secrets, field="auth.api_key")}


def _not_here(address: Address, endpoint: Endpoint) -> tuple[str, ...]:
    """Say which strategy a cluster's route cannot carry out."""
    strategy = endpoint.rollout.strategy
    if strategy not in ("shadow", "ab", "bandit"):
        return ()
    return (
        f"{address}: `rollout.strategy: {strategy}` is known on local stacks alone. On a cluster write canary, rolling or blue_green.",
    )


def _reached(cluster: ClusterContext, name: str, timeout: float) -> None:
    """Wait until the Gateway serves the route. Raises MlopsError where it does not: nothing that was made gets a request."""

    def missing() -> str | None:
        route = cluster.client.one("HTTPRoute", cluster.namespace, name)
        return next(route_faults(cluster, name, [route] if route else []), None)

    fault = wait_for(missing, timeout)
    if fault is not None:
        raise MlopsError.of("route is not served", f"After {timeout:.0f} s: {fault}")


def _wanted(state: RolloutState, replicas: int) -> dict[str, Any]:
    """The state as the program takes it, with as many replicas of what is live as are wanted now."""
    if state.live_version and state.live:
        state = state.with_version(state.live, replicas=replicas)
    return state.to_json()


def _autoscale(autoscale: AutoscalePolicy | None) -> AutoscaleInputs | None:
    if autoscale is None:
        return None
    cpu = None if autoscale.cpu is None else round(autoscale.cpu * 100)
    return AutoscaleInputs(most=autoscale.most, rate=autoscale.rate, cpu=cpu)


def _compared(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return without_fields(inputs, *METADATA_NAMES, "rollout")
