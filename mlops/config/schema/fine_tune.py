"""Say how a network that has learned something before goes on learning.

Lives here: FineTune, a section of a model; weights_file, which tells a file from a model of the project.
Not here: reading weights (workloads.training.families.network.transfer).
Law: what is written are names of weights, and patterns of them; a pattern that fits none is an error of the training.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlops.config.schema.base import Strict, spec_field

MODEL = "model."
Pattern = Annotated[str, Field(min_length=1)]


class FineTune(Strict):
    """Weights that stay as they are at first, and weights that move more slowly than others."""

    freeze: tuple[Pattern, ...] = spec_field(
        (),
        doc="Weights that do not move, by patterns of their names such as `trunk.*`; norms that hold them do not learn either.",
    )
    unfreeze_epoch: int | None = spec_field(
        None, doc="From this epoch on, counted from 1, all weights move. Default: never.", ge=2
    )
    rates: dict[Pattern, Annotated[float, Field(gt=0, le=100)]] = spec_field(
        {},
        doc="Pattern of names -> what the learning rate is multiplied by for these weights, such as `{ trunk.*: 0.1 }`; the first "
        "pattern that fits counts.",
    )


def is_weights_file(init_from: str) -> bool:
    """Say whether `init_from` names a file or folder, rather than a model of the project."""
    return not init_from.startswith(MODEL)
