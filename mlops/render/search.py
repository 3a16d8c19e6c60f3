"""Draw a search as a table.

Lives here: render_search.
Not here: reading the ledger (api), charts of it (workloads.tuning).
Law: one line for each trial, in the order in which they were begun; the chosen one is marked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlops.render.paint import Paint


def render_search(ledger: Mapping[str, Any], *, color: bool = False) -> str:
    """Return a table of trials, and what was chosen. `ledger`: the content of tuning/model/NAME.json."""
    paint, objectives = Paint(color), list(ledger["objectives"])
    paths = list(ledger["searched"]["space"])
    heads = ["trial", *objectives, *(path.rpartition(".")[2] for path in paths), "seconds", ""]
    rows = [
        [
            str(one["number"]), *(_value(one.get("measured", {}).get(name)) for name in objectives),
            *(_value(one["values"].get(path)) for path in paths), f"{one['seconds']:.1f}", _state(one, ledger),
        ]
        for one in ledger["trials"]
    ]  # fmt: skip
    lines = _columns([heads, *rows])
    drawn = [paint(lines[0], "strong")]
    for line, one in zip(lines[1:], ledger["trials"], strict=True):
        tone = "ok" if one["number"] == ledger["best"] else "warn" if one["state"] == "failed" else None
        drawn.append(paint(line, tone) if tone else line)
    return "\n".join([*drawn, "", _summary(ledger)])


def _state(trial: Mapping[str, Any], ledger: Mapping[str, Any]) -> str:
    if trial["number"] == ledger["best"]:
        return "chosen"
    if trial["state"] == "failed":
        return f"failed: {trial.get('reason', '')}"
    beyond = [limit for limit, excess in trial.get("beyond", {}).items() if excess > 0]
    if beyond:
        return f"not {', '.join(beyond)}"
    return "" if trial["state"] == "done" else str(trial["state"])


def _summary(ledger: Mapping[str, Any]) -> str:
    seconds = sum(one["seconds"] for one in ledger["trials"])
    count = f"{len(ledger['trials'])} trials in {seconds:.0f} s"
    why = {
        "trials": "all of them were run", "budget": "the budget was spent", "space": "the space has no more",
        "interrupted": "somebody interrupted it; the next apply goes on",
    }  # fmt: skip
    return f"{count}: {why.get(ledger['ended'], 'it goes on')}."


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _value(value: Any) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.4g}"
        case str() | int():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
