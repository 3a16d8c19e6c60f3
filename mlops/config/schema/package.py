"""Say what is packed for serving.

Lives here: Package, with its interface and its image.
Not here: building a bento or an image (kinds, tools), where images are kept (settings).
Law: a field here changes what runs, so it means REPACKAGE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mlops.config.schema.base import ModelReference, Resource, Strict, Unsaid, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.pinned_image import PinnedImage
from mlops.config.schema.units import Count, Duration
from mlops.contracts.names import ANSWER_TIMEOUT
from mlops.metrics.task import Task

_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?")
_REPOSITORY = r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
_IN_UNITS = (Task.REGRESSION, Task.QUANTILE, Task.FORECASTING)
_EXPLAINED = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION, Task.ANOMALY)


def _repository(text: str) -> str:
    if not re.fullmatch(_REPOSITORY, text):
        raise ValueError(
            f"`{text}` is not a repository; write lower-case words joined by / - _ or ., without registry and tag, such as "
            "flights/delay. The registry is the environment's: `registry: {url: …}`"
        )
    return text


class Image(Strict):
    """An OCI image of the same content, for clusters."""

    base: PinnedImage = spec_field(
        doc="What it stands on, by digest: NAME@sha256:…; it must hold python3, 3.11 or newer, and glibc.",
    )
    repository: Annotated[str, AfterValidator(_repository)] | None = spec_field(
        None, doc="Its name in the environment's registry. Default: PROJECT/PACKAGE.", change=Category.REPACKAGE
    )
    builder: Literal["auto", "docker", "podman", "buildah"] = spec_field(
        "auto", doc="What builds it; `auto` takes the first that works.", change=Category.METADATA
    )


def _origin(text: str) -> str:
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise ValueError(
            f"`{text}` is no origin; write the scheme and the host of the page that asks, and its port if it has one, such as "
            "https://app.example.com, or `*` for every page"
        )
    return text


class Api(Strict):
    max_rows: int = spec_field(10_000, doc="The most rows of one request.", ge=1)
    gather: bool = spec_field(True, doc="Answer concurrent small requests with one call of the model.")
    threshold: float | None = spec_field(
        None, doc="Binary: the probability from which the label is true. Default: the model's `threshold`.", ge=0, le=1
    )
    required: Literal["any", "all", "none"] | list[str] = spec_field(
        "any",
        doc="The columns of which a row must have a value, or it is refused (422): their names, `all`, `none`, or `any`: one at "
        "least, whichever it is.",
    )
    outside: Literal["flag", "refuse", "accept"] = spec_field(
        "flag",
        doc="What becomes of a row far outside of what training saw: a number further from the training range than a tenth of "
        "its width, a text where training saw at most 200 different ones and not this one, a missing value where training always "
        "had one. `flag`: it is answered, and `outside` in the answer names the places; `refuse`: 422; `accept`: nothing is said.",
    )
    cors: list[Annotated[str, AfterValidator(_origin)]] = spec_field(
        [], doc="Origins whose pages may ask from a browser, such as https://app.example.com; `*` for all."
    )
    grpc: bool = spec_field(
        False,
        doc="Answer the Open Inference Protocol over gRPC too (`inference.GRPCInferenceService`). At the gateway a call names its "
        "endpoint in the metadata `x-mlops-endpoint`. On this machine.",
    )
    timeout: Duration = spec_field(
        ANSWER_TIMEOUT,
        doc="How long an answer may take, from the gateway to the model; then the client gets 504 and the model stops. On "
        "Kubernetes the model alone holds to it.",
        gt=0,
    )
    top_k: int | None = spec_field(
        None,
        doc="Multi-class: list that many classes with the highest probabilities in their order, as `top` beside `probabilities`. "
        "Default: none are listed.",
        ge=1,
    )
    units: str | None = spec_field(
        None,
        doc="Regression, quantiles and forecasts: the unit of the label, such as minutes. It stands in every answer, in "
        "`/openapi.json` and on the page of documentation. Default: none is said.",
        min_length=1,
        max_length=40,
    )
    explain: bool = spec_field(
        False,
        doc="Say what each column contributed to a prediction, to whoever asks `POST /predict?explain=true`, of 100 rows at most: "
        "exact for the families `auto`, `linear`, `boosted_trees` and `random_forest`, sampled against 64 rows of the training data, "
        "which the package then holds, for all others. Not for images, and for tasks that predict one thing: binary, multiclass, regression and anomaly.",
    )
    cache: Annotated[Count, Field(ge=1, le=1_000_000)] | None = spec_field(
        None,
        doc="Keep the predictions of that many rows in each replica, such as 10k, and answer equal rows of small requests (up to 64 "
        "rows) from there. They are logged and counted like all others. Default: none is kept.",
    )
    golden_rows: int = spec_field(
        16, doc="Rows of the test split kept with their predictions, to check a version by.", ge=1
    )


class Package(Resource):
    """A model with its interface, as a bento and, if asked for, as an image."""

    order: ClassVar[int] = 30
    implied_by: ClassVar[str | None] = "model"

    model: ModelReference = spec_field(
        doc="The model it serves, or one version of it by the name that a tag in git gives it: `delay@champion`, `delay@v1.2.0`. "
        "Default: the model of its own name, as dvc.lock pins it.",
        change=Category.REPACKAGE,
        refers="model",
        unsaid=Unsaid.OWN_NAME,
    )
    api: Api = spec_field(Api(), doc="How it answers.", change=Category.REPACKAGE)
    threads: int = Field(1, ge=1, description="Threads of onnxruntime.", json_schema_extra={"x-change": "REPACKAGE"})
    image: Image | None = spec_field(None, doc="Build an OCI image too. Default: none.", change=Category.REPACKAGE)


def answer_misfits(api: Api, task: str, *, has_images: bool) -> Iterator[tuple[str, str]]:
    """Yield each field that says something of answers which such a model does not give, and why."""
    if api.top_k is not None and task != Task.MULTICLASS:
        yield (
            "top_k",
            f"`top_k` lists classes by probability, which only `task: multiclass` has; this is `task: {task}`",
        )
    if api.units is not None and task not in _IN_UNITS:
        yield "units", f"`units` are those of a number in the label's unit, and `task: {task}` predicts none"
    if api.explain and task not in _EXPLAINED:
        yield (
            "explain",
            f"`explain` is for tasks that predict one thing, {', '.join(_EXPLAINED)}; this is `task: {task}`",
        )
    if api.explain and has_images:
        yield (
            "explain",
            "`explain` says what each column contributed, and this model looks at images, each of them one column",
        )
