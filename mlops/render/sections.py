"""Draw a page of sections: a comparison, or a card.

Lives here: PageSection, Curves, and render_sections, in each view.
Not here: what stands in a section (api).
Law: every text of the user is escaped; the page of HTML needs no other file and no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from mlops.render.table import markdown_cell, render_table, render_table_html, render_table_markdown

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
table { border-collapse: collapse; } td, th { border-top: 1px solid #8884; padding: .25rem .7rem; text-align: left; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; } figcaption { color: #777; }
svg { width: 20rem; height: 15rem; border: 1px solid #8884; }
polyline { fill: none; stroke-width: 1.5; } .c0 { stroke: #0969da; color: #0969da; } .c1 { stroke: #bf8700; color: #bf8700; }
"""
_WIDTH, _HEIGHT = 320, 240


@dataclass(frozen=True)
class Curves:
    """Lines in one picture. `lines`: name -> points (x, y)."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class PageSection:
    """A part of a page: sentences, then a table, then pictures, which only HTML shows."""

    title: str
    lines: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    curves: tuple[Curves, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.lines or self.rows or self.curves)


def render_sections(view: str, title: str, sections: Sequence[PageSection]) -> str:
    """Draw a page. `view`: terminal, markdown or html."""
    draw = {"markdown": render_sections_markdown, "html": render_sections_html}.get(view, render_sections_terminal)
    return draw(title, sections)


def render_sections_terminal(title: str, sections: Sequence[PageSection]) -> str:
    out = [title]
    for section in _shown(sections, pictures=False):
        out += ["", section.title, *(f"  {line}" for line in section.lines)]
        out += [f"  {line}" for line in render_table(section.rows).splitlines()] if section.rows else []
    return "\n".join(out)


def render_sections_markdown(title: str, sections: Sequence[PageSection]) -> str:
    out = [f"# {markdown_cell(title)}"]
    for section in _shown(sections, pictures=False):
        out += ["", f"## {markdown_cell(section.title)}"]
        out += [f"- {markdown_cell(line)}" for line in section.lines]
        out += ["", render_table_markdown(section.rows)] if section.rows else []
    return "\n".join(out)


def render_sections_html(title: str, sections: Sequence[PageSection]) -> str:
    body = "".join(
        f"<h2>{escape(section.title)}</h2>{''.join(f'<p>{escape(line)}</p>' for line in section.lines)}"
        f"{render_table_html(section.rows) if section.rows else ''}{''.join(map(_figure, section.curves))}"
        for section in _shown(sections, pictures=True)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _shown(sections: Sequence[PageSection], *, pictures: bool) -> Iterator[PageSection]:
    for section in sections:
        if section.lines or section.rows or (pictures and section.curves):
            yield section


def _figure(curves: Curves) -> str:
    points = [point for line in curves.lines.values() for point in line]
    if not points:
        return ""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    drawn = "".join(
        f'<polyline class="c{place % 2}" points="{_points(line, (left, right), (low, high))}"/>'
        for place, line in enumerate(curves.lines.values())
    )
    names = " ".join(f'<span class="c{place % 2}">— {escape(name)}</span>' for place, name in enumerate(curves.lines))
    ranges = f"{escape(curves.x)} {left:.3g} to {right:.3g}, {escape(curves.y)} {low:.3g} to {high:.3g}"
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(curves.title)}">{drawn}</svg>'
        f"<figcaption>{escape(curves.title)}: {names}<br>{ranges}</figcaption></figure>"
    )


def _points(line: Sequence[tuple[float, float]], across: tuple[float, float], up: tuple[float, float]) -> str:
    wide, tall = across[1] - across[0] or 1.0, up[1] - up[0] or 1.0
    return " ".join(
        f"{(x - across[0]) / wide * _WIDTH:.1f},{_HEIGHT - (y - up[0]) / tall * _HEIGHT:.1f}" for x, y in line
    )
