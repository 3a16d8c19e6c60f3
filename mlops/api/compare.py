"""Hold two versions of a model against each other.

Lives here: compare_versions.
Not here: finding versions (registry), drawing (render.sections).
Law: two numbers that were measured on other rows are shown, and not called better or worse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops.api.versions import serving_places, versions_of
from mlops.engine.diff import diff
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.table import find_measured, headline_of, measured_names
from mlops.metrics.task import Task
from mlops.registry.committed import LOCK, locked_stages, short_digest
from mlops.registry.versions import ModelVersion, chosen_version
from mlops.render.document import value_text
from mlops.render.sections import Curves, PageSection
from mlops.tools.dvc.reader import Locked
from mlops.tools.git import is_in_git
from mlops.tools.git_repository import GitRepository

if TYPE_CHECKING:
    from mlops.api.project import Project

_UNSAID = ("code", "fingerprint")
_CURVES = {
    "roc": ("fpr", "tpr"), "precision_recall": ("recall", "precision"), "calibration": ("said", "true"), "loss": ("epoch", "val_loss"),
}  # fmt: skip
_MOST_SLICES = 12


def compare_versions(project: Project, text: str, first: str, second: str = LOCK) -> tuple[str, list[PageSection]]:
    """Return the title and the sections of a comparison. `first` and `second`: as `chosen_version` reads them. Raises MlopsError
    where one of them names no version."""
    at, versions = versions_of(project, text)
    pair = [chosen_version(project.root, versions, wanted) for wanted in (first, second)]
    before, after = pair
    places, _ = serving_places(project, at)
    names = [short_digest(one.digest) for one in pair]
    source = _Source(project.root)
    sections = [
        PageSection("Versions", rows=tuple(_identity(one, places.get(one.digest, ())) for one in pair)),
        PageSection(
            "Values",
            *_differences(names, before.version.trained, after.version.trained, "Trained with the same values."),
        ),
        _data_section(source, names, before, after),
        *_metric_sections(names, before, after),
        _plots(source, at.name, names, pair),
    ]
    return f"{at}: {names[0]} → {names[1]}", [section for section in sections if not section.is_empty]


class _Source:
    """Reads files of the project as a version's commit has them or, of a version that no commit has, as they are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git = GitRepository(root) if is_in_git(root) else None

    def text(self, one: ModelVersion, path: str) -> str:
        if one.kept_in is None:
            file = self.root / path
            return file.read_text(encoding="utf-8") if one.is_present and file.is_file() else ""
        assert self.git is not None
        (found,) = self.git.ids_of([(one.kept_in, path)])
        return self.git.text_of(found) if found else ""

    def stages(self, one: ModelVersion) -> Mapping[str, Locked]:
        return locked_stages(self.text(one, LOCK))


def _identity(one: ModelVersion, places: Sequence[str]) -> dict[str, Any]:
    return {
        "version": short_digest(one.digest), "names": ", ".join(one.names), "data": short_digest(one.version.data),
        "commit": one.commit[:8] if one.commit else "not committed", "at": one.at[:10], "who": one.who or "-", "summary": one.summary,
        "runs in": ", ".join(places),
    }  # fmt: skip


def _differences(
    names: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any], same: str
) -> tuple[tuple[str, ...], tuple[dict[str, Any], ...]]:
    """Return sentences, and a row for each value that differs; of code, which files do."""
    said = [{key: value for key, value in one.items() if key not in _UNSAID} for one in (before, after)]
    rows = tuple(
        {"field": found.path, names[0]: value_text(found.before), names[1]: value_text(found.after)}
        for found in diff(*said)
    )
    moved = [found.path for found in diff(before.get("code"), after.get("code"))]
    lines = [] if rows else [same]
    lines += [f"Code that differs: {', '.join(moved[:8])}{' …' if len(moved) > 8 else ''}."] if moved else []
    return tuple(lines), rows


def _data_section(source: _Source, names: Sequence[str], before: ModelVersion, after: ModelVersion) -> PageSection:
    if before.version.data == after.version.data:
        return PageSection("Data", (f"The same: dataset.{after.version.dataset} {short_digest(after.version.data)}.",))
    params = []
    for one in (before, after):
        name = one.version.dataset
        stage = source.stages(one).get(f"prepare@{name}")
        params.append(stage.params.get(f"params/dataset/{name}.json", {}).get("prepare", {}) if stage else {})
    lines, rows = _differences(
        names, params[0], params[1], "Prepared with the same values from other rows, or by other code."
    )
    moved = [found.path for found in diff(params[0].get("fingerprint"), params[1].get("fingerprint"))]
    sources = (f"Sources with another content: {', '.join(moved)}.",) if moved else ()
    return PageSection("Data", (*sources, *lines), rows)


