"""Say what answers requests.

Lives here: Endpoint, with its rollout, scale, keys and limits.
Not here: moving traffic (rollout), starting processes (targets).
Law: replicas mean RESCALE, keys and limits RECONFIGURE, a package REDEPLOY; nothing else restarts a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from mlops.config.schema.base import FieldError, ModelReference, Name, Resource, SecretText, Strict, Unsaid, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.experiment import Experiment
from mlops.config.schema.targets.base import Quantity
from mlops.config.schema.units import Duration, Rate, Share, Size
from mlops.contracts.names import LOG_BODY, LOG_SIZE
from mlops.extensions import JUDGES


class ClientKey(Strict):
    """A key of one client, which it sends in the header `x-api-key`."""

    secret: SecretText = spec_field(doc="`${secret:NAME}`.")
    limit: Rate | None = spec_field(None, doc="Requests let through with this key, such as 100/s.")
    quota: Rate | None = spec_field(None, doc="Requests in a longer time, such as 100000/1d; counted through restarts.")


class Tokens(Strict):
    """Tokens (JWT) that clients send in the header `authorization`, signed by somebody else."""

    jwks: str = spec_field(doc="File with the issuer's keys, a JSON Web Key Set.")
    issuer: str = spec_field(doc="What `iss` must be.")
    audiences: tuple[str, ...] = spec_field((), doc="What `aud` must hold one of. Default: anything.")


class Auth(Strict):
    """Who may ask: whoever sends one of the keys, or a token."""

    api_key: SecretText | None = spec_field(
        None, doc="`${secret:NAME}`; clients send its value in the header `x-api-key`. The same as one of `keys`."
    )
    keys: Mapping[Name, ClientKey] = spec_field({}, doc="Name of a client -> its key. On this machine.")
    overlap: Duration = spec_field(
        600.0, doc="How long the value of a key is still let in after its secret became another. On this machine."
    )
    jwt: Tokens | None = spec_field(None, doc="Whose tokens let in too. On this machine.")

    @model_validator(mode="after")
    def _let_somebody_in(self) -> Auth:
        if self.api_key is None and not self.keys and self.jwt is None:
            raise ValueError("auth needs `api_key`, `keys` or `jwt`; without `auth`, everybody may ask")
        return self


class GuardPolicy(Strict):
    """On this machine: the version before stays warm after a rollout, and gets all traffic back by itself."""

    lasts: Duration = Field(alias="for", gt=0, description="How long the new version is watched after it went live.")
    window: Duration = spec_field(60.0, doc="What clients saw in so long is judged together.")


class RolloutPolicy(Strict):
    strategy: Literal["canary", "rolling", "blue_green", "shadow", "ab", "bandit"] = spec_field(
        "canary",
        doc="`canary`: by `steps`. `rolling`: a replica more at each step. `blue_green`: all traffic in one move, after both were "
        "asked the same rows. `shadow`: it first gets copies of requests, and no answer of it is used. `ab`: two versions share "
        "the clients until their outcomes differ. `bandit`: so too, and the better one gets more of them meanwhile.",
    )
    experiment: Experiment = spec_field(Experiment(), doc="How the strategies `ab` and `bandit` compare two versions.")
    steps: tuple[Share, ...] = spec_field((0.1, 0.5, 1.0), doc="Shares of the traffic, rising to 100%.")
    pause: Duration = spec_field(10.0, doc="How long each step is watched before it is judged.")
    max_error_rate: Share = spec_field(
        0.01,
        doc="A version that fails more requests with 5xx, or refuses so many more than the live one, is taken back.",
    )
    max_latency_ratio: float = spec_field(
        2.0, doc="A version whose answers take this many times as long as the live one's is taken back.", gt=1
    )
    min_agreement: Share = spec_field(
        0.95, doc="Share of the rows, asked of both, to which a version gives no wholly other answer than the live one."
    )
    judges: tuple[str, ...] = spec_field(
        ("errors", "refusals", "unanswered", "latency", "agreement", "predictions"), doc="What a version is judged by."
    )
    false_reject: Share = spec_field(
        0.01, doc="How often at most a version that keeps all of these rules is taken back, over a whole rollout."
    )
    min_requests: int = spec_field(
        100, doc="Requests that a step needs; with fewer it goes on, and golden rows judge at its end.", ge=0
    )
    extend: float = spec_field(6.0, doc="How many times `pause` a step with too few requests lasts at most.", ge=1)
    ready_timeout: Duration = spec_field(
        30.0,
        doc="How long a new version may take to answer its golden request. On a cluster, finding a node and bringing the image do not count.",
    )
    guard: GuardPolicy | None = spec_field(
        None, doc="Keep the version before warm, and give it all traffic back where judges find against the new one."
    )
    drain: Duration = spec_field(5.0, doc="How long a version out of the route may finish its requests.")

    @model_validator(mode="after")
    def _has_outcomes(self) -> RolloutPolicy:
        if self.experiment != Experiment() and self.strategy not in ("ab", "bandit"):
            raise FieldError(f"the strategy {self.strategy} compares no outcomes; write `strategy: ab`", "experiment")
        return self

    @field_validator("steps")
    @classmethod
    def _rise_to_all(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or steps[-1] != 1.0 or list(steps) != sorted(set(steps)) or steps[0] <= 0:
            raise ValueError("rollout steps must rise and end at 100%, such as [10%, 50%, 100%]")
        return steps

    @field_validator("judges")
    @classmethod
    def _are_known(cls, judges: tuple[str, ...]) -> tuple[str, ...]:
        for name in judges:
            if name not in JUDGES:
                raise FieldError(JUDGES.unknown(name).problems[0].detail)
        return judges


class AutoscalePolicy(Strict):
    """More replicas under load, never fewer than `replicas`. The cluster's metrics decide."""

    most: int = Field(ge=1, le=1000, description="Replicas.")
    cpu: Share | None = spec_field(0.8, doc="Of what a replica asks for; more replicas above it.")
    rate: int | None = Field(
        None,
        ge=1,
        description="Requests a second of one replica; needs an adapter that serves mlops_requests_per_second.",
    )


