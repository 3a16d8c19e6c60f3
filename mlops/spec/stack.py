"""Say where things run.

Lives here: Stack, with its targets.
Not here: starting anything (kinds, tools).
Law: each target is one model; they share only their name.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlops.spec.base import Resource, said
from mlops.spec.category import Category
from mlops.spec.units import Duration, Size


class Stack(Resource):
    """This machine: a supervisor that keeps processes, and a gateway before them."""

    target: Literal["local"] = said(doc="Where it runs.", change=Category.PROVISION)
    host: str = said("127.0.0.1", doc="The address the gateway listens on.", change=Category.PROVISION)
    port: int | Literal["auto"] = said(
        "auto",
        doc="The gateway's port; `auto` takes the first free one from 8080 and keeps it.",
        change=Category.PROVISION,
    )
    log_size: Size = said(10_000_000, doc="A process log is rotated at this size.", change=Category.PROVISION)
    log_files: int = Field(3, ge=1, description="Rotated logs kept.", json_schema_extra={"x-change": "PROVISION"})
    stop_timeout: Duration = said(10.0, doc="How long a process may take to end.", change=Category.PROVISION)
