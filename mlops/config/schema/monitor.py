"""Say what is watched.

Lives here: Monitor, with its drift tests and its late labels.
Not here: computing statistics (workloads).
Law: nothing here retrains; a finding proposes.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import Column, Name, Resource, Strict, Unsaid, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.units import Duration


class DriftPolicy(Strict):
    method: Literal["auto", "ks", "psi", "chi2", "jensen_shannon"] = spec_field(
        "auto", doc="`auto`: by the column's type."
    )
    threshold: float | Literal["auto"] = spec_field("auto", doc="`auto`: corrected for the number of columns.")
    ignore: tuple[Column, ...] = spec_field((), doc="Columns not tested.")
    predictions: bool = spec_field(True, doc="Test the distribution of the predictions too.")


class LabelPolicy(Strict):
    keep: Duration = spec_field(
        604800.0, doc="How long a prediction waits for its label (`POST /feedback`), and a label for its prediction."
    )


class Monitor(Resource):
    """An endpoint, watched against the data its model was trained on."""

    order: ClassVar[int] = 60

    endpoint: Name = spec_field(
        doc="What is watched. Default: the endpoint of its own name.",
        change=Category.RECONFIGURE,
        refers="endpoint",
        unsaid=Unsaid.OWN_NAME,
    )
    window: Duration = spec_field(3600.0, doc="Length of a window of the prediction log.", change=Category.RECONFIGURE)
    min_rows: int = Field(
        500,
        ge=20,
        description="A window with fewer rows is joined to the next.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )
    drift: DriftPolicy = spec_field(DriftPolicy(), doc="The tests.", change=Category.RECONFIGURE)
    labels: LabelPolicy = spec_field(LabelPolicy(), doc="Late labels.", change=Category.RECONFIGURE)
    on_finding: Literal["propose", "record"] = spec_field(
        "propose", doc="`propose` adds an edit of the YAML to the finding.", change=Category.RECONFIGURE
    )
    schedule: str | None = Field(
        None,
        description="On Kubernetes: cron text (UTC). Look then, for endpoints that are asked in batches. Default: all the time.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )
