"""Say what is packed for serving.

Lives here: Package.
Not here: building a bento (kinds, tools).
Law: a field here changes what runs, so it means REPACKAGE.
"""

from __future__ import annotations

from pydantic import Field

from mlops.spec.base import Name, Resource, Strict, said
from mlops.spec.category import Category
from mlops.spec.units import Duration


class Api(Strict):
    max_rows: int = said(10_000, doc="The most rows of one request.", ge=1)
    gather: bool = said(True, doc="Answer concurrent small requests with one call of the model.")
    timeout: Duration = said(10.0, doc="The longest a request may take.")
    threshold: float = said(0.5, doc="Binary: the probability from which the label is true.", ge=0, le=1)
    golden_rows: int = said(16, doc="Rows of the test split kept with their predictions, to check a version by.", ge=1)


class Package(Resource):
    """A model with its interface, as a bento."""

    model: Name = said(doc="The model it serves.", change=Category.REPACKAGE, refers="model")
    api: Api = said(Api(), doc="How it answers.", change=Category.REPACKAGE)
    threads: int = Field(1, ge=1, description="Threads of onnxruntime.", json_schema_extra={"x-change": "REPACKAGE"})
