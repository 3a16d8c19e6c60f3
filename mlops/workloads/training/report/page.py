"""Write the page.

Lives here: report_page, and EvaluationReport, what it is made of.
Not here: charts (charts), HTML (workloads.pages), reading files (write).
Law: every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops.metrics.baseline import LINEAR, TRIVIAL, comparison
from mlops.metrics.table import metrics_of
from mlops.metrics.task import Task
from mlops.workloads.pages.html import chart_sections, escaped, html_page, html_table
from mlops.workloads.training.report.charts import charts_of

_MOST_SLICES, _MOST_ROWS = 20, 20
_ROW_HEADS = ("row", "actual", "predicted", "probability", "loss")


@dataclass(frozen=True)
class EvaluationReport:
    """`rows`: the values of the worst rows, in their order. `plots`: name of a file of plots/model/NAME -> its points.
    `training`: its summary. `seconds`: of each candidate that `architecture: auto` tried, None of those that the budget cut off;
    empty where the training was made elsewhere."""

    model: str
    task: Task
    dataset: str
    counts: Mapping[str, int]
    metrics: Mapping[str, Any]
    plots: Mapping[str, list[dict[str, Any]]]
    rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    training: Mapping[str, Any] = field(default_factory=dict)
    seconds: Sequence[float | None] = ()


def report_page(report: EvaluationReport) -> str:
    """Return a page of HTML that needs no other file."""
    charts = charts_of(report.plots)
    body = [_metrics(report), chart_sections(charts), _slices(report), _candidates(report), _rows(report)]
    return html_page(f"model.{report.model}", "".join([_head(report), *body]))


def _head(report: EvaluationReport) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in report.counts.items())
    lines = [f"Task {report.task}, data set {report.dataset}; rows: {counts}."]
    if "threshold" in report.metrics:
        lines.append(f"A row is said to be true from a probability of {report.metrics['threshold']:.4g} on.")
    said = "".join(f'<p class="quiet">{escaped(line)}</p>' for line in lines)
    held = "".join(
        f'<p class="{"warn" if is_worse else "quiet"}">{escaped(words)}</p>'
        for words, is_worse in comparison(report.task, report.metrics)
    )
    return f"<h1>model.{escaped(report.model)}</h1>{said}{held}"


def _metrics(report: EvaluationReport) -> str:
    metrics, own = report.metrics, _own_names(report)
    ends, baselines = metrics.get("intervals", {}), metrics.get("baselines", {})
    lines = []
    for name in [metric.name for metric in metrics_of(report.task)] + own:
        test = f"test_{name}"
        if test in metrics:
            low, high = ends.get(test, (None, None))
            span = f"{_number(low)} to {_number(high)}" if low is not None else ""
            beside = [baselines.get(baseline, {}).get(test) for baseline in (TRIVIAL, LINEAR)]
            lines.append([name, _number(metrics[test]), span, *map(_number, [metrics.get(f"val_{name}"), *beside])])
    heads = ["metric", "test", "95 % interval", "validation", "trivial baseline", "linear baseline"]
    return f"<h2>Metrics</h2>{html_table(heads, lines, numbers=range(1, 6))}"


def _candidates(report: EvaluationReport) -> str:
    """Return what `architecture: auto` tried, on rows that were not learned from, and what it kept."""
    tried = report.training.get("candidates", [])
    if not tried:
        return ""
    measured = [name for name in tried[0] if name.startswith("val_")]
    lines = []
    baselines = sum(one["family"] == "constant" for one in tried)  # nobody learned them
    seconds = [None] * baselines + list(report.seconds)
    for place, one in enumerate(tried):
        values = ", ".join(f"{name} {value}" for name, value in one["values"].items())
        took = [_number(seconds[place] if place < len(seconds) else None)] if report.seconds else []
        lines.append([one["family"], values, *(_number(one.get(name)) for name in measured), *took])
    kept = ", ".join(f"{one['architecture']['name']} {one['weight']:g}" for one in report.training["members"])
    note = f"Space {report.training['space']}. Kept, with weights: {kept}. {report.training.get('cut', '')}"
    heads = ["family", "values", *measured, *(["seconds"] if report.seconds else [])]
    table = html_table(heads, lines, numbers=range(2, len(heads)))
    return f'<h2>Candidates</h2><p class="quiet">{escaped(note)}</p>{table}'


def _own_names(report: EvaluationReport) -> list[str]:
    known = {metric.name for metric in metrics_of(report.task)}
    names = [name.removeprefix("test_") for name in report.metrics if name.startswith("test_")]
    return sorted(name for name in names if name not in known)


def _slices(report: EvaluationReport) -> str:
    headline = metrics_of(report.task)[0].name
    parts = []
    for column, values in report.metrics.get("slices", {}).items():
        most = sorted(values.items(), key=lambda item: (-item[1]["rows"], item[0]))[:_MOST_SLICES]
        lines = []
        for value, measured in most:
            low, high = measured.get("intervals", {}).get(headline, (None, None))
            span = f"{_number(low)} to {_number(high)}" if low is not None else ""
            lines.append([value, f"{measured['rows']:,}", _number(measured.get(headline)), span])
        between = report.metrics.get("fairness", {}).get(column, {})
        words = "; ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in between.items())
        note = f'<p class="quiet">{escaped(words)}.</p>' if words else ""
        table = html_table([column, "rows", headline, "95 % interval"], lines, numbers=range(1, 4))
        parts.append(f"<h2>By {escaped(column)}</h2>{note}{table}")
    return "".join(parts)


def _rows(report: EvaluationReport) -> str:
    worst = report.plots.get("worst_rows", [])[:_MOST_ROWS]
    if not worst:
        return ""
    heads = [name for name in _ROW_HEADS if name in worst[0]]
    columns = list(report.rows[0]) if report.rows else []
    lines = []
    for place, row in enumerate(worst):
        values = report.rows[place] if place < len(report.rows) else {}
        lines.append([*(_cell(row[name]) for name in heads), *(_cell(values.get(name)) for name in columns)])
    note = f'<p class="quiet">Of the test split, the {len(worst)} rows that are most wrong.</p>'
    return f"<h2>Worst rows</h2>{note}{html_table([*heads, *columns], lines)}"


def _cell(value: Any) -> str:
    return _number(value) if isinstance(value, float) else "missing" if value is None else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
