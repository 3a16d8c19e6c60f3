"""Draw a plan for a terminal.

Lives here: render_terminal, and the drawing of problems.
Not here: printing (cli), other views.
Law: plain text when colour is off, and the same text when it is on.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from mlops.errors import Problem
from mlops.render import lines
from mlops.render.paint import TONE_OF_ACTION, Paint


def render_terminal(
    document: dict[str, Any], *, color: bool = False, width: int = 100, wrap: bool = False, seconds: float | None = None
) -> str:
    """Draw a plan. `wrap`: break what is longer than `width` into several lines, for eyes; without it a line stays one
    line, for `grep`."""
    paint = Paint(color)
    fold = width if wrap else None
    if not document["changes"]:
        return "\n".join([lines.no_changes(document, seconds), *_attention(document, paint, fold)]) + "\n"
    out = [paint(lines.title(document), "strong"), ""]
    entries = lines.plan_entries(document)
    if len(document["changes"]) > lines.FOLD_FROM * 2:
        out += [lines.summary(document), ""]
    names = max(len(_name(entry)) for entry in entries)
    words = max(len(entry.category) for entry in entries)
    for entry in entries:
        out += _entry(entry, paint, (names, words, width), wrap=wrap)
    if document["unchanged"]:
        unchanged = folded(f"  unchanged: {lines.unchanged(document)}", fold, "    ")
        out += ["", *(paint(line, "note") for line in unchanged)]
    out += ["", *(paint(line, "strong") for line in folded(lines.summary(document), fold, "  "))]
    if document["apply_with"]:
        out.append(f"Apply it with: {document['apply_with']}")
    return "\n".join([*out, *_attention(document, paint, fold)]) + "\n"


_GLUE = "\u00a0"
_PAIRS = tuple((pair, pair.replace(" ", _GLUE)) for pair in (" → ", " >= ", " <= ", " - "))


def folded(text: str, width: int | None, indent: str = "") -> list[str]:
    """Return `text` on as many lines as it needs, those after the first indented. Words and paths stay whole, and so do
    `3 → 5` and `auc >= 0.7` where they fit. Without a width the text stays one line."""
    if width is None or len(text) <= width:
        return [text]
    glued = text
    for pair, whole in _PAIRS:
        glued = glued.replace(pair, whole)
    folded_lines = _wrapped(glued, width, indent)
    if max(map(len, folded_lines)) > width:
        folded_lines = _wrapped(text, width, indent)
    return [line.replace(_GLUE, " ") for line in folded_lines]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    wrapped = textwrap.wrap(
        text, max(24, width), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
    return wrapped or [text]


def _name(entry: lines.PlanEntry) -> str:
    return entry.addresses[0] if len(entry.addresses) == 1 else f"{entry.addresses[0].partition('.')[0]}.*"


def _entry(entry: lines.PlanEntry, paint: Paint, widths: tuple[int, int, int], *, wrap: bool) -> list[str]:
    names, words, width = widths
    tone = TONE_OF_ACTION.get(entry.action, "")
    head = f"  {entry.symbol:<3} {_name(entry):<{names}}  {entry.category:<{words}}  "
    painted = paint(f"  {entry.symbol:<3} {_name(entry):<{names}}", tone) + f"  {entry.category:<{words}}  "
    room = width - len(head)
    out: list[str] = []
    for row in entry.rows or (lines.PlanRow(""),):
        pieces: list[tuple[str, str, str]] = [
            (part, row.tone, "") for part in folded(row.text, room if wrap else None, "  ")
        ]
        where = f"  {row.source}" if row.source else ""
        if where and wrap and len(pieces[-1][0]) + len(where) > room:
            pieces.append(("", "", where))
        elif where:
            pieces[-1] = (*pieces[-1][:2], where)
        for text, tint, source in pieces:
            gap = " " * max(0, room - len(text) - len(source)) if source else ""
            lead = " " * len(head) if out else painted
            out.append(f"{lead}{paint(text, tint)}{gap}{paint(source, 'note')}".rstrip())
    return out


def _attention(document: dict[str, Any], paint: Paint, fold: int | None) -> list[str]:
    out: list[str] = []
    for item in document["attention"]:
        out += ["", *(paint(line, "change") for line in folded(f"Attention: {item['summary']}", fold, "  "))]
        for line in [*item["lines"], *([f"Proposal: {item['proposal']}"] if item["proposal"] else [])]:
            out += folded(f"  {line}", fold, "    ")
        out += [f"    {command}" for command in item["commands"]]
    return out


def render_problems(
    problems: Sequence[Problem], *, closing: str = "", color: bool = False, width: int = 100, wrap: bool = False,
    read_line: Callable[[str, int], str | None] = lambda file, line: None,
) -> str:  # fmt: skip
    """Draw problems. `read_line`: returns a line of a file (counted from 1), which is quoted with a caret under the
    place meant."""
    paint = Paint(color)
    out: list[str] = []
    for problem in problems:
        where = str(problem.source or problem.address or "")
        head = f"Error: {problem.summary}"
        gap = " " * max(2, width - len(head) - len(where)) if where else ""
        out.append(paint(head, "warn") + gap + where)
        if problem.source and problem.address:
            out.append(paint(f"  in {problem.address}", "note"))
        for line in problem.detail.rstrip().splitlines():
            out += folded(f"  {line}".rstrip(), width if wrap else None, "  ")
        out += _quote(problem, read_line, paint)
        if problem.hint:
            out += [f"  {line}" for line in problem.hint.splitlines()]
        out.append("")
    if closing:
        out.append(closing)
    return "\n".join(out).rstrip("\n") + "\n"


def _quote(problem: Problem, read_line: Callable[[str, int], str | None], paint: Paint) -> list[str]:
    source = problem.source
    text = read_line(source.file, source.line) if source and source.line and source.column else None
    if source is None or text is None:
        return []
    margin = f"    {source.line} | "
    out = [f"{margin}{text.rstrip()}"]
    if source.column:
        out.append(" " * (len(margin) - 2) + "| " + " " * (source.column - 1) + paint("^" * source.width, "warn"))
    return out


def closing_of(problems: Sequence[Problem], outcome: str) -> str:
    """Return the closing line, such as `2 problems in 2 files. Nothing was planned.`"""
    files = {problem.source.file for problem in problems if problem.source}
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return f"{count}{f' in {len(files)} file' + ('' if len(files) == 1 else 's') if files else ''}. {outcome}"
