"""Say what a stack on this machine is.

Lives here: Local.
Not here: starting anything (targets.local).
Law: this machine is shared by all that runs on it, so nothing here divides it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.targets.base import Incompatibility, StackUse, TargetSpec
from mlops.config.schema.units import Duration, Size


class TlsFiles(Strict):
    """TLS at the gateway. Each is a file of the project in PEM, taken up within seconds when it is renewed, or `${secret:NAME}`,
    taken up by an apply."""

    certificate: str = spec_field(doc="The gateway's certificate, and those between it and its authority.")
    key: str = spec_field(doc="Its private key.")
    client_ca: str | None = spec_field(
        None, doc="Clients must show a certificate of this authority. Default: they need none."
    )


class Local(TargetSpec):
    """This machine: a supervisor that keeps processes, and a gateway before them."""

    target: Literal["local"] = spec_field(doc="Where it runs.", change=Category.PROVISION)
    host: str = spec_field("127.0.0.1", doc="The address the gateway listens on.", change=Category.PROVISION)
    port: int | Literal["auto"] = spec_field(
        "auto",
        doc="The gateway's port; `auto` takes the first free one from 8080 and keeps it.",
        change=Category.PROVISION,
    )
    tls: TlsFiles | None = spec_field(None, doc="Speak TLS. Default: plain HTTP.", change=Category.PROVISION)
    log_size: Size = spec_field(10_000_000, doc="A process log is rotated at this size.", change=Category.PROVISION)
    log_files: int = Field(3, ge=1, description="Rotated logs kept.", json_schema_extra={"x-change": "PROVISION"})
    stop_timeout: Duration = spec_field(10.0, doc="How long a process may take to end.", change=Category.PROVISION)

    refuses: ClassVar[dict[str, str]] = {
        "endpoint.autoscale": "starts as many replicas as `replicas` says, and no more",
        "endpoint.resources": "shares the machine among all",
        "monitor.schedule": "watches all the time",
    }

    @classmethod
    def incompatibilities(cls, use: StackUse) -> Iterator[Incompatibility]:
        yield from super().incompatibilities(use)
        if use.kind == "training":
            name = use.stack_name.partition(".")[2]
            yield Incompatibility(
                "not on this target",
                f"`training.stack: {name}` is this machine, where stages run anyway. Name a stack on Kubernetes, or none.",
                "stack",
            )
