"""Say what a model that was trained elsewhere may say.

Lives here: Imported.
Not here: reading it (workloads.training.families.imported), pinning its file (mlops.sources.model_file).
Law: its file is pinned by its content; a pickle, which would run whatever it holds, is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import StringConstraints

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task
from mlops.sources.source import scheme_of

if TYPE_CHECKING:
    from mlops.config.schema.model import Model

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin")
_WEB = ("http", "https")


class Imported(FamilySpec):
    """A model that was trained elsewhere: nothing is learned here; it is measured, gated, packed and rolled out like any other."""

    order: ClassVar[int] = 300
    tasks: ClassVar[tuple[Task, ...]] = (
        Task.BINARY, Task.MULTICLASS, Task.REGRESSION, Task.CLUSTERING, Task.ANOMALY, Task.REDUCTION,
    )  # fmt: skip
    files: ClassVar[tuple[str, ...]] = ("uri",)

    name: Literal["imported"] = spec_field(doc="The family.")
    uri: str = spec_field(
        doc="An ONNX file, a folder that MLflow wrote, or a skops file: a path in the project, or an address with http(s).",
        min_length=1,
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = spec_field(
        None,
        doc="The digest of the file, checked before it is read; needed for an address, whose file nobody else pins.",
    )
    inputs: Literal["features", "columns"] = spec_field(
        "features",
        doc="What an ONNX model takes: one tensor with the features of the data set, or one for each column, of its name.",
    )
    encoding: Encoding = spec_field(
        Encoding.AMOUNTS,
        doc="With `inputs: features`: `amounts`: scaled, one-hot, nothing missing. `codes`: numbers as they are, a code for each "
        "category, NaN where missing.",
    )
    output: str | None = spec_field(
        None, doc="Which output of an ONNX model is the prediction. Default: the only one that holds FLOAT or DOUBLE."
    )
    trust: tuple[str, ...] = spec_field(
        (), doc="Types that a skops file may hold beside those of scikit-learn and NumPy, such as `my_package.Scaler`."
    )

    def encodings(self) -> tuple[Encoding, ...]:
        return (self.encoding,)

    def check(self, model: Model) -> None:
        super().check(model)
        scheme = scheme_of(self.uri)
        if scheme != "file" and scheme not in _WEB:
            raise FieldError(
                f"a model is read from a path in the project or from http(s), and not from {scheme}; fetch it into the project",
                "architecture",
                "uri",
            )
        if scheme in _WEB and self.sha256 is None:
            raise FieldError(
                f"`{self.uri}` is a file that anybody may replace: say its digest too, `sha256: …` (of the file: sha256sum)",
                "architecture",
                "uri",
            )
        if self.uri.endswith(_PICKLES):
            raise FieldError(
                f"`{self.uri}` is a pickle, which runs whatever it holds when it is read. Write the model as ONNX "
                "(skl2onnx.to_onnx, torch.onnx.export) or with skops.io.dump",
                "architecture",
                "uri",
            )
