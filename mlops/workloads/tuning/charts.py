"""Draw a search.

Lives here: search_charts: how it went, all values side by side, what mattered, and each value alone.
Not here: the page around them (report), the ledger (ledger).
Law: a chart is drawn of the ledger alone; one that needs more trials than there are is left out.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import optuna

from mlops.config.schema.tuning import Dimension, Tune
from mlops.workloads.pages.html import DrawnChart
from mlops.workloads.training.report.charts import alt
from mlops.workloads.tuning.earlier import restored_trials
from mlops.workloads.tuning.ledger import history_of
from mlops.workloads.tuning.points import value_of
from mlops.workloads.tuning.study import StudyDirection

_WIDTH, _HEIGHT = 380, 260
_FEWEST = 4
"""Trials, of fewer of which nothing can be said."""
PlotRows = list[dict[str, Any]]


def search_charts(ledger: Mapping[str, Any]) -> list[DrawnChart]:
    """Return the charts of the first objective, in the order of the page. Raises ValueError for a ledger whose trials are not of
    the space that it names."""
    objective = next(iter(ledger["objectives"]))
    tune = Tune.model_validate(ledger["searched"])
    trials = [one for one in restored_trials(ledger, tune) if one.values is not None]
    if not trials:
        return []
    measured = {place: trial.values[0] for place, trial in enumerate(trials)}
    charts = [DrawnChart("How it went", "Each trial, and the best so far.", _history(ledger, objective))]
    if len(trials) >= _FEWEST:
        of_dimension = {one.path: _points(one, trials, measured) for one in tune.dimensions}
        charts.append(
            DrawnChart(
                "Side by side",
                "Each line is a trial; its color is what it reached.",
                _lines(tune, of_dimension, objective),
            )
        )
        if rows := _importance(trials, ledger):
            doc = "How much of the difference between trials each value explains, by a forest that was fitted to them."
            charts.append(DrawnChart("What mattered", doc, _bars(rows)))
        charts += [
            DrawnChart(_short(one.path), f"{objective} by {one.path}.", _slice(one, of_dimension[one.path], objective))
            for one in tune.dimensions
            if of_dimension[one.path]
        ]
    return charts


def _history(ledger: Mapping[str, Any], objective: str) -> dict[str, Any]:
    rows = history_of(ledger)
    chart = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("trial:Q", title="trial").axis(tickMinStep=1))
    y = alt.Y("value:Q", title=objective).scale(zero=False)
    dots = chart.mark_circle(color="#2b6cb0", opacity=0.8).encode(y=y, tooltip=["trial:Q", "value:Q"])
    line = chart.mark_line(color="#c53030", interpolate="step-after").encode(y="best:Q")
    return _drawn(alt.layer(dots, line))


def _points(dimension: Dimension, trials: Sequence[Any], measured: Mapping[int, float]) -> PlotRows:
    """Return a row for each trial that has the dimension: its value, and `at`, where it lies from 0 to 1."""
    rows: PlotRows = []
    for place, trial in enumerate(trials):
        if dimension.path not in trial.params:
            continue
        internal = trial.distributions[dimension.path].to_internal_repr(trial.params[dimension.path])
        value = value_of(dimension, trial.params[dimension.path])
        shown = value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        rows.append({"trial": place, "value": shown, "at": _share(dimension, internal), "measured": measured[place]})
    return rows


def _share(dimension: Dimension, internal: float) -> float:
    if dimension.kind == "choice":
        return internal / max(1, len(dimension.values) - 1)
    low, high = map(float, dimension.values[:2])
    if dimension.kind in ("log", "log_int"):
        low, high, internal = math.log(low), math.log(high), math.log(internal)
    return (internal - low) / (high - low)


def _lines(tune: Tune, of_dimension: Mapping[str, PlotRows], objective: str) -> dict[str, Any]:
    axes = [one.path for one in tune.dimensions]
    rows = [{**row, "axis": _short(path)} for path in axes for row in of_dimension[path]]
    chart = alt.Chart(alt.Data(values=rows)).mark_line(point=True, opacity=0.7).encode(
        x=alt.X("axis:N", title=None, sort=[_short(path) for path in axes]).axis(labelAngle=-20),
        y=alt.Y("at:Q", title="from lowest to highest").axis(labels=False, ticks=False), detail="trial:N",
        color=alt.Color("measured:Q", title=objective).scale(scheme="viridis"), tooltip=["trial:N", "axis:N", "value:N", "measured:Q"],
    )  # fmt: skip
    return _drawn(chart)


def _importance(trials: Sequence[Any], ledger: Mapping[str, Any]) -> PlotRows:
    directions: list[StudyDirection] = [
        "maximize" if better == "max" else "minimize" for better in ledger["objectives"].values()
    ]
    optuna.logging.set_verbosity(logging.ERROR)
    study = optuna.create_study(directions=directions)
    study.add_trials(list(trials))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found: Mapping[str, float] = {}
    with contextlib.suppress(ValueError, RuntimeError):  # all trials alike, or no value that all of them have
        found = optuna.importance.get_param_importances(
            study, evaluator=evaluator, target=lambda trial: trial.values[0]
        )
    return [{"name": _short(name), "share": share} for name, share in found.items()]


def _bars(rows: PlotRows) -> dict[str, Any]:
    chart = alt.Chart(alt.Data(values=rows)).mark_bar(color="#2b6cb0").encode(
        y=alt.Y("name:N", title=None, sort=None), x=alt.X("share:Q", title="share"), tooltip=["name:N", "share:Q"]
    )  # fmt: skip
    return _drawn(chart, height=max(80, 22 * len(rows)))


def _slice(dimension: Dimension, rows: PlotRows, objective: str) -> dict[str, Any]:
    kind = "N" if dimension.kind == "choice" else "Q"
    x = alt.X(f"value:{kind}", title=_short(dimension.path))
    if kind == "Q":
        x = x.scale(type="log") if dimension.kind in ("log", "log_int") else x.scale(zero=False)
    chart = alt.Chart(alt.Data(values=rows)).mark_circle(color="#2b6cb0", opacity=0.8).encode(
        x=x, y=alt.Y("measured:Q", title=objective).scale(zero=False), tooltip=["trial:Q", "value:N", "measured:Q"]
    )  # fmt: skip
    return _drawn(chart)


def _short(path: str) -> str:
    """Return the name of the field, with the branch that it is in."""
    return (
        path.removeprefix("architecture.")
        if path.startswith("architecture.")
        else path.replace("architecture=", "branch ")
    )


def _drawn(chart: Any, height: int = _HEIGHT) -> dict[str, Any]:
    spec: dict[str, Any] = chart.properties(width=_WIDTH, height=height).to_dict()
    return spec
