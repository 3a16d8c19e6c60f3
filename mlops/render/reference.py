"""Draw the reference of all that may be said, as Markdown.

Lives here: render_page, render_index.
Not here: what stands in it (config.schema.reference), writing files (api).
Law: equal pages give equal bytes; every name that has a page is a link to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlops.config.schema.reference import FieldEntry, MetricEntry, Page, Section

MADE_BY = "<!-- Made by `mlops schema --format markdown --write` from the schemas. Do not edit. -->"
_UNITS = {
    "duration": "a number with `ms`, `s`, `m`, `h`, `d` or `w`: `500ms`, `15m`, `7d`",
    "size": "bytes, or a number with `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi` or `Ti`: `100M`, `4Gi`",
    "count": "a whole number, or one with `k` or `M`: `500`, `10k`",
    "share": "a percentage, or a number between 0 and 1: `2%`, `0.02`",
    "rate": "a count per time: `200/s`, `5000/m`, `100/10s`",
    "budget": "a duration, or money with the three letters of its currency: `15m`, `5 USD`",
    "quantity": "as Kubernetes writes it: `500m` or `2` (CPUs), `512Mi` or `4Gi` (memory)",
    "gate": "`METRIC >= NUMBER` or `METRIC >= live - NUMBER`, with `>=`, `>`, `<=` or `<`; of a slice: "
    "`test_auc[carrier=AA] >= 0.6`, of every slice: `test_auc[carrier] >= 0.6`",
}
_CATEGORIES = {
    "METADATA": "nothing that runs changes",
    "REEVALUATE": "the model is measured and judged again",
    "RECONFIGURE": "what runs gets another configuration, without a restart",
    "RESCALE": "more or fewer replicas",
    "PROVISION": "the place where things run is changed",
    "REPACKAGE": "a package is built again",
    "REDEPLOY": "a new version takes over, by the rollout's steps",
    "RETRAIN": "the model is trained again",
    "RETUNE": "its values are searched for again, and it is trained with them",
    "REPROCESS": "the data set is made again",
    "SCORE": "rows of a batch are scored",
}


def render_index(pages: Sequence[Page]) -> str:
    """Return README.md of the reference: its pages, the units and the categories."""
    kinds = [page for page in pages if page.noun in ("project", "kind")]
    tables = [page for page in pages if page not in kinds]
    out = [
        MADE_BY, "# Reference", "",
        "Every field of `conf/`, made from the schemas that judge it. `mlops schema` prints the same as JSON Schema, for editors.",
        "", "## Files", "",
        *_table(("page", "file", "what it is"), ((f"[{page.name}]({page.name}.md)", _file(page), page.sections[0].text) for page in kinds)),
        "", "## What a name stands for", "",
        *_table(("page", "entries", "named in"), (_table_row(page) for page in tables)),
        "", "## Units", "",
        *_table(("unit", "written as"), _UNITS.items()),
        "", "## What a change means", "",
        "A field without a word of its own has that of the field above it. What depends on a resource follows: data that are made "
        "again may train, package and deploy again.", "",
        *_table(("category", "what an edit causes"), _CATEGORIES.items()),
    ]  # fmt: skip
    return "\n".join(out) + "\n"


def render_page(page: Page) -> str:
    """Return one page of the reference."""
    out = [MADE_BY, f"# {_title(page)}", ""]
    if page.noun in ("project", "kind"):
        out += [f"{_file(page)}: {page.sections[0].text}", ""]
        out += _brought_by(page.sections[0])
        out += _fields(page.sections[0].fields, with_category=page.noun == "kind")
    else:
        out += [f"Named in {_used(page)}.", ""] if page.used_by else []
        out += _metrics(page.metrics) if page.metrics else []
        for section in page.sections:
            out += [f"## {section.name}", "", section.text, "", *_brought_by(section)]
            out += [*_fields(section.fields, with_category=True), ""] if section.fields else []
    out += ["", "[All pages](README.md)"] if out[-1] else ["[All pages](README.md)"]
    return "\n".join(out) + "\n"


def _title(page: Page) -> str:
    return (
        page.name
        if page.noun in ("project", "kind")
        else f"{page.noun[0].upper()}{page.noun[1:]}s".replace("ys", "ies")
    )


def _file(page: Page) -> str:
    return "`conf/project.yaml`, `conf/env/NAME.yaml`" if page.noun == "project" else f"`conf/{page.name}/NAME.yaml`"


def _table_row(page: Page) -> tuple[str, str, str]:
    names = [section.name for section in page.sections] + [metric.name for metric in page.metrics]
    return f"[{page.name}]({page.name}.md)", ", ".join(f"`{name}`" for name in names), _used(page)


def _used(page: Page) -> str:
    return ", ".join(f"[`{path}`]({path.partition('.')[0]}.md)" for path in page.used_by)


def _brought_by(section: Section) -> list[str]:
    return [f"Brought by the package {section.package}.", ""] if section.package else []


def _fields(fields: Iterable[FieldEntry], *, with_category: bool) -> list[str]:
    head = ("field", "type", "default", *(("a change means",) if with_category else ()), "meaning")
    rows = [
        (f"`{one.path}`", _type(one), one.default, *((one.category,) if with_category else ()), one.doc)
        for one in fields
    ]
    return _table(head, rows) if rows else ["The fields are those of the entry that it names."]


def _type(entry: FieldEntry) -> str:
    if entry.refers:
        return f"name of a [{entry.refers}]({entry.refers}.md)"
    text = entry.type.replace(entry.unit, f"[{entry.unit}](README.md#units)") if entry.unit else entry.type
    return f"{text}, see [{entry.table}]({entry.table}.md)" if entry.table else text


def _metrics(metrics: Iterable[MetricEntry]) -> list[str]:
    head = ("metric", "tasks", "better", "splits", "stands for a model of", "live is worse by", "meaning")
    rows = [
        (f"`{one.name}`", ", ".join(one.tasks), one.better, ", ".join(one.splits), ", ".join(one.headline), one.worse, one.doc)
        for one in metrics
    ]  # fmt: skip
    return [
        "A gate, a finding and a report name a metric with its split: `test_auc`. The families log `loss` while they train; "
        "the others are measured by `evaluate`.", "", *_table(head, rows),
    ]  # fmt: skip


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines]
