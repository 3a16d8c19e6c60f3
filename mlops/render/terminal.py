"""Draw a plan for a terminal.

Lives here: render_terminal, and the drawing of problems.
Not here: printing (cli), other views.
Law: plain text when colour is off, and the same text when it is on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlops.errors import Problem
from mlops.render import lines
from mlops.render.paint import TONE_OF_ACTION, Paint


def render_terminal(
    document: dict[str, Any], *, color: bool = False, width: int = 100, seconds: float | None = None
) -> str:
    paint = Paint(color)
    if not document["changes"]:
        return "\n".join([lines.no_changes(document, seconds), *_attention(document, paint)]) + "\n"
    out = [paint(lines.title(document), "strong"), ""]
    told = lines.entries(document)
    if len(document["changes"]) > lines.FOLD_FROM * 2:
        out += [lines.summary(document), ""]
    names = max(len(_name(entry)) for entry in told)
    words = max(len(entry.category) for entry in told)
    for entry in told:
        out += _entry(entry, paint, names, words, width)
    if document["unchanged"]:
        out += ["", paint(f"  unchanged: {lines.unchanged(document)}", "note")]
    out += ["", paint(lines.summary(document), "strong")]
    if document["apply_with"]:
        out.append(f"Apply it with: {document['apply_with']}")
    return "\n".join([*out, *_attention(document, paint)]) + "\n"


def _name(entry: lines.Entry) -> str:
    return entry.addresses[0] if len(entry.addresses) == 1 else f"{entry.addresses[0].partition('.')[0]}.*"


def _entry(entry: lines.Entry, paint: Paint, names: int, words: int, width: int) -> list[str]:
    tone = TONE_OF_ACTION.get(entry.action, "")
    head = f"  {entry.symbol:<3} {_name(entry):<{names}}  {entry.category:<{words}}  "
    painted = paint(f"  {entry.symbol:<3} {_name(entry):<{names}}", tone) + f"  {entry.category:<{words}}  "
    out: list[str] = []
    for index, row in enumerate(entry.rows or (lines.Row(""),)):
        lead = painted if index == 0 else " " * len(head)
        where = f"  {row.source}" if row.source else ""
        gap = " " * max(0, width - len(head) - len(row.text) - len(where)) if where else ""
        out.append(f"{lead}{paint(row.text, row.tone)}{gap}{paint(where, 'note')}".rstrip())
    return out


def _attention(document: dict[str, Any], paint: Paint) -> list[str]:
    out: list[str] = []
    for item in document["attention"]:
        out += ["", paint(f"Attention: {item['summary']}", "change")]
        out += [f"  {line}" for line in item["lines"]]
        if item["proposal"]:
            out.append(f"  Proposal: {item['proposal']}")
        out += [f"    {command}" for command in item["commands"]]
    return out


def render_problems(
    problems: Sequence[Problem], *, closing: str = "", color: bool = False, width: int = 100,
    read_line: Callable[[str, int], str | None] = lambda file, line: None,
) -> str:  # fmt: skip
    """`read_line`: gives a line of a file (counted from 1), to be quoted with a caret under what is meant."""
    paint = Paint(color)
    out: list[str] = []
    for problem in problems:
        where = str(problem.source or problem.address or "")
        head = f"Error: {problem.summary}"
        gap = " " * max(2, width - len(head) - len(where)) if where else ""
        out.append(paint(head, "warn") + gap + where)
        if problem.source and problem.address:
            out.append(paint(f"  in {problem.address}", "note"))
        out += [f"  {line}".rstrip() for line in problem.detail.rstrip().splitlines()]
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
    """Such as `2 problems in 2 files. Nothing was planned.`"""
    files = {problem.source.file for problem in problems if problem.source}
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return f"{count}{f' in {len(files)} file' + ('' if len(files) == 1 else 's') if files else ''}. {outcome}"