def _metric_sections(names: Sequence[str], before: ModelVersion, after: ModelVersion) -> Iterator[PageSection]:
    task = Task(after.version.task) if after.version.task else None
    if task is None:
        return
    comparable = before.version.data == after.version.data
    rows = []
    for name in measured_names(task):
        metric = find_measured(name, task)
        first, second = (_measured(one, name) for one in (before, after))
        if metric is None or first is None or second is None:
            continue
        rows.append({
            "metric": name, names[0]: first.shown(metric), names[1]: second.shown(metric),
            "difference": f"{second.value - first.value:+.4g}", "which is": _verdict(metric, first, second) if comparable else "",
        })  # fmt: skip
    lines = () if comparable or not rows else ("Measured on other data, so that neither is called better.",)
    yield PageSection("Metrics", lines, tuple(rows))
    yield PageSection("Slices that moved most", rows=tuple(_slices(names, task, before, after)))


class _Measured(NamedTuple):
    """A metric's value, and between which bounds it lies."""

    value: float
    ends: Sequence[float] | None

    def shown(self, metric: Metric) -> str:
        span = f" [{metric.shown(self.ends[0])}, {metric.shown(self.ends[1])}]" if self.ends else ""
        return f"{metric.shown(self.value)}{span}"


def _measured(one: ModelVersion, name: str) -> _Measured | None:
    value = one.version.metrics.get(name)
    return (
        _Measured(value, one.version.metrics.get("intervals", {}).get(name)) if isinstance(value, int | float) else None
    )


def _verdict(metric: Metric, first: _Measured, second: _Measured) -> str:
    """Say whether the second is better: beyond chance only where the intervals have nothing in common."""
    if first.value == second.value:
        return "the same"
    if metric.direction is Direction.NEITHER:
        return ""
    word = "better" if (second.value > first.value) is (metric.direction is Direction.MAX) else "worse"
    if first.ends is None or second.ends is None:
        return f"{word}, without an interval"
    apart = first.ends[1] < second.ends[0] or second.ends[1] < first.ends[0]
    return word if apart else f"{word}, within the intervals"


def _slices(names: Sequence[str], task: Task, before: ModelVersion, after: ModelVersion) -> list[dict[str, Any]]:
    headline = headline_of(task)
    if headline is None:
        return []
    found = []
    for column, values in after.version.metrics.get("slices", {}).items():
        for value, measured in values.items():
            other = before.version.metrics.get("slices", {}).get(column, {}).get(value, {})
            pair = (other.get(headline.name), measured.get(headline.name))
            if all(isinstance(one, int | float) for one in pair):
                found.append((abs(pair[1] - pair[0]), f"{column}={value}", pair))
    found.sort(reverse=True)
    return [
        {"slice": where, **{of: headline.shown(value) for of, value in zip(names, pair, strict=True)}, "difference": f"{pair[1] - pair[0]:+.4g}"}
        for _, where, pair in found[:_MOST_SLICES]
    ]  # fmt: skip


def _plots(source: _Source, model: str, names: Sequence[str], pair: Sequence[ModelVersion]) -> PageSection:
    curves = []
    for plot, (x, y) in _CURVES.items():
        lines = {
            name: _line(source.text(one, f"plots/model/{model}/{plot}.json"), x, y)
            for name, one in zip(names, pair, strict=True)
        }
        if all(lines.values()):
            curves.append(Curves(plot.replace("_", " "), x, y, lines))
    commits = [one.kept_in[:12] for one in pair if one.kept_in]
    lines_of_text = (
        (f"Also: dvc plots diff {' '.join(commits)} --targets plots/model/{model}",) if len(commits) == 2 else ()
    )
    return PageSection("Plots", lines_of_text, curves=tuple(curves))


def _line(text: str, x: str, y: str) -> list[tuple[float, float]]:
    try:
        points = json.loads(text) if text else []
        return [
            (float(point[x]), float(point[y]))
            for point in points
            if point.get(x) is not None and point.get(y) is not None
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
