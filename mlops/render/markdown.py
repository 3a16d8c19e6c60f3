"""Draw a plan for a pull request.

Lives here: render_markdown.
Not here: posting it anywhere.
Law: what a reviewer must see is above the fold; text of the user cannot break out of its cell.
"""

from __future__ import annotations

from typing import Any

from mlops.render import lines


def render_markdown(document: dict[str, Any]) -> str:
    if not document["changes"]:
        return "\n".join([f"**{lines.no_changes(document)}**", *_attention(document)]) + "\n"
    out = [f"### `mlops plan` · {lines.title(document)}", "", f"**{lines.summary(document)}**", ""]
    out += ["| | resource | what | why |", "| :-: | --- | --- | --- |"]
    out += [_row(entry) for entry in lines.plan_entries(document)]
    chains = [change["because"] for change in document["changes"] if len(change["because"]) > 2]
    if chains:
        out += ["", "<details><summary>Because</summary>", ""]
        out += [f"- {_cell(' because '.join(chain))}" for chain in chains[:50]]
        out += ["", "</details>"]
    if document["unchanged"]:
        out += ["", f"Unchanged: {_cell(lines.unchanged(document))}"]
    return "\n".join([*out, *_attention(document)]) + "\n"


def _row(entry: lines.PlanEntry) -> str:
    name = f"`{entry.addresses[0]}`" + (f" and {len(entry.addresses) - 1} more" if len(entry.addresses) > 1 else "")
    why = "<br>".join(
        _cell(row.text.strip()) + (f" <sub>{_cell(row.source)}</sub>" if row.source else "")
        for row in entry.rows
        if not row.text.startswith("because ")
    )
    return f"| `{entry.symbol.strip()}` | {name} | {entry.category} | {why} |"


def _cell(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("*", "\\*").replace("\n", " ")


def _attention(document: dict[str, Any]) -> list[str]:
    out: list[str] = []
    for item in document["attention"]:
        out += ["", "> [!WARNING]", f"> {_cell(item['summary'])}"]
        out += [f"> {_cell(line)}" for line in item["lines"]]
        if item["proposal"]:
            out.append(f"> Proposal: {_cell(item['proposal'])}")
        out += [f"> `{command.strip()}`" for command in item["commands"]]
    return out
