"""Say what the DVC stages read: the files of params/.

Lives here: ParamsIndex, and the envelope of each stage's section: PrepareParams, TrainParams, EvaluateParams, ExportParams.
Not here: the fields inside, which are those of the data set's and the model's schema (config.schema); rendering (kinds).
Law: equal parameters are equal bytes; what changes no output of a stage is not in its section.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from mlops.contracts.codec import Contract

_Code = dict[str, str] | str
_CODE = Meta(description="File -> digest of the code that the stage runs; one digest in files of an older version.")


class ModelOfIndex(Contract, kw_only=True, frozen=True):
    """One model of the index."""

    dataset: Annotated[str, Meta(description="The data set that it learns from.")]
    reads: Annotated[
        tuple[str, ...],
        Meta(
            description="Folders of the models that its training reads; in the places that are left, `pipelines/train.py`, "
            "which the stage depends on anyway."
        ),
    ] = ()


class TuneOfIndex(Contract, kw_only=True, frozen=True):
    """One model of the index whose values are searched for."""

    dataset: Annotated[str, Meta(description="The data set that its trials learn from.")]


class PrepareOfIndex(Contract, kw_only=True, frozen=True):
    """One data set of the index."""

    reads: Annotated[
        tuple[str, ...],
        Meta(
            description="Folders of the data sets that it reads; in the places that are left, `pipelines/prepare.py`, which "
            "the stage depends on anyway."
        ),
    ]


class ParamsIndex(Contract, kw_only=True, frozen=True):
    """`params/index.json`: what `dvc.yaml` makes stages for."""

    dataset: Annotated[
        tuple[str, ...], Meta(description="Names of the data sets, for a `dvc.yaml` of an older version.")
    ] = ()
    prepare: Annotated[
        dict[str, PrepareOfIndex], Meta(description="Name of the data set -> what its stage needs of it.")
    ] = field(default_factory=dict)
    model: Annotated[dict[str, ModelOfIndex], Meta(description="Name of the model -> what the stages need of it.")] = (
        field(default_factory=dict)
    )
    tune: Annotated[
        dict[str, TuneOfIndex], Meta(description="Name of the model -> what the search for its values needs.")
    ] = field(default_factory=dict)


class PrepareParams(Contract, kw_only=True, frozen=True):
    """`prepare` of `params/dataset/NAME.json`. The fields of `spec` stand in the section itself, beside the others."""

    spec: Annotated[
        dict[str, Any],
        Meta(description="The data set's fields that change data, defaults left out; see `mlops schema`."),
    ]
    fingerprint: Annotated[
        dict[str, str],
        Meta(description="Source -> its fingerprint, such as the md5 of a file's bytes, checked before it is read."),
    ]
    code: Annotated[_Code, _CODE] = ""

    def section(self) -> dict[str, Any]:
        """Return the section as it stands in the file."""
        return {**self.spec, "fingerprint": self.fingerprint, "code": self.code}

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> PrepareParams:
        """Return what a section of a file holds."""
        spec = {name: value for name, value in section.items() if name not in ("fingerprint", "code")}
        return cls(spec=spec, fingerprint=section["fingerprint"], code=section.get("code", ""))


class TrainParams(Contract, kw_only=True, frozen=True):
    """`train` of `params/model/NAME.json`. The fields of `spec` stand in the section itself, beside `code`."""

    spec: Annotated[
        dict[str, Any],
        Meta(description="The model's fields that change its training, defaults left out; see `mlops schema`."),
    ]
    fingerprint: Annotated[
        dict[str, str],
        Meta(
            description="Field that names a file, such as `architecture.uri` -> the file's fingerprint, checked before it is "
            "read; left out where there is none."
        ),
    ] = field(default_factory=dict)
    code: Annotated[_Code, _CODE] = ""

    def section(self) -> dict[str, Any]:
        """Return the section as it stands in the file."""
        pinned = {"fingerprint": self.fingerprint} if self.fingerprint else {}
        return {**self.spec, **pinned, "code": self.code}

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> TrainParams:
        """Return what a section of a file holds."""
        spec = {name: value for name, value in section.items() if name not in ("fingerprint", "code")}
        return cls(spec=spec, fingerprint=section.get("fingerprint", {}), code=section.get("code", ""))


_Threshold = float | dict[str, Any] | None
_THRESHOLD = Meta(description="The model's `threshold`: a number, or how it is chosen; null: 0.5.")
_Calibration = str | None
_CALIBRATION = Meta(description="The model's `calibration`; null: none.")


class OwnMetricParams(Contract, kw_only=True, frozen=True):
    """A metric of the model itself."""

    target: Annotated[str, Meta(description="`package.module.function`.")] = field(name="_target_")
    better: Annotated[str, Meta(description="`max` or `min`.")]


class TuneParams(Contract, kw_only=True, frozen=True):
    """`tune` of `params/model/NAME.json`, where the model says what to search for."""

    tune: Annotated[dict[str, Any], Meta(description="The search, defaults left out; see `mlops schema`.")]
    dataset: Annotated[str, Meta(description="The data set that trials learn from.")]
    task: Annotated[str, Meta(description="What is predicted.")]
    family: Annotated[str, Meta(description="The family of the model; empty where it is searched for.")] = ""
    code: Annotated[_Code, _CODE] = ""


class EvaluateParams(Contract, kw_only=True, frozen=True):
    """`evaluate` of `params/model/NAME.json`."""

    slices: Annotated[tuple[str, ...], Meta(description="Columns whose values are measured one by one.")] = ()
    threshold: Annotated[_Threshold, _THRESHOLD] = None
    calibration: Annotated[_Calibration, _CALIBRATION] = None
    metrics: Annotated[dict[str, OwnMetricParams], Meta(description="Name -> metric of the model itself.")] = field(
        default_factory=dict
    )
    code: Annotated[_Code, _CODE] = ""


class ExportParams(Contract, kw_only=True, frozen=True):
    """`export` of `params/model/NAME.json`."""

    threshold: Annotated[_Threshold, _THRESHOLD] = None
    calibration: Annotated[_Calibration, _CALIBRATION] = None
    code: Annotated[_Code, _CODE] = ""
