"""Draw a plan as one page.

Lives here: render_html, a page that needs no other file and no script, and render_fragment, the same for inside another page.
Not here: serving it.
Law: every text of the user is escaped; readable in light and dark, on paper and on a phone.
"""

from __future__ import annotations

from html import escape
from typing import Any

from mlops.render import lines
from mlops.render.paint import TONE_OF_ACTION

_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
"""
_STYLE = """
.mlops-plan { --line: #8884; --soft: #8882; --dim: #777; font: 15px/1.5 system-ui, sans-serif; }
.mlops-plan h1 { font-size: 1.25rem; margin: 0; } .mlops-plan .dim { color: var(--dim); }
.mlops-plan code, .mlops-plan td.address { font-family: ui-monospace, monospace; }
.mlops-plan .summary { margin: .5rem 0 1.5rem; font-weight: 600; }
.mlops-plan table { border-collapse: collapse; width: 100%; }
.mlops-plan td { border-top: 1px solid var(--line); padding: .5rem .6rem; text-align: left; vertical-align: top; }
.mlops-plan td.symbol { font: 600 1.1rem ui-monospace, monospace; text-align: center; width: 2.2rem; }
.mlops-plan td.address { white-space: nowrap; }
.mlops-plan .word { font-size: .75rem; letter-spacing: .04em; padding: .1rem .45rem; border-radius: .3rem; background: var(--soft); }
.mlops-plan .add { color: #1a7f37; } .mlops-plan .change { color: #9a6700; } .mlops-plan .run { color: #0969da; }
.mlops-plan .remove, .mlops-plan .warn { color: #cf222e; } .mlops-plan .note { color: var(--dim); }
.mlops-plan .row { display: flex; gap: 1rem; justify-content: space-between; } .mlops-plan .row code { overflow-wrap: anywhere; }
.mlops-plan details { margin-top: .3rem; } .mlops-plan summary { cursor: pointer; color: var(--dim); }
.mlops-plan .attention { border-left: 4px solid #bf8700; background: var(--soft); padding: .6rem 1rem; margin: 1.2rem 0; }
@media (prefers-color-scheme: dark) {
  .mlops-plan .add { color: #3fb950; } .mlops-plan .change { color: #d29922; } .mlops-plan .run { color: #58a6ff; }
  .mlops-plan .remove, .mlops-plan .warn { color: #ff7b72; } .mlops-plan .note { color: #999; }
}
@media (max-width: 40rem) {
  .mlops-plan tr { display: grid; grid-template-columns: 2.2rem 1fr auto; border-top: 1px solid var(--line); padding: .4rem 0; }
  .mlops-plan td { border: 0; padding: .1rem .3rem; } .mlops-plan td.address { white-space: normal; overflow-wrap: anywhere; }
  .mlops-plan td:last-child { grid-column: 2 / -1; } .mlops-plan .row, .mlops-plan .row .dim:not(:empty) { display: block; }
}
"""


def render_html(document: dict[str, Any]) -> str:
    """Return a page that stands alone."""
    page_title = escape(f"{document['project']} · {document['environment']} · plan")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{page_title}</title><style>{_PAGE_STYLE}{_STYLE}</style></head>\n"
        f'<body class="mlops-plan">{_content(document)}</body></html>\n'
    )


def render_fragment(document: dict[str, Any]) -> str:
    """Return a part of a page, such as a notebook's; its style touches nothing else there."""
    return f'<style>{_STYLE}</style><div class="mlops-plan">{_content(document)}</div>'


def _content(document: dict[str, Any]) -> str:
    because = {change["address"]: change["because"] for change in document["changes"]}
    body = "".join(_entry(entry, because) for entry in lines.plan_entries(document))
    headline = lines.summary(document) if document["changes"] else lines.no_changes(document)
    unchanged = f'<p class="dim">Unchanged: {escape(lines.unchanged(document))}</p>' if document["unchanged"] else ""
    apply_with = f"<p>Apply it with <code>{escape(document['apply_with'])}</code></p>" if document["apply_with"] else ""
    return (
        f'<h1>{escape(lines.title(document))}</h1><p class="dim">{escape(document["created_at"])}</p>'
        f'<p class="summary">{escape(headline)}</p>{"".join(map(_attention, document["attention"]))}'
        f"<table>{body}</table>{unchanged}{apply_with if document['changes'] else ''}"
    )


def _entry(entry: lines.PlanEntry, because: dict[str, list[str]]) -> str:
    tone = TONE_OF_ACTION.get(entry.action, "note")
    name = entry.addresses[0] if len(entry.addresses) == 1 else f"{entry.addresses[0].partition('.')[0]}.*"
    rows = "".join(
        f'<div class="row {row.tone}"><code>{escape(row.text)}</code><span class="dim">{escape(row.source or "")}</span></div>'
        for row in entry.rows
        if not row.text.startswith("because ")
    )
    if len(entry.addresses) > 1:
        folded = "<br>".join(escape(address) for address in entry.addresses)
        rows += f"<details><summary>all {len(entry.addresses)}</summary>{folded}</details>"
    chain = because.get(entry.addresses[0], [])
    if len(chain) > 2:
        rows += f"<details><summary>because</summary>{'<br>because '.join(map(escape, chain))}</details>"
    return (
        f'<tr><td class="symbol {tone}">{escape(entry.symbol.strip())}</td><td class="address">{escape(name)}</td>'
        f'<td><span class="word">{escape(entry.category)}</span></td><td>{rows}</td></tr>'
    )


def _attention(item: dict[str, Any]) -> str:
    details = "".join(f"<div>{escape(line)}</div>" for line in item["lines"])
    proposal = f"<div>Proposal: {escape(item['proposal'])}</div>" if item["proposal"] else ""
    commands = "".join(f"<div><code>{escape(command)}</code></div>" for command in item["commands"])
    return f'<div class="attention"><strong>{escape(item["summary"])}</strong>{details}{proposal}{commands}</div>'
