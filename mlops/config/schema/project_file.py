"""Say what a project and its environments are.

Lives here: ProjectFile, what conf/project.yaml and conf/env/NAME.yaml may say besides resources.
Not here: ProjectSettings, the plain data that the rest of the tool reads (config.project).
Law: an environment says where and how things run, never what the data and the models are.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from mlops.address import Address
from mlops.config.schema.alerts import AlertSettings
from mlops.config.schema.base import FieldError, Name, SecretText, Strict, spec_field
from mlops.config.schema.database_url import is_in_the_clear, url_fault
from mlops.config.schema.storage import StorageSettings
from mlops.config.schema.targets.base import Quantity
from mlops.config.schema.units import Duration, Money
from mlops.config.schema.watch import WatchSettings
from mlops.extensions import KINDS


def _module(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", text):
        raise ValueError(f"`{text}` is not a module; write its dotted name, such as `my_package.models`")
    return text


def _address(text: str) -> str:
    try:
        return str(Address.parse(text))
    except ValueError as error:
        raise ValueError(str(error)) from None


def _url(text: str) -> str:
    if is_in_the_clear(text):
        raise FieldError("it holds a password in the clear; write `${secret:NAME}` in its place", hide=True)
    if (fault := url_fault(text)) is not None:
        raise FieldError(fault, hide="@" in text)
    return text


def _registry(text: str) -> str:
    if "://" in text:
        raise ValueError(f"`{text}`: write it without {text.partition('://')[0]}://, as image names are written")
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", text):
        raise ValueError(
            f"`{text}` is not a registry; write HOST, HOST:PORT or HOST/PATH, such as registry.example.com/team"
        )
    return text


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"`{text}` is not a kind; there are: {', '.join(KINDS.names())}")
    return text


AddressText = Annotated[str, AfterValidator(_address)]


class StateSettings(Strict):
    url: Annotated[str, AfterValidator(_url)] | None = spec_field(
        None,
        doc="Where what was applied is recorded, `${secret:NAME}` allowed. Default: .mlops/state.db, for dev alone.",
    )


class ModelPods(Strict):
    """What the stages of one model get on a cluster, where it differs."""

    pods: int | None = Field(None, ge=1, le=1024, description="Several train together (DDP).")
    gpus: int | None = Field(None, ge=0, le=64, description="Of each pod.")
    product: str | None = spec_field(None, doc="The GPU, as its node is labelled: NVIDIA-H100-80GB-HBM3.")
    cpu: Quantity | None = spec_field(None, doc="CPUs of each pod.")
    memory: Quantity | None = spec_field(None, doc="Memory of each pod.")
    spot: bool | None = spec_field(None, doc="May run on nodes that can be taken away.")
    time_limit: Duration | None = spec_field(None, doc="A longer run is ended.")
    retries: int | None = Field(None, ge=0, le=100, description="After a lost node; never after an error of the code.")


class RegistrySettings(Strict):
    """Where images are pushed, and clusters pull them from."""

    url: Annotated[str, AfterValidator(_registry)] = spec_field(doc="HOST[:PORT][/PATH], without https://.")
    username: str | None = spec_field(
        None, doc="Who pushes, `${secret:NAME}` allowed. Default: the builder's own login."
    )
    password: SecretText | None = spec_field(None, doc="`${secret:NAME}`, or a token under it.")
    insecure: bool = spec_field(False, doc="Speak to it without a certificate that can be checked.")

    @model_validator(mode="after")
    def _both_or_none(self) -> RegistrySettings:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` go together; say both, or neither for the builder's own login")
        return self


class TrainingSettings(Strict):
    """Where stages run, and what each model gets there."""

    pods: int = Field(1, ge=1, le=1024, description="On a cluster: several train together (DDP).")
    gpus: int = Field(0, ge=0, le=64, description="Of each pod.")
    product: str | None = spec_field(None, doc="The GPU, as its node is labelled: NVIDIA-H100-80GB-HBM3.")
    cpu: Quantity = spec_field("2", doc="CPUs of each pod.")
    memory: Quantity = spec_field("8Gi", doc="Memory of each pod.")
    spot: bool = spec_field(False, doc="May run on nodes that can be taken away.")
    time_limit: Duration = spec_field(14400.0, doc="A longer run is ended.")
    retries: int = Field(2, ge=0, le=100, description="After a lost node; never after an error of the code.")
    stack: Name | None = spec_field(
        None, doc="The stack that models are trained on. Default: this machine.", refers="stack"
    )
    stages: int = Field(1, ge=1, le=256, description="How many stages run at once.")
    price: Money | None = spec_field(
        None,
        doc="What an hour of one pod, or of this machine, costs, such as 1.50 USD: by it a search spends a budget of money.",
    )
    models: dict[Name, ModelPods] = spec_field({}, doc="What differs for one model.")


class PulumiSettings(Strict):
    """Where Pulumi keeps what it knows of clusters."""

    backend: str | None = spec_field(
        None, doc="file://…, s3://…, gs://…, azblob://…. Default: .mlops/pulumi, for dev alone."
    )
    passphrase: SecretText = spec_field(
        "${secret:PULUMI_CONFIG_PASSPHRASE}", doc="What secrets are encrypted with there."
    )


class ProjectFile(Strict):
    """The project as a whole: its name, its environment, and what every resource of an environment shares."""

    name: Name = spec_field(doc="The project's name.")
    description: str = spec_field("", doc="What it is for, for people.")
    environment: Name = spec_field("dev", doc="conf/env/NAME.yaml, unless the command line says env=NAME.")
    allow_targets: tuple[Annotated[str, AfterValidator(_module)], ...] = spec_field(
        (), doc="The modules that a `_target_` may come from, with those inside them."
    )
    state: StateSettings = spec_field(StateSettings(), doc="Where what was applied is recorded.")
    build: bool | None = spec_field(
        None, doc="May data sets and models be made here? Default: in dev alone; elsewhere dvc.lock is deployed."
    )
    protect: tuple[Annotated[str, AfterValidator(_kind)], ...] | None = spec_field(
        None, doc="Kinds that refuse to be deleted or replaced. Default: dataset, model, endpoint in prod, else none."
    )
    training: TrainingSettings = spec_field(TrainingSettings(), doc="Where stages run.")
    pulumi: PulumiSettings = spec_field(PulumiSettings(), doc="For stacks on Kubernetes.")
    registry: RegistrySettings | None = spec_field(
        None, doc="Where images are pushed. Default: they stay in the builder's local storage."
    )
    storage: StorageSettings | None = spec_field(
        None, doc="Where outputs are kept for other machines. Default: where DVC's default remote is, if it has one."
    )
    alerts: AlertSettings | None = spec_field(
        None, doc="Who is told of findings. Default: nobody; plan and status show them."
    )
    watch: WatchSettings | None = spec_field(
        None, doc="What `mlops watch` hands over, and to whom. Default: it refuses to run."
    )
    moved: dict[AddressText, AddressText] = spec_field(
        {}, doc="Resources that have another address now: OLD: NEW. What is recorded goes along."
    )
    removed: tuple[AddressText, ...] = spec_field(
        (), doc="Resources to forget: out of the state, left as they are in the world."
    )
    concurrency: int = Field(4, ge=1, le=256, description="How many changes apply carries out at once.")
