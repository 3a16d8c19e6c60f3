"""Write HTML.

Lives here: html_page, html_table, chart_sections with DrawnChart, and escaped, of which pages are made.
Not here: what stands in a page and how it is drawn (the reports of training, tuning and monitoring).
Law: a page needs no other file; every text is escaped; the only script is Vega's, which stands in the page.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import vl_convert

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a202c; background: #fff; max-width: 1100px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0; } .quiet { color: #4a5568; } .warn { color: #c53030; font-weight: 600; }
table { border-collapse: collapse; margin-top: .5rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e2e8f0; vertical-align: top; }
th { font-weight: 600; color: #4a5568; } td.number, th.number { text-align: right; }
.wide { overflow-x: auto; } .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 0 1.5rem; }
"""


@dataclass(frozen=True)
class DrawnChart:
    """`spec`: of Vega-Lite."""

    title: str
    doc: str
    spec: dict[str, Any]


def html_page(title: str, body: str) -> str:
    """Return a page of HTML that needs no other file. `body`: HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
        f"<style>{_STYLE}</style></head><body><script>{_bundle()}</script>{body}</body></html>\n"
    )


def chart_sections(charts: Sequence[DrawnChart], *, first: int = 0) -> str:
    """Return a section for each chart, with its title and its doc. `first`: how many charts stand before them on the page."""
    drawn = "".join(
        f'<section><h2>{escaped(chart.title)}</h2><p class="quiet">{escaped(chart.doc)}</p><div id="chart{place}"></div></section>'
        for place, chart in enumerate(charts, first)
    )
    calls = "".join(
        f'vegaEmbed("#chart{place}",{_script(chart.spec)},{{actions:false}});'
        for place, chart in enumerate(charts, first)
    )
    return f'<div class="charts">{drawn}</div><script>{calls}</script>'


def html_table(heads: Sequence[str], lines: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return a table. `numbers`: places of columns that hold numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        made = "".join(
            f"<{tag}{' class=number' if place in numbers else ''}>{escaped(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{made}</tr>"

    return f'<div class="wide"><table>{row(heads, "th")}{"".join(row(line, "td") for line in lines)}</table></div>'


def escaped(value: object) -> str:
    """Return text that HTML shows as it is."""
    return html.escape(str(value))


def _script(value: Any) -> str:
    """Return JSON that ends no script, whatever stands in it."""
    return json.dumps(value, sort_keys=True).replace("<", "\\u003c")


def _bundle() -> str:
    make: Any = vl_convert.javascript_bundle  # its stub asks for a snippet, which it can do without
    bundle: str = make()
    return bundle.replace("</script", "<\\/script")
