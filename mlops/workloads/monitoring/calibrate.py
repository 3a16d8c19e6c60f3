"""Find out what windows of the training data do among themselves.

Lives here: calibrate, which cuts the training rows into blocks that follow each other in time and measures each of them as a
window is measured, against the training data of other times.
Not here: judging windows (verdict), the form of what is kept (contracts.calibration).
Law: the same rows give the same calibration. A block is never compared with its own part of the time, so
that the thresholds hold for a time that training did not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs

from mlops.contracts.calibration import Dependence, Tail, WindowCalibration, WindowTails
from mlops.workloads.monitoring import dependence, measures
from mlops.workloads.monitoring.binning import Binner, Codes, bins_of
from mlops.workloads.monitoring.profile import is_prediction
from mlops.workloads.monitoring.row_keys import row_keys
from mlops.workloads.monitoring.tails import probability_beyond, tail_of

PIECE = 64
"""Rows of the smallest block; the next ones are twice as long each."""
CHUNK = PIECE * 256
FEWEST_CALIBRATED = PIECE * 16
"""Training rows below which nothing can be calibrated."""
ROWS = "(rows)"
_FOLDS = 8
_BLOCKS = 16
_LEAST_INFORMATION = 0.05
_LEAST_ORDER = 0.3
_AT_ONCE = 1_000_000


@dataclass
class _Rows:
    """The training rows, in the order of time, as bins. `fold`: the part of the time that each row lies in."""

    columns: Mapping[str, npt.NDArray[Any]]
    kinds: Mapping[str, str]
    binners: dict[str, Binner]
    codes: dict[str, Codes]
    fold: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    places: dict[str, npt.NDArray[np.int32]]
    """Of numbers: the place of each value among those that differ; -1 for missing ones."""
    signals: dict[tuple[str, str], npt.NDArray[Any]] = field(default_factory=dict)
    """(method, column) -> a number for each row, whose mean over a block is a statistic."""

    @property
    def count(self) -> int:
        return len(self.fold)


def calibrate(
    columns: Mapping[str, npt.NDArray[Any]], kinds: Mapping[str, str], *, method: str = "auto"
) -> WindowCalibration | None:
    """Return the calibration of some rows in the order of time; None where they are too few. `columns`: as `as_column` returns."""
    count = len(next(iter(columns.values())))
    if count < FEWEST_CALIBRATED:
        return None
    rows = _binned(columns, kinds)
    dependences = _add_signals(rows)
    orders = {name: kappa(codes, rows.binners[name].count) for name, codes in rows.codes.items()}
    order_column = max(orders, key=lambda name: (orders[name], name))
    shuffled = None
    if orders[order_column] >= _LEAST_ORDER:
        mixed = np.random.default_rng(0).permutation(count)
        again = _binned({name: column[mixed] for name, column in columns.items()}, kinds)
        _add_signals(again)
        shuffled = _tails(again, _sizes(count)[::3], method)
    return WindowCalibration(
        columns={name: structs.replace(binner.bins, counts=_counted(rows, name)) for name, binner in rows.binners.items()},
        dependences=dependences, method=method, ordered=_tails(rows, _sizes(count), method),
        shuffled=shuffled, order_column=order_column if shuffled else None, order=round(orders[order_column], 4),
    )  # fmt: skip


def kappa(codes: Codes, bins: int) -> float:
    """Return how much more often than by chance rows that follow each other share a bin (Cohen, 1960)."""
    shares = np.bincount(codes, minlength=bins) / max(len(codes), 1)
    return kappa_of(float((codes[1:] == codes[:-1]).mean()) if len(codes) > 1 else 0.0, shares)


def kappa_of(alike: float, shares: npt.NDArray[Any]) -> float:
    """Return kappa from the share of neighbours that are alike, and the share of each bin."""
    by_chance = float((shares**2).sum())
    return (alike - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


def _add_signals(rows: _Rows) -> tuple[Dependence, ...]:
    _add_values(rows)
    _add_means(rows)
    return _add_dependences(rows)


def _tails(rows: _Rows, sizes: list[int], method: str) -> WindowTails:
    each: dict[str, dict[str, list[Tail]]] = {}
    joint = []
    for size in sizes:
        measured = _statistics(rows, size, method)
        least = np.ones(len(_starts(rows.count, size)))
        for (test, column), values in measured.items():
            tail = tail_of(values)
            each.setdefault(test, {}).setdefault(column, []).append(tail)
            matters = values >= measures.SMALLEST_THAT_MATTERS[test]
            least = np.minimum(least, np.where(matters, probability_beyond(tail, values), 1.0))
        joint.append(tail_of(-np.log(least)))
    return WindowTails(
        sizes=tuple(sizes), joint=tuple(joint),
        each={test: {column: tuple(many) for column, many in of.items()} for test, of in each.items()},
    )  # fmt: skip


def _sizes(count: int) -> list[int]:
    """Return the sizes of which there are enough blocks; those of half a chunk and less."""
    sizes = [PIECE * 2**power for power in range(8)]
    return [size for size in sizes if size <= count // 8 and len(_starts(count, size)) >= _BLOCKS]


def _binned(columns: Mapping[str, npt.NDArray[Any]], kinds: Mapping[str, str]) -> _Rows:
    binners = {name: Binner(bins_of(columns[name], kind)) for name, kind in kinds.items()}
    codes = {name: binner.codes(columns[name]) for name, binner in binners.items()}
    count = len(next(iter(columns.values())))
    keys = row_keys({name: column for name, column in columns.items() if not is_prediction(name)}, count)
    places = {}
    for name in (name for name, kind in kinds.items() if kind == "number"):
        places[name] = np.unique(columns[name].astype(np.float32), return_inverse=True)[1].astype(np.int32)
        places[name][codes[name] == binners[name].missing] = -1
    return _Rows(columns, kinds, binners, codes, np.arange(count) * _FOLDS // count, keys, places)


def _counted(rows: _Rows, name: str) -> tuple[int, ...]:
    return tuple(np.bincount(rows.codes[name], minlength=rows.binners[name].count).tolist())


def _add_values(rows: _Rows) -> None:
    """Say of each value whether the other parts of the time have none like it, or none as small or as large."""
    for name, kind in rows.kinds.items():
        if is_prediction(name):
            continue
        column = rows.columns[name]
        known = rows.codes[name] != rows.binners[name].missing
        if kind == "text" or rows.binners[name].bins.grid is not None:
            values = column if kind == "text" else column.astype(np.float32)
            _, places = np.unique(values[known].astype(str) if kind == "text" else values[known], return_inverse=True)
            met = np.zeros((int(places.max(initial=0)) + 1, _FOLDS), dtype=bool)
            met[places, rows.fold[known]] = True
            alone = np.zeros(rows.count)
            alone[known] = met.sum(axis=1)[places] == 1
            rows.signals["unseen", name] = alone
        if kind == "number" and known.any():
            ends = [
                (np.nanmin(part), np.nanmax(part)) if not np.isnan(part := column[rows.fold == fold]).all() else (np.inf, -np.inf)
                for fold in range(_FOLDS)
            ]  # fmt: skip
            outside = np.zeros(rows.count)
            for fold in range(_FOLDS):
                others = [end for place, end in enumerate(ends) if place != fold]
                least, most = min(end[0] for end in others), max(end[1] for end in others)
                here = rows.fold == fold
                outside[here] = (column[here] < least) | (column[here] > most)
            rows.signals["outside", name] = outside


def _add_dependences(rows: _Rows) -> tuple[Dependence, ...]:
    """Choose the pairs of columns that go together, and score each row by what the other parts of the time show."""
    coarse, widths = {}, {}
    for name, kind in rows.kinds.items():
        groups = dependence.coarse_bins(np.array(_counted(rows, name)), is_text=kind == "text")
        coarse[name], widths[name] = groups[rows.codes[name]], int(groups.max()) + 1
    names = list(rows.kinds)
    weights = {
        (left, right): dependence.information(
            dependence.table(coarse[left], coarse[right], (widths[left], widths[right]))
        )
        for place, left in enumerate(names)
        for right in names[place + 1 :]
    }
    kept = []
    for left, right in dependence.strongest_tree(names, weights, _LEAST_INFORMATION):
        shape = (widths[left], widths[right])
        parts = [
            dependence.table(coarse[left][rows.fold == fold], coarse[right][rows.fold == fold], shape)
            for fold in range(_FOLDS)
        ]
        total = np.sum(parts, axis=0)
        cells = coarse[left] * shape[1] + coarse[right]
        lost = np.zeros(rows.count)
        for fold, part in enumerate(parts):
            found = dependence.scores(total - part)
            here = rows.fold == fold
            mean = float((found * (total - part)).sum() / max(1, (total - part).sum()))
            lost[here] = mean - found.ravel()[cells[here]]
        found = dependence.scores(total)
        mean = float((found * total).sum() / total.sum())
        rows.signals["joint", f"{left} and {right}"] = lost
        kept.append(
            Dependence(left=left, right=right, scores=tuple(np.round(found, 4).ravel().tolist()), mean=round(mean, 6))
        )
    return tuple(kept)


def _add_means(rows: _Rows) -> None:
    """Say of each row how far its prediction is from the mean of the other parts of the time."""
    for name, kind in rows.kinds.items():
        if not is_prediction(name) or kind != "number":
            continue
        predicted = np.nan_to_num(rows.columns[name])
        sums, counts = np.bincount(rows.fold, weights=predicted), np.bincount(rows.fold)
        others = (sums.sum() - sums) / (counts.sum() - counts)
        scale = measures.mean_scale(float(predicted.mean()), float(predicted.std()))
        rows.signals["mean", name] = (predicted - others[rows.fold]) / scale


def _starts(count: int, size: int) -> npt.NDArray[np.int64]:
    """Return where blocks of a size begin: each overlaps three quarters of the next, and none reaches over the end of a chunk."""
    step = max(PIECE, size // 4)
    starts = np.arange(0, count - size + 1, step)
    return starts[starts // CHUNK == (starts + size - 1) // CHUNK] if count > CHUNK else starts


def _statistics(rows: _Rows, size: int, method: str) -> dict[tuple[str, str], npt.NDArray[Any]]:
    starts = _starts(rows.count, size)
    fold = rows.fold[starts + size // 2]
    pieces = rows.count // PIECE
    first, each = starts // PIECE, size // PIECE
    found: dict[tuple[str, str], npt.NDArray[Any]] = {}

    def blocks(of_pieces: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = np.concatenate([np.zeros((1, *of_pieces.shape[1:])), np.cumsum(of_pieces, axis=0)])
        return np.asarray(sums[first + each] - sums[first])

    piece = np.minimum(np.arange(rows.count) // PIECE, pieces)
    for name, kind in rows.kinds.items():
        width = rows.binners[name].count
        by_piece = np.bincount(piece * width + rows.codes[name], minlength=(pieces + 1) * width)
        counts = blocks(by_piece.reshape(-1, width)[:pieces])
        by_fold = np.bincount(rows.fold * width + rows.codes[name], minlength=_FOLDS * width).reshape(_FOLDS, width)
        others = (by_fold.sum(axis=0) - by_fold)[fold]
        chosen = measures.distribution_method(method, kind)
        found[chosen, name] = measures.distance(chosen, counts, others)
        found["missing", name] = measures.missing(counts, others)
        if kind == "number":
            found["constant", name] = _most_often(rows.places[name], starts, size)
    for key, values in rows.signals.items():
        sums = np.bincount(piece, weights=values, minlength=pieces + 1)[:pieces]
        mean = blocks(sums) / size
        found[key] = np.abs(mean) if key[0] == "mean" else mean
    found["duplicates", ROWS] = np.array([_repeated(rows.keys[start : start + size]) for start in starts]) / size
    return found


def _most_often(values: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], size: int) -> npt.NDArray[Any]:
    """Return the share of the known values of each block that are its most frequent one; a value below 0 is missing."""
    shares = []
    for part in np.array_split(starts, max(1, len(starts) * size // _AT_ONCE)):
        ordered = np.sort(values[part[:, None] + np.arange(size)], axis=1)
        ends = np.ones(ordered.shape, dtype=bool)
        ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
        lasts = np.flatnonzero(ends)
        lengths = np.diff(lasts, prepend=-1)
        lengths[ordered.ravel()[lasts] < 0] = 0
        block = lasts // size
        longest = np.maximum.reduceat(lengths, np.flatnonzero(np.diff(block, prepend=-1)))
        shares.append(longest / np.maximum((ordered >= 0).sum(axis=1), 1))
    return np.concatenate(shares)


def _repeated(keys: npt.NDArray[np.uint64]) -> int:
    ordered = np.sort(keys)
    return int((ordered[1:] == ordered[:-1]).sum())
