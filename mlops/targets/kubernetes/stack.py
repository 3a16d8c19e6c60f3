"""What a stack is on a cluster.

Lives here: ClusterStack: the namespace with its limits, accounts, network rules and storage, by stacks/platform.
Not here: what runs in it (endpoint, monitor, training).
Law: what others changed is shown before it is put right; a namespace that was there before stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.effective import plain, typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.inputs import METADATA_NAMES, without_fields
from mlops.context.status import Status
from mlops.contracts.names import CLAIM
from mlops.contracts.platform import BLOCKED, PlatformInputs, StorageInputs
from mlops.engine.diff import diff
from mlops.engine.resource import Action, Desired, Effect, Observed, Outcome, PartChange, Record, Step
from mlops.errors import ToolFailed
from mlops.targets.kubernetes.cluster_context import (
    ClusterContext,
    drift_of,
    holding_data,
    maybe_drifted,
    previewed,
    program_inputs,
    recorded_cluster_context,
    removed,
    unreachable,
)
from mlops.targets.kubernetes.faults import faulty, stack_faults
from mlops.targets.kubernetes.health import on_cluster, stack_status
from mlops.targets.kubernetes.preflight import answers, claim_of, is_other_claim, namespace_of, rights_of, storage_of

_CLAIM = f"PersistentVolumeClaim {CLAIM}"
_MENDS = Effect(Category.PROVISION.value, Category.PROVISION.rank, keeps=True)


class ClusterStack:
    def __init__(self, context: Context) -> None:
        self.context = context

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        known = record.outputs.get("prints", {}) if record else {}
        held = holding_data(known)
        if desired is None:
            parts = removed(record.outputs.get("prints", ())) if record else ()
            return Observed(record, exists=record is not None, parts=parts, holds_data=held)
        cluster = ClusterContext(self.context, address.name, typed(desired.effective))
        if str(desired.inputs["target"]) != str((record or desired).inputs["target"]):
            return Observed(record, holds_data=held)
        is_said = record is not None and not diff(_compared(record.inputs), _compared(desired.inputs))
        try:
            cluster.client.version()
        except ToolFailed as error:
            return unreachable(address, record, error, is_said=is_said)
        if is_said and record is not None and record.complete and self._now(cluster) == known:
            return Observed(record, attention=faulty(address, stack_faults(cluster)), holds_data=held)
        goes = record is not None and _made_namespace(record.inputs) and not _made_namespace(desired.inputs)
        obstacles = answers(
            rights_of(cluster, "platform"),
            namespace_of(cluster, is_ours=bool(known), goes=goes),
            storage_of(cluster),
            claim_of(cluster),
        )
        is_other = is_other_claim(cluster)
        parts, unfit = previewed(
            cluster,
            "platform",
            address.name,
            lambda: inputs_of(cluster, claims=not is_other),
            {},
            refresh=record is not None,
            unless=obstacles,
        )
        if is_other:  # whatever stands in the way: who tries nevertheless has to be told what goes
            parts = (*(one for one in parts if one.name != _CLAIM), PartChange(_CLAIM, Action.REPLACE))
        if goes:
            parts = removed(known)
        stale = drift_of(parts, _MENDS) if is_said else ()
        attention = maybe_drifted(address, unfit) if is_said else ()
        return Observed(record, exists=record is not None, parts=parts, stale=stale, obstacles=(*obstacles, *unfit),
                        attention=attention, holds_data=held)  # fmt: skip

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def update(self, step: Step) -> Outcome:
        assert step.desired is not None
        cluster = ClusterContext(self.context, step.address.name, typed(step.desired.effective))
        step.say(f"bringing up namespace {cluster.namespace}", 0.2)
        if is_other_claim(cluster):  # nothing can be previewed, nor made, in the place of what is there
            self._up(step, cluster, claims=False)
        self._up(step, cluster)
        gateway = step.desired.inputs.get("gateway") or {}
        where = f"kubernetes://{cluster.stack.context or 'current'}/{cluster.namespace}"
        identity = json.dumps([where, gateway], sort_keys=True)
        outputs = {
            "digest": hashlib.sha256(identity.encode()).hexdigest(), "address": gateway.get("url", where),
            "namespace": cluster.namespace, "prints": self._now(cluster, fresh=True),
        }  # fmt: skip
        return Outcome(outputs, f"namespace {cluster.namespace}, {len(outputs['prints'])} objects")

    def _up(self, step: Step, cluster: ClusterContext, *, claims: bool = True) -> None:
        inputs = program_inputs(lambda: inputs_of(cluster, claims=claims))
        program = cluster.program("platform", step.address.name)
        program.up(inputs, {}, lambda line: step.say(line, None), refresh=step.recorded is not None)

    def delete(self, step: Step) -> None:
        assert step.recorded is not None
        cluster = recorded_cluster_context(self.context, step.address.name, step.recorded.inputs)
        cluster.program("platform", step.address.name).destroy()

    def status(self, record: Record) -> Status:
        return on_cluster(lambda: stack_status(self._cluster_of(record), record))

    def logs(self, record: Record) -> tuple[Path, ...]:
        return ()

    def _cluster_of(self, record: Record) -> ClusterContext:
        return recorded_cluster_context(self.context, record.address.name, record.inputs)

    def _now(self, cluster: ClusterContext, *, fresh: bool = False) -> dict[str, str]:
        found = cluster.read_fingerprints() if fresh else cluster.fingerprints()
        return found.get(("platform", cluster.namespace), {})


def inputs_of(cluster: ClusterContext, *, claims: bool = True) -> PlatformInputs:
    """Return what stacks/platform is given. `claims`: with what holds data. Raises ValueError."""
    stack = cluster.stack
    quota, storage = stack.quota, stack.storage
    accounts = stack.accounts
    annotations = {name: each for name, each in plain(accounts.annotations).items() if each}
    # There a pod gets its identity from the address at which other clouds tell the node's.
    on_gke = any(key.startswith("iam.gke.io/") for each in annotations.values() for key in each)
    hard = {"requests.cpu": quota.cpu, "requests.memory": quota.memory, "pods": quota.pods}
    return PlatformInputs(
        **cluster.common, adopt=stack.adopt, gpus=quota.gpus,
        quota={name: str(most) for name, most in hard.items() if most is not None},
        storage=StorageInputs(
            storage_class=storage.storage_class, size=storage.size, access_mode=storage.access_mode
        ) if storage and claims else None,
        gateway_namespace=stack.gateway.namespace if stack.gateway else None,
        metrics_namespace=stack.metrics_namespace, manage=tuple(stack.manage), pull_secrets=tuple(accounts.pull_secrets),
        annotations=annotations, blocked=() if on_gke else BLOCKED,
    )  # fmt: skip


def _made_namespace(inputs: Mapping[str, Any]) -> bool:
    return not inputs.get("adopt") and "namespace" in inputs.get("manage", ("namespace",))


def _compared(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return without_fields(inputs, *METADATA_NAMES)
