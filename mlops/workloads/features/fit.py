"""Learn from the train split how columns become numbers.

Lives here: Encoder (one for each feature, plain numbers and texts) and fit.
Not here: the graph (graph), reading Parquet (columns).
Law: sees the train split and nothing else; equal rows give equal encoders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Values = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Encoder:
    """How one column becomes `width` numbers.

    `fill`: what stands for a missing value, before `clip`; None leaves it to the encoding (a flag, a slot, zeros).
    `categories`: of one-hot; `""` is a missing text where the train split has any, NaN a missing number.
    `renames`: texts that count as others.
    """

    column: str
    kind: str
    type: str
    fill: float | str | None = None
    clip: tuple[float, float] | None = None
    center: float = 0.0
    scale: float = 1.0
    flag: bool = False
    categories: tuple[Any, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    period: float = 0.0

    @property
    def width(self) -> int:
        match self.kind:
            case "categorical":
                return len(self.categories) + 1
            case "cyclic":
                return 2
            case _:
                return 2 if self.flag else 1


def fit(schema: Mapping[str, Any], values: Values) -> tuple[Encoder, ...]:
    """`schema`: data/NAME/schema.json. `values`: the train split as `columns.read_columns` gives it."""
    types = {column["name"]: column["type"] for column in schema["columns"]}
    features, clean = schema["features"], schema["clean"]
    told: list[Encoder] = []
    for column in features["numeric"]:
        told.append(_numeric(column, types[column], clean.get(column, {}), values[column][:, 0]))
    for column in features["categorical"]:
        most = features["max_categories"]
        told.append(_categorical(column, types[column], clean.get(column, {}), values[column][:, 0], most))
    for column, period in features["cyclic"].items():
        told.append(_simple(column, "cyclic", types[column], clean.get(column, {}), values[column][:, 0], period))
    for column in features["passthrough"]:
        told.append(_simple(column, "passthrough", types[column], clean.get(column, {}), values[column][:, 0]))
    return tuple(told)


def _numbers(raw: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if raw.dtype.kind == "i":
        return np.where(raw == np.iinfo(np.int64).min, np.nan, raw.astype(np.float64))
    return raw.astype(np.float64)


def _cleaned(
    raw: npt.NDArray[Any], clean: Mapping[str, Any]
) -> tuple[npt.NDArray[np.float64], float | None, tuple[float, float] | None]:
    values = _numbers(raw)
    clip = tuple(clean["clip"]) if "clip" in clean else None
    if clip is not None:
        values = np.clip(values, *clip)
    known = values[~np.isnan(values)]
    how = clean.get("missing")
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


def _numeric(column: str, type_: str, clean: Mapping[str, Any], raw: npt.NDArray[Any]) -> Encoder:
    values, fill, clip = _cleaned(raw, clean)
    known = values[~np.isnan(values)]
    flag = fill is None and len(known) < len(values)
    if fill is None:
        fill = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(values), fill, values)
    scale = float(filled.std())
    return Encoder(column, "numeric", type_, fill, clip, float(filled.mean()), scale if scale > 0 else 1.0, flag)


def _simple(
    column: str, kind: Literal["cyclic", "passthrough"], type_: str, clean: Mapping[str, Any], raw: npt.NDArray[Any],
    period: float = 0.0,
) -> Encoder:  # fmt: skip
    _, fill, clip = _cleaned(raw, clean)
    return Encoder(column, kind, type_, fill, clip, period=float(period))


def _categorical(column: str, type_: str, clean: Mapping[str, Any], raw: npt.NDArray[Any], most: int) -> Encoder:
    if type_ != "string":
        values, fill, clip = _cleaned(raw, clean)
        known, counts = np.unique(values, return_counts=True, equal_nan=True)
        kept = sorted(zip(known.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], str(pair[0])))[
            :most
        ]
        missing = [value for value, _ in kept if value != value]
        return Encoder(
            column, "categorical", type_, fill, clip,
            categories=(*sorted(value for value, _ in kept if value == value), *missing),
        )  # fmt: skip
    renames = dict(clean.get("map", {}))
    how = clean.get("missing")
    fill_text = str(how) if how is not None and how != "drop" else None
    if fill_text is not None:
        renames = {**renames, "": fill_text}
    counted = Counter(renames.get(value, value) for value in raw.tolist())
    kept_texts = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    return Encoder(
        column, "categorical", type_, fill_text, categories=tuple(sorted(text for text, _ in kept_texts)),
        renames=tuple(sorted(renames.items())),
    )  # fmt: skip
