"""Say what stacks/serving is given, and what it gives back.

Lives here: ServingInputs and its parts; EndpointState, the program's output of that name.
Not here: what every program is given (program), the environment of the pods (server), the objects (stacks/serving).
Law: see program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from mlops.contracts.codec import Contract, convert, to_json
from mlops.contracts.names import CLAIM
from mlops.contracts.pod_terms import PodTerms
from mlops.contracts.program import ProgramInputs, check_label

ROLLOUT_STATE = "rollout_state"
"""The output of stacks/serving, and of the endpoint's record, that holds a EndpointState."""
ROLLOUT_STATE_BEFORE = "told"
"""What versions before this one called it."""


class VersionInputs(Contract, kw_only=True, frozen=True):
    """One version of an endpoint."""

    image: Annotated[str, Meta(description="The image, by digest.")]
    tag: Annotated[str, Meta(description="The bento's tag.")]
    key: Annotated[str, Meta(description="Names what the version answers with, for those who start it.")] = ""
    replicas: Annotated[
        int,
        Meta(ge=0, description="Pods where nothing scales it, the least where something does; 0 is out of work."),
    ] = 1


class AutoscaleInputs(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """When more pods are started."""

    most: Annotated[int, Meta(ge=1, description="The most pods of a version.")]
    cpu: Annotated[int | None, Meta(description="Percent of the processor that is asked for.")] = 80
    rate: Annotated[int | None, Meta(description="Requests a second of one pod.")] = None


class GatewayParent(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """The Gateway that the route attaches to."""

    name: Annotated[str, Meta(description="Name of the Gateway.")]
    namespace: Annotated[str | None, Meta(description="Its namespace; null for that of the endpoint.")] = None
    hostname: Annotated[str | None, Meta(description="The host that clients ask; null for any.")] = None
    scheme: Annotated[str, Meta(description="How clients reach it.")] = "http"


class LoggingInputs(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """The prediction log."""

    sample: Annotated[float, Meta(description="Share of the requests kept.")] = 1.0
    flush: Annotated[float, Meta(description="Seconds between writes.")] = 1.0
    keep: Annotated[float, Meta(description="Seconds that a segment is kept.")] = 604800.0
    size: Annotated[
        int | None, Meta(description="Bytes of the log, beyond which its oldest segments are deleted; null: 10 GiB.")
    ] = None
    body: Annotated[
        int | None, Meta(description="Bytes of a request, beyond which only its beginning is kept; null: 1 MiB.")
    ] = None
    claim: Annotated[
        str | None, Meta(description="The claim it lies on; null for the pod alone, and lost with it.")
    ] = CLAIM


class ServingInputs(ProgramInputs, kw_only=True, frozen=True, omit_defaults=True):
    """One endpoint: its versions and the route between them. Where `secrets` names `api_key`, requests need the key."""

    name: Annotated[str, Meta(description="The endpoint's name.")]
    versions: Annotated[dict[str, VersionInputs], Meta(description="The versions that run.")] = field(
        default_factory=dict
    )
    weights: Annotated[
        dict[str, int],
        Meta(description="Version -> percent of the traffic; one without traffic is not in the route."),
    ] = field(default_factory=dict)
    live: Annotated[str | None, Meta(description="The version that has been judged good; only given back.")] = None
    next: Annotated[int, Meta(description="Number of the next version; only given back.")] = 1
    parent: Annotated[GatewayParent, Meta(description="The Gateway.")]
    autoscale: Annotated[AutoscaleInputs | None, Meta(description="null for a fixed number of pods.")] = None
    cpu: Annotated[str, Meta(description="Processors of one pod.")] = "500m"
    memory: Annotated[str, Meta(description="Memory of one pod.")] = "512Mi"
    log: Annotated[LoggingInputs | None, Meta(description="The prediction log; null for none.")] = None
    priority_class: Annotated[str | None, Meta(description="PriorityClass of the pods.")] = None
    drain: Annotated[int, Meta(ge=0, description="Seconds that a pod out of the route goes on accepting requests.")] = 5
    grace: Annotated[int, Meta(ge=0, description="Seconds that open requests may still take after that.")] = 10
    ready_timeout: Annotated[int, Meta(ge=1, description="Seconds until a pod must have started.")] = 30
    pod: Annotated[PodTerms, Meta(description="Where the pods may run and what they carry.")] = PodTerms()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_label("name", self.name)
        for version in self.versions:
            check_label("versions", f"{self.name}-{version}")
        unknown = sorted(version for version, weight in self.weights.items() if weight and version not in self.versions)
        if unknown:
            raise ValueError(f"traffic goes to {', '.join(unknown)}, which is not among the versions")

    def with_state(self, state: Mapping[str, Any]) -> ServingInputs:
        """Return these inputs with the versions, weights, live and next of a rollout. Raises ContractError."""
        return convert(ServingInputs, {**to_json(self), **state})


class EndpointState(Contract, kw_only=True, frozen=True):
    """What is there of an endpoint, as the output `rollout_state` of the program; `told` in versions before this one."""

    live: Annotated[str | None, Meta(description="The version that has been judged good.")]
    next: Annotated[int, Meta(description="Number of the next version.")]
    versions: Annotated[dict[str, VersionInputs], Meta(description="The versions that run.")]
    weights: Annotated[dict[str, int], Meta(description="Version -> percent of the traffic, without zeros.")]
