"""Hold what the models of all targets share.

Lives here: TargetSpec, StackUse (what is to run on a stack) and Incompatibility (why it cannot).
Not here: the targets' own models.
Law: what a target cannot do is said with its field before anything is planned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, WithJsonSchema

from mlops.config.schema.base import Resource
from mlops.config.schema.by_name import Entry


def _quantity(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", text):
        raise ValueError(f"`{text}` is no amount; write it as Kubernetes does: 500m or 2 (CPUs), 512Mi or 4Gi (memory)")
    return text


Quantity = Annotated[str, AfterValidator(_quantity), WithJsonSchema({"type": "string", "x-unit": "quantity"})]


@dataclass(frozen=True)
class StackUse:
    """Something that is to run on a stack. `kind`: endpoint, monitor or training. `inputs`: its inputs as they are written,
    without defaults. `stack`: the stack's effective inputs. `package`: of an endpoint, the package's effective inputs."""

    kind: str
    address: str
    stack_name: str
    inputs: Mapping[str, Any]
    stack: Mapping[str, Any]
    environment: str
    package: Mapping[str, Any] | None = None
    has_registry: bool = False


@dataclass(frozen=True)
class Incompatibility:
    """Why a stack cannot run something. `field`: of what is to run, where the problem is shown."""

    summary: str
    detail: str
    field: str


class TargetSpec(Resource, Entry):
    """What every target's stack may say."""

    refuses: ClassVar[Mapping[str, str]] = {}
    """`KIND.FIELD` -> why it cannot be had on this target, as the end of a sentence that begins with the target."""

    @classmethod
    def incompatibilities(cls, use: StackUse) -> Iterator[Incompatibility]:
        """Yield why `use` cannot run on such a stack; a target adds its own to these."""
        target = use.stack["target"]
        for path, why in cls.refuses.items():
            kind, _, field = path.partition(".")
            if kind == use.kind and field in use.inputs:
                yield Incompatibility(
                    "not on this target",
                    f"`{field}` cannot be had on {use.stack_name}: the target {target} {why}. Take `{field}` out.",
                    field,
                )
