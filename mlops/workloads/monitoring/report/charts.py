"""Draw charts of windows.

Lives here: overview, distribution, over_time and metrics_over_time, with Altair.
Not here: which columns are drawn (page), counting (monitoring.tally).
Law: a chart shows counts and statistics as they were judged; numbers are drawn in bins of equal width, made of the bins that
were counted in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import altair
import numpy as np
import numpy.typing as npt

from mlops.contracts.calibration import ColumnBins
from mlops.contracts.windows import JudgedTest, JudgedWindow
from mlops.workloads.pages.html import DrawnChart

_alt: Any = altair
"""Its constructors have no types."""
_Drawing = Any
_WIDTH, _HEIGHT = 400, 230
_BARS, _MOST_TEXTS, _MOST_VALUES, _LONGEST = 24, 12, 20, 28
_GREY, _BLUE, _RED = "#a0aec0", "#2b6cb0", "#c53030"
_TESTS = [_BLUE, "#dd6b20", "#2c7a7b", "#6b46c1", "#718096"]
_MOST_COLUMNS, _MOST_WINDOWS = 30, 120
_TRAINING, _NOW = "training", "these windows"
_OTHER, _MISSING = "another value", "missing"


def overview(windows: Sequence[JudgedWindow], *, by_time: bool) -> DrawnChart | None:
    """Draw how near each column came to its threshold in each window; None where nothing was tested."""
    shown = windows[-_MOST_WINDOWS:]
    highest: dict[str, float] = {}
    cells = []
    for window in shown:
        near: dict[str, JudgedTest] = {}
        for test in window.tests:
            if test.name not in near or _ratio(test) > _ratio(near[test.name]):
                near[test.name] = test
        for name, test in near.items():
            highest[name] = max(highest.get(name, 0.0), _ratio(test))
            cells.append(
                {
                    "column": name, "test": test.method, "statistic": test.statistic, "threshold": test.threshold,
                    "of": min(_ratio(test), 2.0), "moved": test.moved, "window": _when(window.until, by_time=by_time),
                }
            )  # fmt: skip
    names = sorted(highest, key=lambda name: (-highest[name], name))[:_MOST_COLUMNS]
    cells = [cell for cell in cells if cell["column"] in names]
    if not cells:
        return None
    chart = _alt.Chart(_alt.Data(values=cells)).encode(
        x=_alt.X("window:O", title=None).axis(labelAngle=-40, labelOverlap=True, labelLimit=130),
        y=_alt.Y("column:N", title=None, sort=names).axis(labelLimit=220),
        tooltip=["window:O", "column:N", "test:N", "statistic:Q", "threshold:Q"],
    )
    colors = _alt.Scale(domain=[0, 1, 2], range=["#f7fafc", "#f6c177", _RED], interpolate="rgb")
    boxes = chart.mark_rect(stroke="white").encode(
        color=_alt.Color("of:Q", title="statistic, in thresholds").scale(colors).legend(
            orient="top", direction="horizontal", gradientLength=240, values=[0, 1, 2]
        )
    )  # fmt: skip
    dots = chart.mark_point(shape="circle", filled=True, size=18, color="black").transform_filter("datum.moved")
    width = 820 if len(shown) > 1 else 200
    doc = f"The test of each column that came nearest to its threshold, or went furthest beyond it; a dot where it moved. {_cut_words(windows, highest)}"
    drawn = _alt.layer(boxes, dots).properties(width=width, height=max(60, 20 * len(names)))
    return DrawnChart("All windows", doc.strip(), drawn.to_dict())


def _cut_words(windows: Sequence[JudgedWindow], names: Mapping[str, float]) -> str:
    words = []
    if len(windows) > _MOST_WINDOWS:
        words.append(f"The newest {_MOST_WINDOWS} of {len(windows)} windows.")
    if len(names) > _MOST_COLUMNS:
        words.append(f"The {_MOST_COLUMNS} of {len(names)} columns that moved most.")
    return " ".join(words)


def distribution(name: str, bins: ColumnBins, counts: npt.NDArray[Any], whose: str) -> DrawnChart:
    """Draw a column in training and in some windows. `counts`: of these windows, in each bin. `whose`: which windows they are."""
    training = np.array(bins.counts)
    doc = f"Share of the rows: in training, and in {whose}."
    if bins.texts is None and len(bins.edges or ()) > _MOST_VALUES:
        rows = _areas(bins, training, counts)
        chart = _alt.Chart(_alt.Data(values=rows)).encode(
            x=_alt.X("from:Q", title=name).scale(zero=False, nice=False), x2="to:Q", y=_alt.Y("share:Q", title=None).axis(format="%"),
            y2=_alt.datum(0), color=_colors(), tooltip=["of:N", "holds:N", _alt.Tooltip("share:Q", format=".2%")],
        )  # fmt: skip
        doc = f"{doc} The first and the last bar hold all that lies beyond. {_missing_words(training, counts)}".strip()
        return DrawnChart(f"{name}: values", doc, _sized(chart.mark_rect(opacity=0.55)).to_dict())
    labels = [_short(text) for text in bins.texts] if bins.texts is not None else _spans(bins)
    rows, order = _bars([*labels, _OTHER, _MISSING], training, counts, is_text=bins.texts is not None)
    chart = _alt.Chart(_alt.Data(values=rows)).encode(
        y=_alt.Y("value:N", title=None, sort=order).axis(labelLimit=190), yOffset=_alt.YOffset("of:N", sort=[_TRAINING, _NOW]),
        x=_alt.X("share:Q", title=None).axis(format="%"), color=_colors(),
        tooltip=["of:N", "value:N", _alt.Tooltip("share:Q", format=".2%")],
    )  # fmt: skip
    drawn = chart.mark_bar().properties(width=_WIDTH - 60, height=max(_HEIGHT - 60, 24 * len(order)))
    return DrawnChart(f"{name}: values", doc, drawn.to_dict())


def over_time(name: str, windows: Sequence[JudgedWindow], *, by_time: bool) -> DrawnChart | None:
    """Draw the tests of a column that moved, window by window, as shares of their thresholds."""
    tested = [(window, test) for window in windows for test in window.tests if test.name == name]
    methods = {test.method for _, test in tested if test.moved}
    rows = [
        {
            "at": _at(window.until, by_time=by_time), "test": test.method, "of": round(_ratio(test), 4), "statistic": test.statistic,
            "threshold": test.threshold, "moved": test.moved, "rows": window.rows,
        }
        for window, test in tested if test.method in methods
    ]  # fmt: skip
    if not rows:
        return None
    chart = _alt.Chart(_alt.Data(values=rows)).encode(
        x=_time_axis(by_time=by_time), y=_alt.Y("of:Q", title="statistic, in thresholds"),
        color=_alt.Color("test:N", title=None).scale(range=_TESTS).legend(orient="top"),
        tooltip=["test:N", "statistic:Q", "threshold:Q", "rows:Q"],
    )  # fmt: skip
    dots = chart.mark_point(filled=True, size=50, opacity=1, stroke="black", strokeWidth=1)
    edge = _alt.Chart(_alt.Data(values=[{"one": 1}])).mark_rule(color=_GREY, strokeDash=[4, 4]).encode(y="one:Q")
    drawn = _alt.layer(edge, chart.mark_line(), dots.transform_filter("datum.moved"))
    doc = "Each test that it moved by; from the dashed line on it is more than clean windows show, and matters (dots)."
    return DrawnChart(f"{name}: over time", doc, _sized(drawn).to_dict())


def metrics_over_time(windows: Sequence[JudgedWindow], training: Mapping[str, Any]) -> list[DrawnChart]:
    """Draw each metric that was measured from labels, beside what it was at training."""
    names = sorted({name for window in windows for name in window.live if name != "rows"})
    charts = []
    for name in names:
        rows = [
            {"at": _at(window.until, by_time=True), "value": window.live[name], "labels": window.live.get("rows")}
            for window in windows
            if name in window.live
        ]
        line = _alt.Chart(_alt.Data(values=rows)).mark_line(point=True, color=_BLUE).encode(
            x=_time_axis(by_time=True), y=_alt.Y("value:Q", title=name).scale(zero=False),
            tooltip=["value:Q", "labels:Q"],
        )  # fmt: skip
        before = training.get(f"test_{name}")
        parts = [line]
        if isinstance(before, int | float):
            rule = _alt.Chart(_alt.Data(values=[{"before": before}])).mark_rule(color=_GREY, strokeDash=[4, 4])
            parts.insert(0, rule.encode(y="before:Q"))
        doc = "From the labels that had come by then" + ("; dashed: at training." if len(parts) > 1 else ".")
        charts.append(DrawnChart(f"Live {name}", doc, _sized(_alt.layer(*parts)).to_dict()))
    return charts


def _areas(bins: ColumnBins, training: npt.NDArray[Any], counts: npt.NDArray[Any]) -> list[dict[str, Any]]:
    """Return bars of equal width over the range of all edges, and one on each side for what lies beyond. Within a bin that was counted in,
    rows are spread evenly."""
    edges = np.array(bins.edges or ())
    grid = np.linspace(edges[0], edges[-1], _BARS + 1)
    width = grid[1] - grid[0]
    lefts = np.concatenate([[grid[0] - width], grid])
    rows = []
    for of, numbers in ((_TRAINING, training), (_NOW, counts)):
        up_to = _cumulated(numbers)
        shares = np.diff(np.concatenate([[0.0], np.interp(grid, edges, up_to), [1.0 if numbers[:-1].sum() else 0.0]]))
        for place, (start, share) in enumerate(zip(lefts, shares, strict=True)):
            left, right = float(f"{start:.5g}"), float(f"{start + width:.5g}")
            whole = f"above {left:g}" if place > _BARS else f"{left:g} to {right:g}"
            holds = whole if place else f"up to {right:g}"
            rows.append({"of": of, "from": left, "to": right, "holds": holds, "share": round(float(share), 5)})
    return rows


def _missing_words(training: npt.NDArray[Any], counts: npt.NDArray[Any]) -> str:
    before, now = (numbers[-1] / max(int(numbers.sum()), 1) for numbers in (training, counts))
    return f"Missing: {before:.1%} in training, {now:.1%} now." if before or now else ""


def _cumulated(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the share of the known rows up to each edge. `counts`: with the last bin and the two for other and missing values."""
    return np.cumsum(counts[:-2])[: len(counts) - 3] / max(int(counts[:-1].sum()), 1)


