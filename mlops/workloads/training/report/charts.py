"""Draw charts.

Lives here: charts_of, with Altair, of the plots that an evaluation wrote.
Not here: the points (training.evaluation.plots), the page around them (page).
Law: a chart is drawn of the points alone; one whose plot is missing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair

from mlops.workloads.pages.html import DrawnChart
from mlops.workloads.training.evaluation.plots import Points

alt: Any = altair
"""Its constructors have no types."""
Drawing = Any
_WIDTH, _HEIGHT = 380, 260
_MOST_BARS = 25
_BLUE, _GREY, _RED = "#2b6cb0", "#a0aec0", "#c53030"


def charts_of(plots: Mapping[str, Points]) -> list[DrawnChart]:
    """Return the charts in the order of the page. `plots`: name of a file of plots/model/NAME -> its points."""
    return [
        DrawnChart(title, doc, draw(plots[name]).to_dict())
        for name, (title, doc, draw) in _CHARTS.items()
        if plots.get(name)
    ]


def _learning(points: Points) -> Drawing:
    time = next((name for name in ("epoch", "step", "round", "iteration") if name in points[0]), None)
    rows = [
        {"at": row.get(time, place) if time else place, "measured": name, "value": value}
        for place, row in enumerate(points)
        for name, value in row.items()
        if name != time and isinstance(value, int | float)
    ]
    return _sized(
        alt.Chart(alt.Data(values=rows)).mark_line(point=True).encode(
            x=alt.X("at:Q", title=time or "time").axis(tickMinStep=1), y=alt.Y("value:Q", title=None).scale(zero=False),
            color=alt.Color("measured:N", title=None), tooltip=["at:Q", "measured:N", "value:Q"],
        )
    )  # fmt: skip


def _curve(x: str, y: str, x_title: str, y_title: str, *, diagonal: bool) -> Callable[[Points], Drawing]:
    def draw(points: Points) -> Drawing:
        line = alt.Chart(alt.Data(values=points)).mark_line(color=_BLUE).encode(
            x=alt.X(f"{x}:Q", title=x_title).scale(domain=[0, 1]), y=alt.Y(f"{y}:Q", title=y_title).scale(domain=[0, 1]),
            order=f"{x}:Q", tooltip=[f"{x}:Q", f"{y}:Q"],
        )  # fmt: skip
        return _sized(alt.layer(_diagonal(), line) if diagonal else line)

    return draw


def _calibration(points: Points) -> Drawing:
    chart = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("said:Q", title="probability that is said").scale(domain=[0, 1]),
        y=alt.Y("true:Q", title="share that is true").scale(domain=[0, 1]),
        tooltip=["said:Q", "true:Q", "rows:Q"],
    )
    dots = chart.mark_circle(color=_BLUE, opacity=1).encode(size=alt.Size("rows:Q", title="rows"))
    return _sized(alt.layer(_diagonal(), chart.mark_line(color=_BLUE), dots))


def _confusion(points: Points) -> Drawing:
    of_class: dict[str, int] = {}
    for cell in points:
        of_class[cell["actual"]] = of_class.get(cell["actual"], 0) + cell["rows"]
    rows = [{**cell, "share": cell["rows"] / of_class[cell["actual"]]} for cell in points]
    chart = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("predicted:N", title="predicted"), y=alt.Y("actual:N", title="actual"),
        tooltip=["actual:N", "predicted:N", "rows:Q", alt.Tooltip("share:Q", format=".1%")],
    )  # fmt: skip
    cells = chart.mark_rect().encode(
        color=alt.Color("share:Q", title="of the class").scale(scheme="blues", domain=[0, 1]).legend(format=".0%")
    )
    if len(of_class) > _MOST_BARS:
        return _sized(cells)
    words = chart.mark_text().encode(
        text="rows:Q", color=alt.condition("datum.share > 0.6", alt.value("white"), alt.value("black"))
    )
    return _sized(alt.layer(cells, words))


def _importance(points: Points) -> Drawing:
    rows = [
        {**row, "low": row["worse_by"] - row["deviation"], "high": row["worse_by"] + row["deviation"]}
        for row in points[:_MOST_BARS]
    ]
    chart = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("column:N", title=None, sort=None))
    bars = chart.mark_bar(color=_BLUE).encode(
        x=alt.X("worse_by:Q", title="worse by"), tooltip=["column:N", "worse_by:Q", "deviation:Q"]
    )
    return _sized(
        alt.layer(bars, chart.mark_rule(color=_GREY, strokeWidth=2).encode(x="low:Q", x2="high:Q")), tall=rows
    )


def _residuals(points: Points) -> Drawing:
    dots = alt.Chart(alt.Data(values=points)).mark_circle(color=_BLUE).encode(
        x=alt.X("predicted:Q", title="predicted").scale(zero=False),
        y=alt.Y("residual:Q", title="actual less predicted"), tooltip=["predicted:Q", "residual:Q"],
    )  # fmt: skip
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=_GREY, strokeDash=[4, 4]).encode(y="zero:Q")
    return _sized(alt.layer(zero, dots))


def _weak(points: Points) -> Drawing:
    chart = alt.Chart(alt.Data(values=points)).encode(y=alt.Y("where:N", title=None, sort=None).axis(labelLimit=420))
    spans = chart.mark_rule(color=_RED, strokeWidth=3).encode(
        x=alt.X("low:Q", title="loss").scale(zero=False), x2="high:Q"
    )
    dots = chart.mark_circle(color=_RED, size=70, opacity=1).encode(
        x="loss:Q", tooltip=["where:N", "rows:Q", "loss:Q", "low:Q", "high:Q"]
    )
    overall = alt.Chart(alt.Data(values=points[:1])).mark_rule(color=_GREY, strokeDash=[4, 4]).encode(x="all:Q")
    return _sized(alt.layer(overall, spans, dots), tall=points)


def _diagonal() -> Drawing:
    ends = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
    return alt.Chart(alt.Data(values=ends)).mark_line(color=_GREY, strokeDash=[4, 4]).encode(x="x:Q", y="y:Q")


def _sized(chart: Any, tall: Points | None = None) -> Drawing:
    height = max(80, 22 * len(tall)) if tall else _HEIGHT
    return chart.properties(width=_WIDTH, height=height)


_CHARTS: Mapping[str, tuple[str, str, Callable[[Points], Drawing]]] = {
    "loss": ("Learning", "What training measured on its way.", _learning),
    "roc": (
        "ROC", "Of the true rows how many are found, by how many of the false ones are said to be true.",
        _curve("fpr", "tpr", "false positive rate", "true positive rate", diagonal=True),
    ),
    "precision_recall": (
        "Precision and recall", "How many of those that are said to be true are true, by how many of the true ones are found.",
        _curve("recall", "precision", "recall", "precision", diagonal=False),
    ),
    "calibration": (
        "Calibration", "Of the rows with one probability, how many are true; on the line, probabilities are honest.",
        _calibration,
    ),
    "confusion": ("Confusion", "Rows of each class, and what they are said to be.", _confusion),
    "residuals": ("Residuals", "How far off predictions are, a sample of the rows.", _residuals),
    "importance": (
        "What it leans on", "How much worse the headline is once a column is shuffled, with the deviation of three shuffles.",
        _importance,
    ),
    "weak_slices": (
        "Where it is bad", "Conditions under which the loss is higher than that of all rows (dashed), with 95 % intervals.",
        _weak,
    ),
}  # fmt: skip
