"""Draw rows as a table.

Lives here: render_table, render_table_html, render_table_markdown.
Not here: plans (terminal, html), which rows (api).
Law: every text of the user is escaped in HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_Row = Mapping[str, Any]


def render_table(rows: Sequence[_Row]) -> str:
    """Return plain text, one line a row; numbers with at most six digits."""
    if not rows:
        return "no rows"
    head = list(dict.fromkeys(name for row in rows for name in row))
    cells = [head, *([_text(row.get(name)) for name in head] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def render_table_html(rows: Sequence[_Row], *, caption: str = "") -> str:
    """Return an HTML table without any style, which a notebook brings. `caption`: stands below it."""
    head = list(dict.fromkeys(name for row in rows for name in row))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(row.get(name)))}</td>" for name in head) + "</tr>" for row in rows
    )
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    below = f"<p>{escape(caption)}</p>" if caption else ""
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{below}"


def render_table_markdown(rows: Sequence[_Row]) -> str:
    """Return a table of Markdown; a text of the user cannot break out of its cell."""
    head = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[_cell(_text(row.get(name))) for name in head] for row in rows]
    return "\n".join(
        f"| {' | '.join(line)} |" for line in ([_cell(name) for name in head], ["---"] * len(head), *lines)
    )


def _cell(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
