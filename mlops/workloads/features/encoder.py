"""Say what a feature transform learns.

Lives here: Transform, the protocol of the table; RawColumn, what it learns from; Encoder and NumberEncoder, what it gives;
EncodedColumn, one of the numbers that a column becomes.
Not here: the transforms themselves (transforms), learning all of them (fit), the whole graph (graph).
Law: sees the train split and nothing else; equal rows give equal encoders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from mlops.config.schema.families.encoding import Encoding
from mlops.contracts.names import MISSING_INT

if TYPE_CHECKING:
    from mlops.workloads.features.builder import GraphBuilder


@dataclass(frozen=True)
class EncodedColumn:
    """One of the numbers that a column becomes, in an encoding. `codes`: how many codes there are, where the number is a code
    (0, 1, …, or NaN); 0 where it is an amount."""

    column: str
    codes: int = 0
    encoding: Encoding = Encoding.AMOUNTS


@dataclass(frozen=True)
class Encoder(ABC):
    """How one column becomes numbers, in each encoding. `kind`: the name of its transform. `type`: of the column, in the
    contract."""

    column: str
    kind: str
    type: str

    @property
    @abstractmethod
    def width(self) -> int:
        """Count the numbers that the column becomes where every number is an amount and none is missing."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row of the column."""
        return (1,)

    @abstractmethod
    def add_nodes(self, graph: GraphBuilder) -> str:
        """Add what turns the graph's input `column`, `[N, *input_shape]`, into FLOAT `[N, width]`; return that tensor's name."""

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        """Return what `add_codes` gives; that of an encoder with one encoding is what `add_nodes` gives."""
        return tuple(EncodedColumn(self.column) for _ in range(self.width))

    def add_codes(self, graph: GraphBuilder) -> str:
        """Add what turns the column into FLOAT `[N, len(coded)]` for a family that takes categories and missing values as they
        are: amounts, codes of categories, and NaN for what is missing; return that tensor's name."""
        return self.add_nodes(graph)


@dataclass(frozen=True)
class NumberEncoder(Encoder, ABC):
    """An encoder of numbers, with the column's cleaning.

    `fill`: what stands for a missing value; None leaves it to the encoding. `clip`: the bounds that values are moved to.
    """

    fill: float | None = None
    clip: tuple[float, float] | None = None

    def add_number(self, graph: GraphBuilder, *, fill: float | None) -> str:
        """Add the number after cleaning, FLOAT `[N, 1]`; NaN where it is missing and nothing fills it."""
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        return graph.to_float(value if fill is None else graph.fill(value, missing, fill))


@dataclass(frozen=True)
class RawColumn:
    """A column of the train split.

    `type`: in the contract. `values`: `[N]`, as `columns.read_columns` gives them, of images `[N, C, H, W]`. `cleaning`: what `clean:` says of it.
    `parameter`: what `features:` says of it where the transform takes a mapping, else None. `options`: of the transform.
    """

    name: str
    type: str
    values: npt.NDArray[Any]
    cleaning: Mapping[str, Any]
    parameter: Any
    options: Mapping[str, Any]

    def cleaned(self) -> tuple[npt.NDArray[np.float64], float | None, tuple[float, float] | None]:
        """Return the numbers after cleaning, NaN where missing still; what fills missing ones; the bounds of clipping."""
        values = _numbers(self.values)
        clip = tuple(self.cleaning["clip"]) if "clip" in self.cleaning else None
        if clip is not None:
            values = np.clip(values, *clip)
        known = values[~np.isnan(values)]
        how = self.cleaning.get("missing")
        fill: float | None = None
        if how == "median":
            fill = float(np.median(known)) if len(known) else 0.0
        elif how == "mean":
            fill = float(known.mean()) if len(known) else 0.0
        elif how is not None and how != "drop":
            fill = float(how)
        if fill is not None:
            values = np.where(np.isnan(values), fill, values)
        return values, fill, clip


class Transform(Protocol):
    """What a name registers in `mlops.transforms`: a class without arguments."""

    def fit(self, column: RawColumn) -> Encoder:
        """Learn from the train split how the column becomes numbers. Raises MlopsError."""


def _numbers(raw: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if raw.dtype.kind == "i":
        return np.where(raw == MISSING_INT, np.nan, raw.astype(np.float64))
    return raw.astype(np.float64)
