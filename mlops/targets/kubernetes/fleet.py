"""Run versions of an endpoint on a cluster.

Lives here: ClusterFleet: what a rollout asks, answered by stacks/serving and by looking at pods.
Not here: which version gets what share (rollout).
Law: the state of a rollout lies in Pulumi's own state, so that whoever goes on after a killed apply knows what runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from mlops.contracts.names import PORT
from mlops.contracts.serving_pods import ROLLOUT_STATE, ROLLOUT_STATE_BEFORE, ServingInputs
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.evidence import Counts, Pair
from mlops.rollout.experiment import LabelledAnswer
from mlops.rollout.state import RolloutState
from mlops.targets.kubernetes.arriving import arriving, wait_until_ready
from mlops.targets.kubernetes.cluster_context import ClusterContext, program_inputs
from mlops.tools.cluster import Object

if TYPE_CHECKING:
    from mlops.tools.pulumi import PulumiStack

_COUNT = re.compile(r'^mlops_requests_total\{.*status="(\d+)"\} (\d+)$', re.MULTILINE)

_WITHIN = re.compile(r'^mlops_request_seconds_bucket\{.*le="([0-9.]+)"\} (\d+)$', re.MULTILINE)


@dataclass
class ClusterFleet:
    """`inputs`: makes those of stacks/serving, without versions; may raise ValueError. The first update looks at the cluster before, so that
    what others changed is put right with it."""

    cluster: ClusterContext
    name: str
    inputs: Callable[[], ServingInputs]
    secrets: Mapping[str, str]
    say: Callable[[str, float | None], None]
    published: Mapping[str, Any] | None = field(default=None, init=False)
    """The state that the last update was given, as JSON."""
    _said: set[str] = field(default_factory=set, init=False)

    def read(self) -> RolloutState:
        outputs = self._program.outputs()
        return RolloutState.from_json(outputs.get(ROLLOUT_STATE) or outputs.get(ROLLOUT_STATE_BEFORE) or {})

    def publish(self, state: RolloutState) -> None:
        body = state.to_json()
        if body == self.published:
            return
        inputs, is_first = program_inputs(lambda: self.inputs().with_state(body)), self.published is None
        self._program.up(inputs, self.secrets, lambda line: self.say(line, None), refresh=is_first)
        self.published = body

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        state = state.with_version(version, replicas=replicas)
        self.publish(state)
        missing = wait_until_ready(
            lambda: self._missing(version, replicas), lambda: self._on_their_way(version), timeout
        )
        if missing is not None:
            raise MlopsError.of(
                "version does not start",
                f"{version} of {self.name} was not ready in {timeout:.0f} s ({missing}); no traffic reached it, and what was "
                f"live stays live. What the cluster says:\n{self._evidence(version)}",
            )
        return state

    def shrink(self, state: RolloutState, version: str, replicas: int, drain: float) -> RolloutState:
        """The Deployment did so when it was given the number."""
        return state

    def drop(self, version: str) -> None:
        """It went with the update that no longer named it."""

    def strays(self, known: Container[str]) -> list[str]:
        return []

    def labelled_answers(self, since: float) -> Callable[[], Sequence[LabelledAnswer]]:
        """None: no strategy that compares outcomes is taken on a cluster."""

        def nothing() -> Sequence[LabelledAnswer]:
            return ()

        return nothing

    def counts(self, version: str) -> Counts:
        """Through the API server; of pods that cannot be asked, nothing."""
        answers, within = dict[str, float](), dict[float, float]()
        for pod in self._pods(version):
            try:
                text = self.cluster.client.pod_port(self.cluster.namespace, pod["metadata"]["name"], PORT, "metrics")
            except ToolFailed:
                continue
            for status, count in _COUNT.findall(text):
                answers[status[0]] = answers.get(status[0], 0.0) + float(count)
            for bound, count in _WITHIN.findall(text):
                within[float(bound) * 1000] = within.get(float(bound) * 1000, 0.0) + float(count)
        total = sum(answers.values())
        return Counts(total, total, answers.get("4", 0.0), answers.get("5", 0.0), 0.0, within)

    def counter_id(self) -> str:
        """Each pod counts for itself."""
        return ""

    def compare(self, live: str, candidate: str, known: Collection[str], most: int) -> Mapping[str, Pair]:
        """Nothing: pods are reached through their service alone."""
        return {}

    def ask_golden(self, version: str) -> str | None:
        """The readiness of each pod: its probe asks the golden request."""
        unready = [pod["metadata"]["name"] for pod in self._pods(version) if not _is_ready(pod)]
        return f"{', '.join(unready)} no longer answers the golden request" if unready else None

    @cached_property
    def _program(self) -> PulumiStack:
        return self.cluster.program("serving", self.name)

    def _missing(self, version: str, replicas: int) -> str | None:
        deployment = self.cluster.client.one("Deployment", self.cluster.namespace, f"{self.name}-{version}")
        if deployment is None:
            return "its Deployment is not there"
        status = deployment.get("status") or {}
        if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
            return "its Deployment was not looked at yet"
        ready = status.get("updatedReplicas", 0) and status.get("readyReplicas", 0)
        return None if ready >= replicas else f"{ready} of {replicas} pods are ready"

    def _on_their_way(self, version: str) -> list[str]:
        """Say what the cluster still does for pods that do not run, each thing once."""
        found = set[str]()
        for pod in self._pods(version):
            ask = partial(self.cluster.client.events, self.cluster.namespace, pod["metadata"]["name"])
            said = None if _is_ready(pod) else arriving(pod, ask)
            found |= {said} if said else set()
        for said in sorted(found - self._said):
            self.say(f"{version}: {said}", None)
        self._said = found
        return sorted(found)

    def _pods(self, version: str) -> list[Object]:
        labels = f"app.kubernetes.io/instance={self.name}-{version},app.kubernetes.io/component=serving"
        return self.cluster.client.all("Pod", self.cluster.namespace, labels=labels)

    def _evidence(self, version: str) -> str:
        namespace, lines = self.cluster.namespace, list[str]()
        names = [f"{self.name}-{version}"]
        for one in self.cluster.client.all(
            "Pod", namespace, labels=f"app.kubernetes.io/instance={self.name}-{version}"
        ):
            names.append(one["metadata"]["name"])
        for name in names[:4]:
            events = [event for event in self.cluster.client.events(namespace, name) if not event.startswith("NoPods")]
            lines += [f"{name}: {event}" for event in events[-4:]]
        deployment = self.cluster.client.one("Deployment", namespace, names[0]) or {}
        for one in (deployment.get("status") or {}).get("conditions") or []:
            if one["type"] == "ReplicaFailure" and one["status"] == "True":
                lines.append(f"{names[0]}: {one.get('message')}")
        for name in names[1:2]:
            try:
                lines += self.cluster.client.log(namespace, name, lines=10).splitlines()
            except ToolFailed:
                continue
        return "\n".join(lines) or "(nothing)"


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