def _spans(bins: ColumnBins) -> list[str]:
    edges = bins.edges or ()
    return [*(f"up to {edge:.5g}" for edge in edges), f"above {edges[-1]:.5g}" if edges else "all"]


def _bars(
    labels: Sequence[str], training: npt.NDArray[Any], counts: npt.NDArray[Any], *, is_text: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    shares = [numbers / max(int(numbers.sum()), 1) for numbers in (training, counts)]
    most = np.maximum(*shares)
    kept = [place for place in range(len(labels)) if most[place] > 0]
    if is_text:
        kept = sorted(kept, key=lambda place: -most[place])[:_MOST_TEXTS]
    rows = [
        {"of": of, "value": labels[place], "share": round(float(share[place]), 5)}
        for of, share in zip((_TRAINING, _NOW), shares, strict=True)
        for place in kept
    ]
    return rows, [labels[place] for place in kept]


def _ratio(test: JudgedTest) -> float:
    return test.statistic / test.threshold if test.threshold > 0 else 0.0


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _colors() -> Any:
    return (
        _alt.Color("of:N", title=None)
        .scale(domain=[_TRAINING, _NOW], range=[_GREY, _BLUE])
        .legend(orient="top", direction="horizontal")
    )


def _at(moment: float, *, by_time: bool) -> float:
    return moment * 1000 if by_time else moment


def _when(moment: float, *, by_time: bool) -> str:
    form = "%Y-%m-%d %H:%M" if moment % 60 == 0 else "%Y-%m-%d %H:%M:%S"
    return f"{datetime.fromtimestamp(moment, UTC):{form}}" if by_time else f"to row {moment:,.0f}"


def _time_axis(*, by_time: bool) -> Any:
    if not by_time:
        return _alt.X("at:Q", title="rows")
    return _alt.X("at:T", title="end of the window (UTC)").scale(type="utc").axis(labelOverlap=True)


def _sized(chart: Any) -> _Drawing:
    return chart.properties(width=_WIDTH, height=_HEIGHT)
