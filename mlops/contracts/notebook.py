"""Say which exported model a process is to answer a notebook with.

Lives here: NotebookModel.
Not here: answering (workloads.notebook), the notebook's side (api.notebook).
Law: the process answers as a server of the model's package would.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from mlops.contracts.codec import Document


class NotebookModel(Document, kw_only=True, frozen=True):
    """One process that answers a notebook.

    `python -m mlops.workloads.notebook TEXT` runs, where TEXT is this document. It reads one request a line, `{"rows": […]}`, and
    writes one answer a line: the status of HTTP, a blank, and the body that `/predict` would answer. It ends with its input.
    """

    export: Annotated[str, Meta(description="Folder of model.onnx, contract.json and golden.json.")]
    api: Annotated[dict[str, Any], Meta(description="What api.json of the model's package holds.")]
    version: Annotated[str, Meta(description="What answers name as their version: the start of the model's digest.")]