class Resources(Strict):
    """What one replica asks the cluster for."""

    cpu: Quantity = spec_field("500m", doc="CPUs.")
    memory: Quantity = spec_field("512Mi", doc="Memory.")


class Log(Strict):
    enabled: bool = spec_field(True, doc="Keep requests and answers for the monitor.")
    sample: Share = spec_field(1.0, doc="Share of the requests kept.")
    flush: Duration = spec_field(1.0, doc="At most this much is lost in a crash.")
    keep: Duration = spec_field(604800.0, doc="Older segments are deleted.")
    size: Size = spec_field(LOG_SIZE, doc="The oldest segments of a log that is larger are deleted.")
    body: Size = spec_field(LOG_BODY, doc="Of a larger request only the beginning is kept, and a mark that says so.")


class Endpoint(Resource):
    """A package on a stack, behind a gateway."""

    order: ClassVar[int] = 50
    hands_on: ClassVar[Mapping[str, tuple[str, ...]]] = {"package": ("model",)}

    package: Name = spec_field(
        doc="What answers. Default: the package of its own name, which needs no file where a model has that name.",
        change=Category.REDEPLOY,
        refers="package",
        unsaid=Unsaid.OWN_NAME,
    )
    model: ModelReference | None = spec_field(
        None,
        doc="Of a package that needs no file: the model that it serves, or one version of it by the name that a tag in git gives it, "
        "such as `delay@champion`. Default: what the package says.",
        change=Category.METADATA,
        refers="model",
    )
    stack: Name = spec_field(
        doc="Where it runs. Default: the only stack.",
        change=Category.REDEPLOY,
        refers="stack",
        unsaid=Unsaid.ONLY_ONE,
    )
    replicas: int = Field(1, ge=1, le=64, description="Processes.", json_schema_extra={"x-change": "RESCALE"})
    autoscale: AutoscalePolicy | None = spec_field(
        None, doc="On Kubernetes: more replicas under load.", change=Category.RESCALE
    )
    resources: Resources = spec_field(Resources(), doc="On Kubernetes: what a replica gets.", change=Category.RESCALE)
    auth: Auth | None = spec_field(
        None, doc="Who may ask. Default: everybody who reaches it.", change=Category.RECONFIGURE
    )
    rate_limit: Rate | None = spec_field(None, doc="Requests let through, such as 200/s.", change=Category.RECONFIGURE)
    rollout: RolloutPolicy = spec_field(RolloutPolicy(), doc="How a new version takes over.", change=Category.METADATA)
    log: Log = spec_field(Log(), doc="The prediction log.", change=Category.REDEPLOY)

    @model_validator(mode="after")
    def _outcomes_are_kept(self) -> Endpoint:
        if self.rollout.strategy in ("ab", "bandit") and not (self.log.enabled and self.log.sample == 1):
            raise FieldError(
                f"the strategy {self.rollout.strategy} joins outcomes with the prediction log, which must be kept whole",
                "log",
            )
        return self
