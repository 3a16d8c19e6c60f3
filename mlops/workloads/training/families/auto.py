"""Learn from a table that nobody knows yet.

Lives here: AutoFamily: what is tried, what is kept of it, and the ledger that says so.
Not here: what there is to try (auto_space), making one (auto_parts), what was learned (auto_fitted), weighing (stacking).
Law: what is kept, and how much it counts, is decided by rows that it did not learn from: in turn a fifth of a small train split,
else the validation split. Only the budget depends on the time, and the ledger says what it cut off. See
docs/decisions/0027-the-default-for-tables.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.config.schema.families.auto import Auto
from mlops.config.schema.units import format_duration
from mlops.metrics.table import headline_of
from mlops.metrics.task import Task
from mlops.workloads.metrics.measure import compute
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import say, write_json
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.auto_fitted import FittedAuto
from mlops.workloads.training.families.auto_parts import Part, amounts_of, fit_part, sums_of
from mlops.workloads.training.families.auto_space import ALWAYS, BOOSTED, Candidate, candidates_for
from mlops.workloads.training.families.family import Examples, Family, Fit, Fitted
from mlops.workloads.training.families.stacking import chances_of, losses_of, stack
from mlops.workloads.training.families.trees.fitted import FittedTrees
from mlops.workloads.training.families.trees.grow import Label, TimeIsOver
from mlops.workloads.training.run_log import CANDIDATE_SECONDS

_FOLDED_ROWS, _FOLDS, _MOST_PARTS = 10_000, 5, 4
_SURE = 2.0
"""Standard errors by which something is better. Several are held against each other, and one is passed by chance too often."""


@dataclass(frozen=True)
class Trial:
    """A candidate that was tried. `held_out`: `[N, K]`, what it says of rows that it did not learn from. `trees`: how many are best.
    `part`: what learned from the whole train split, where that is so already. `is_cut`: the time ended the growing of its trees."""

    candidate: Candidate
    held_out: Array
    trees: int | None = None
    part: Part | None = None
    is_cut: bool = False


class AutoFamily(Family):
    def fit(self, fit: Fit) -> Fitted:
        spec = fit.spec.architecture
        assert isinstance(spec, Auto)
        task, label = fit.spec.task, Label.of(fit.spec.task, fit.train.y)
        is_folded = len(fit.train.y) <= _FOLDED_ROWS
        truth = label.standard(fit.train.y if is_folded else fit.val.y)
        outputs = len(fit.classes) if task is Task.MULTICLASS else 1
        candidates = candidates_for(spec.space, task, rows=len(fit.train.y), outputs=outputs)
        trials, seconds = _tried(fit, candidates, budget=spec.budget, is_folded=is_folded)
        kept, weights, bias = choose(trials, truth, task)
        say(f"learning {len(kept)} of {len(trials)} from all rows", 0.9)
        parts = [trial.part or fit_part(trial.candidate, fit, fit.train, fit.val, trees=trial.trees) for trial in kept]
        if fit.log.folder is not None:
            write_json(fit.log.folder / CANDIDATE_SECONDS, seconds)
        is_over = len(trials) < len(candidates) or any(trial.is_cut for trial in trials)
        summary: dict[str, Any] = {
            "space": spec.space, "candidates": _ledger(fit, candidates, trials, truth, outputs),
            "members": [
                {"architecture": _architecture(trial), "weight": round(float(weight), 6)}
                for trial, weight in zip(kept, weights, strict=True)
            ],
            **({"cut": f"the budget of {format_duration(spec.budget)} was over"} if is_over else {}),
        }  # fmt: skip
        trees = [(w, part) for w, part in zip(weights, parts, strict=True) if isinstance(part, FittedTrees)]
        if trees:
            summary["importance"] = max(trees, key=lambda pair: float(pair[0]))[1].summary["importance"]
        return FittedAuto(
            task, parts, weights, bias, label, widths=(amounts_of(fit), fit.width), summary=summary
        )  # fmt: skip

    def load(self, folder: Path, description: Description) -> Fitted:
        return FittedAuto.load(folder, description.task, description.width)


def choose(trials: Sequence[Trial], truth: Array, task: Task) -> tuple[list[Trial], Array, Array]:
    """Return the trials that are kept, their weights `[M]`, and the bias `[K]`.

    It goes from simple to complex: the best linear model; trees beside it; several forests beside it. A step is taken where it
    is better by more than two standard errors, which few rows cannot tell from chance. Each row is judged by weights that it had
    no part in.
    """
    linear = _best_linear([trial for trial in trials if trial.candidate.is_linear], truth, task)
    trees = [trial for trial in trials if not trial.candidate.is_linear]
    trees.sort(key=lambda trial: float(losses_of(trial.held_out, truth, task).mean()))
    kept, losses = [linear], _losses([linear], truth, task)
    for step in ([linear, *trees[:1]], [linear, *trees[: _MOST_PARTS - 1]]):
        own = _losses(step, truth, task)
        if _is_better(own, losses):
            kept, losses = step, own
    if len(kept) == 1:
        return kept, np.ones(1), np.zeros(linear.held_out.shape[1])
    weights, bias = stack(_together(kept), truth, task)
    counts = weights > 0
    return [trial for trial, does in zip(kept, counts, strict=True) if does], weights[counts], bias


def _best_linear(trials: Sequence[Trial], truth: Array, task: Task) -> Trial:
    """Return the first, or a better one where that is no chance."""
    best = trials[0]
    for trial in trials[1:]:
        if _is_better(losses_of(trial.held_out, truth, task), losses_of(best.held_out, truth, task)):
            best = trial
    return best


def _is_better(losses: Array, than: Array) -> bool:
    gain = than - losses
    return bool(gain.mean() > _SURE * gain.std() / math.sqrt(len(gain)))


def _losses(trials: Sequence[Trial], truth: Array, task: Task) -> Array:
    """Return what each row loses, with weights of the trials that were fitted to other rows."""
    values, losses = _together(trials), np.empty(len(truth))
    folds = np.arange(len(truth)) % _FOLDS
    for fold in range(_FOLDS):
        rest, part = folds != fold, folds == fold
        weights, bias = stack(values[rest], truth[rest], task)
        losses[part] = losses_of(np.einsum("nmk,m->nk", values[part], weights) + bias, truth[part], task)
    return losses


def _together(trials: Sequence[Trial]) -> Array:
    return np.stack([trial.held_out for trial in trials], axis=1)


def _tried(
    fit: Fit, candidates: Sequence[Candidate], *, budget: float, is_folded: bool
) -> tuple[list[Trial], list[float | None]]:
    """Return the trials, and how long each candidate took; what is not done when the budget is over is left out, but for the
    first ones, of which trees are as many as have grown. Where each learns in turn from most rows, as much time is left as
    learning from all of them takes once more."""
    end = time.monotonic() + budget * (_FOLDS / (_FOLDS + 1) if is_folded else 1.0)
    trials: list[Trial] = []
    seconds: list[float | None] = []
    for place, candidate in enumerate(candidates):
        began = time.monotonic()
        say(f"trying {candidate.family}, {place + 1} of {len(candidates)}", 0.1 + 0.8 * place / len(candidates))
        trial = (_folded if is_folded else _validated)(candidate, fit, end, is_always=place < ALWAYS)
        if trial is None:
            fit.log.write_line(f"the budget of {format_duration(budget)} is over: {candidate.family} is not tried")
            return trials, seconds + [None] * (len(candidates) - place)
        trials.append(trial)
        seconds.append(round(time.monotonic() - began, 3))
        fit.log.write_line(f"tried {candidate.family} {dict(candidate.values)} in {seconds[-1]} s")
    return trials, seconds


def _validated(candidate: Candidate, fit: Fit, end: float, *, is_always: bool) -> Trial | None:
    if time.monotonic() >= end and not is_always:
        return None
    try:
        part = fit_part(candidate, fit, fit.train, fit.val, end=end, keep_cut=is_always)
    except TimeIsOver:
        return None
    trees = int(part.summary["kept"]) if isinstance(part, FittedTrees) else None
    return Trial(candidate, sums_of(part, fit, fit.val.x), trees, part, _is_cut([part]))


def _folded(candidate: Candidate, fit: Fit, end: float, *, is_always: bool) -> Trial | None:
    """Let a candidate learn from all folds but one, in turn. Boosted trees are as many as is best, the median of the folds. One
    that is tried always has an equal part of the time for each."""
    folds = np.random.default_rng(fit.spec.trainer.seed).permutation(len(fit.train.y)) % _FOLDS
    parts: list[Part] = []
    each = (end - time.monotonic()) / _FOLDS if is_always else 0.0
    for fold in range(_FOLDS):
        if time.monotonic() >= end and not is_always:
            return None
        rest, held = _rows(fit.train, folds != fold), _rows(fit.train, folds == fold)
        due = end - each * (_FOLDS - 1 - fold)
        try:
            parts.append(
                fit_part(candidate, fit, rest, held, keep_all=candidate.family == BOOSTED, end=due, keep_cut=is_always)
            )
        except TimeIsOver:
            return None
    trees = None
    if candidate.family == BOOSTED:
        best = [part.summary["kept"] for part in parts if isinstance(part, FittedTrees)]
        trees = max(1, round(float(np.median(best))))
    sums = [sums_of(part, fit, fit.train.x[folds == fold], trees=trees) for fold, part in enumerate(parts)]
    held_out = np.empty((len(folds), sums[0].shape[1]))
    for fold, own in enumerate(sums):
        held_out[folds == fold] = own
    return Trial(candidate, held_out, trees, is_cut=_is_cut(parts))


def _is_cut(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, FittedTrees) and "cut" in part.summary for part in parts)


def _ledger(
    fit: Fit, candidates: Sequence[Candidate], trials: Sequence[Trial], truth: Array, outputs: int
) -> list[dict[str, Any]]:
    """Return a row for the trivial model, and one for each candidate; those that the budget cut off have no values measured."""
    task, label = fit.spec.task, Label.of(fit.spec.task, fit.train.y)
    rows: list[dict[str, Any]] = [
        {"family": "constant", "values": {}, **_measured(_constant(fit, outputs, len(truth)), truth, task, label)}
    ]
    for place, candidate in enumerate(candidates):
        row: dict[str, Any] = {"family": candidate.family, "values": dict(candidate.values)}
        if place < len(trials):
            trees = trials[place].trees
            row |= {} if trees is None else {"trees": trees}
            row |= _measured(trials[place].held_out, truth, task, label)
        rows.append(row)
    return rows


def _constant(fit: Fit, outputs: int, rows: int) -> Array:
    """Return what a model says that always says what is most likely in the train split."""
    if fit.spec.task is Task.REGRESSION:
        return np.zeros((rows, 1))
    counts = np.bincount(fit.train.y.astype(np.int64), minlength=max(outputs, 2)) + 1.0
    logarithms = np.log(counts / counts.sum())
    one = logarithms[None, :] if fit.spec.task is Task.MULTICLASS else (logarithms[1:2] - logarithms[0:1])[None, :]
    return np.asarray(np.repeat(one, rows, axis=0))


def _measured(summed: Array, truth: Array, task: Task, label: Label) -> dict[str, float]:
    """Return the loss, and the headline metric of the task, of rows that were not learned from."""
    headline = headline_of(task)
    assert headline is not None
    if task is Task.REGRESSION:
        own, predicted = truth * label.scale + label.center, summed[:, 0] * label.scale + label.center
    else:
        chances = chances_of(summed, task)
        own, predicted = truth, chances if task is Task.MULTICLASS else chances[:, 0]
    value = compute(headline, own, predicted)
    loss = round(float(losses_of(summed, truth, task).mean()), 6)
    return {"val_loss": loss, f"val_{headline.name}": round(float(value), 6)}


def _architecture(trial: Trial) -> dict[str, Any]:
    """Return what a model says that is this one: as many trees as were best, whatever validation says."""
    settled: dict[str, Any] = {} if trial.trees is None else {"trees": trial.trees}
    settled |= {"patience": None} if trial.candidate.family == BOOSTED else {}
    return {"name": trial.candidate.family, **trial.candidate.values, **settled}


def _rows(examples: Examples, chosen: npt.NDArray[np.bool_]) -> Examples:
    return replace(
        examples, x=examples.x[chosen], y=examples.y[chosen],
        truth=None if examples.truth is None else examples.truth[chosen],
        weights=None if examples.weights is None else examples.weights[chosen],
    )  # fmt: skip
