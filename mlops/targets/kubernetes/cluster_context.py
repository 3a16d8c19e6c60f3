"""Reach one stack's cluster and its Pulumi programs.

Lives here: ClusterContext, and what every resource on it shares: labels, fingerprints of objects, drift, the preview in a plan.
Not here: any one kind.
Law: nothing of Pulumi or Kubernetes is imported before a plan meets a stack on this target.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import plain
from mlops.context.context import Context
from mlops.contracts.codec import convert, to_json
from mlops.contracts.pod_terms import PodTerms
from mlops.contracts.program import ClusterAccess, ProgramInputs
from mlops.engine.resource import Action, Attention, Effect, Observed, PartChange, Reason, Record, Stale
from mlops.errors import FileLocation, InvalidConfig, MlopsError, Problem
from mlops.secret_values import read_secret
from mlops.targets.target import stack_inputs
from mlops.tools.cluster import ClusterClient, Object

if TYPE_CHECKING:
    from mlops.config.schema.targets.kubernetes import Kubernetes
    from mlops.tools.pulumi import PulumiStack
    from mlops.tools.pulumi_preview import PreviewedObject

_MANAGED = "app.kubernetes.io/managed-by=mlops"
NAMESPACED = (
    "ConfigMap", "Secret", "Service", "ServiceAccount", "ResourceQuota", "LimitRange", "PersistentVolumeClaim", "Deployment",
    "Job", "CronJob", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "Role", "RoleBinding", "HTTPRoute",
)  # fmt: skip
WIDE = ("Namespace", "PriorityClass")
Fingerprints = dict[str, str]


@dataclass(frozen=True)
class ClusterContext:
    """`stack`: the stack's effective inputs."""

    context: Context
    stack_name: str
    stack: Kubernetes

    @property
    def namespace(self) -> str:
        return str(self.stack.namespace)

    @property
    def client(self) -> ClusterClient:
        """One for each context of a command, so that its connection is kept."""
        key = (self.stack.kubeconfig, self.stack.context)
        known: ClusterClient = self.context.clusters.setdefault(key, ClusterClient(*key))
        return known

    @property
    def labels(self) -> dict[str, str]:
        return {"mlops/environment": self.context.environment}

    def priority(self, kind: str) -> str | None:
        """Return the PriorityClass of pods of a kind (training, serving); None where the stack makes none."""
        return f"{self.namespace}-{kind}" if "priorities" in self.stack.manage else None

    def pods(self, kind: str) -> PodTerms:
        """Return what the stack says of pods of a kind. Raises ValueError."""
        return convert(PodTerms, plain(getattr(self.stack.pods, kind)))

    @property
    def common(self) -> dict[str, Any]:
        """The fields of ProgramInputs, which every program's inputs begin with."""
        return {
            "cluster": ClusterAccess(kubeconfig=self.stack.kubeconfig or None, context=self.stack.context or None),
            "namespace": self.namespace,
            "project": self.context.settings.name,
            "labels": self.labels,
        }

    def program(self, program: str, name: str) -> PulumiStack:
        """The Pulumi stack of one resource. Raises MlopsError without a backend or a passphrase."""
        from mlops.tools.pulumi import PulumiStack

        settings, places = self.context.settings, self.context.paths
        full = f"{settings.name}.{settings.environment}.{name}"
        work = places.home / "pulumi" / settings.environment / program / name
        return PulumiStack(self.context.root, program, full, work, self._backend(), self._passphrase())

    def _backend(self) -> str:
        settings = self.context.settings
        backend = settings.pulumi.backend
        if backend is None and settings.environment != "dev":
            raise InvalidConfig(
                Problem(
                    "environment without shared Pulumi state",
                    f"Environment {settings.environment} has a stack on Kubernetes and no `pulumi.backend`: another machine "
                    "would not see what was made. Say `pulumi: {backend: s3://…}` in "
                    f"conf/env/{settings.environment}.yaml.",
                    source=FileLocation(f"conf/env/{settings.environment}.yaml"),
                )
            )
        if backend and backend.startswith("file://~"):
            return f"file://{self.context.root.home()}{backend.removeprefix('file://~')}"
        return str(backend or f"file://{self.context.paths.home.absolute() / 'pulumi' / 'state'}")

    def _passphrase(self) -> str:
        reference, folder = self.context.settings.pulumi.passphrase, self.context.paths.secrets
        name = reference.removeprefix("${secret:").removesuffix("}")
        value = read_secret(folder, name)
        if value is None and self.context.settings.pulumi.backend is None:
            # The state of this machine alone: its secrets are as safe as the folder that they lie in.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(random.token_urlsafe(24))
            value = read_secret(folder, name)
        if value is None:
            raise MlopsError.of(
                "secret has no value",
                f"Pulumi's state needs the passphrase {name}. Set the environment variable {name}, or put the value into "
                f".mlops/secrets/{name} with mode 0600.",
            )
        return value

    def fingerprints(self) -> dict[tuple[str, str], Fingerprints]:
        """(component, name) -> `KIND/NAME` -> fingerprint, of all that this tool made in the namespace; read once."""
        key = (self.stack.kubeconfig, self.stack.context, self.namespace)
        if key not in self.context.fingerprints:
            self.context.fingerprints[key] = self.read_fingerprints()
        found: dict[tuple[str, str], Fingerprints] = self.context.fingerprints[key]
        return found

    def read_fingerprints(self, labels: str = "") -> dict[tuple[str, str], Fingerprints]:
        wanted = (
            f"{_MANAGED},{labels}" if labels else f"{_MANAGED},app.kubernetes.io/part-of={self.context.settings.name}"
        )
        found: dict[tuple[str, str], Fingerprints] = {}
        for kinds, namespace in ((NAMESPACED, self.namespace), (WIDE, None)):
            for owner, name, fingerprint in self.client.fingerprints(kinds, namespace, labels=wanted):
                found.setdefault(owner, {})[name] = fingerprint
        return found

    def listed(self, kind: str) -> list[Object]:
        """All objects of a kind that this tool made in the namespace, pods among them; read once for a command's plan."""
        key = (self.stack.kubeconfig, self.stack.context, self.namespace, kind)
        if key not in self.context.listings:
            self.context.listings[key] = self.client.all(kind, self.namespace, labels=_MANAGED)
        found: list[Object] = self.context.listings[key]
        return found

    def fingerprints_of(self, component: str, name: str) -> Fingerprints:
        """Return the fingerprints of one resource's objects, read from the cluster now."""
        selector = f"app.kubernetes.io/component={component},app.kubernetes.io/name={name}"
        return self.read_fingerprints(selector).get((component, name), {})


def cluster_context_of(context: Context, stack_name: str, *, recorded: bool = False) -> ClusterContext:
    """Reach the cluster of a stack as it is declared or, with `recorded`, as it was applied, whichever there is. Raises
    MlopsError where neither is."""
    at = Address("stack", stack_name)
    if at in context.resources and not (recorded and at in context.records):
        return ClusterContext(context, stack_name, context.resources[at].effective)
    return recorded_cluster_context(context, stack_name, stack_inputs(context, stack_name, recorded=True))


def recorded_cluster_context(context: Context, stack_name: str, inputs: Mapping[str, Any]) -> ClusterContext:
    """Reach the cluster by inputs that were recorded, whose defaults are left out; imports pydantic."""
    from mlops.config.schema.kinds import effective_of

    return ClusterContext(context, stack_name, effective_of("stack", inputs))


def parts_of(touched: Iterable[PreviewedObject]) -> tuple[PartChange, ...]:
    return tuple(PartChange(one.name, Action(one.action), one.fields) for one in touched)


def holding_data(fingerprints: Iterable[str]) -> tuple[str, ...]:
    """Which of a resource's objects hold data that nothing can make anew, as parts of a plan name them."""
    return tuple(name.replace("/", " ") for name in sorted(fingerprints) if name.startswith("PersistentVolumeClaim/"))


def removed(fingerprints: Iterable[str]) -> tuple[PartChange, ...]:
    """What goes with a resource whose objects have these fingerprints."""
    return tuple(PartChange(name.replace("/", " "), Action.DELETE) for name in sorted(fingerprints))


def drift_of(parts: Iterable[PartChange], mends: Effect) -> tuple[Stale, ...]:
    """What a preview of unchanged inputs would do, as reasons: each is something that others changed."""
    reasons: list[Stale] = []
    for part in parts:
        if part.action is Action.CREATE:
            reasons.append(Stale(Reason(f"{part.name} is gone from the cluster"), mends))
        for path, now, was in part.fields if part.action.changes_existing else ():
            reasons.append(Stale(Reason(f"{part.name}: {path} is {_text(now)}, and {_text(was)} was applied"), mends))
        if part.action.changes_existing and not part.fields:
            reasons.append(Stale(Reason(f"{part.name} was changed in the cluster"), mends))
        if part.action is Action.DELETE:
            reasons.append(Stale(Reason(f"{part.name} is not wanted, and is there"), mends))
    return tuple(reasons)


def _text(value: Any) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def unreachable(address: Address, record: Record | None, error: MlopsError, *, is_said: bool) -> Observed:
    """What is recorded, with the reason why nobody could look. `is_said`: nothing else speaks of it in the plan."""
    detail = error.problems[0].detail
    attention = (Attention(address, f"{address} cannot be looked at", (detail,), is_fault=True),) if is_said else ()
    return Observed(record, exists=record is not None, attention=attention, obstacles=(detail,))


def maybe_drifted(address: Address, unfit: tuple[str, ...]) -> tuple[Attention, ...]:
    """What stood in the way of looking for drift."""
    return (Attention(address, f"{address} may have drifted", unfit, is_fault=True),) if unfit else ()


def program_inputs(make: Callable[[], ProgramInputs]) -> dict[str, Any]:
    """Return inputs of a program as plain JSON. Raises MlopsError where they do not fit its contract."""
    try:
        return to_json(make())
    except ValueError as error:
        raise MlopsError.of("inputs do not fit", f"A Pulumi program cannot be given this: {error}.") from error


def previewed(
    cluster: ClusterContext, program: str, name: str, inputs: Callable[[], ProgramInputs], secrets: Mapping[str, str], *,
    refresh: bool, unless: tuple[str, ...] = (),
) -> tuple[tuple[PartChange, ...], tuple[str, ...]]:  # fmt: skip
    """The parts, and what stood in the way of the preview itself. `unless`: obstacles that are known: it would only fail."""
    if unless:
        return (), ()
    try:
        plain = program_inputs(inputs)
        return parts_of(cluster.program(program, name).preview(plain, secrets, refresh=refresh)), ()
    except MlopsError as error:
        return (), (error.problems[0].detail,)
