"""Draw what is, what was, and why.

Lives here: the views of status, records, history, versions, why and predictions.
Not here: gathering them (api).
Law: one line for each thing, the unhealthy ones first to the eye.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlops.metrics.metric import MEASURED_SPLITS
from mlops.render.document import value_text
from mlops.render.paint import Paint

_MEASURED = tuple(f"{split}_" for split in MEASURED_SPLITS)
_MOST_LINES = 20
"""Of one mapping among what is recorded, on a terminal."""


def render_status(resources: Sequence[Mapping[str, Any]], *, color: bool = False) -> str:
    """Draw how resources are. `resources`: {address, state: "ok|changed|missing|failed", text, url, attention: [lines],
    rollout: {text, is_running} or None} for each."""
    if not resources:
        return "Nothing has been applied in this environment. See what would be: mlops plan"
    paint = Paint(color)
    names = max(len(item["address"]) for item in resources)
    texts = max((len(item["text"]) for item in resources if item.get("url")), default=0)
    out: list[str] = []
    for item in resources:
        tone = {"ok": "ok", "changed": "change"}.get(item["state"], "warn")
        url = f"   {paint(item['url'], 'link')}" if item.get("url") else ""
        name = paint(item["address"].ljust(names), tone)
        out.append(f"{name}   {item['text'].ljust(texts if url else 0)}{url}".rstrip())
        rollout = item.get("rollout")
        lines = [rollout["text"]] if rollout else []
        out += [f"  {paint(line, 'change')}" for line in [*lines, *item.get("attention", ())]]
    return "\n".join(out)


def render_rollouts(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each resource that rolls out, or whose rollout gave up."""
    return [f"{item['address']}   {item['rollout']['text']}" for item in resources if item.get("rollout")]


def render_records(records: Sequence[Mapping[str, Any]], *, color: bool = False) -> str:
    paint = Paint(color)
    out: list[str] = []
    for record in records:
        state = "" if record["complete"] else paint("  (an apply failed half way)", "warn")
        out.append(f"{paint(record['address'], 'strong')}  serial {record['serial']}{state}")
        out += [f"  {line}" for line in record.get("lines", ())]
        for part in ("inputs", "outputs", "upstream"):
            out += [f"  {part}"] if record[part] else []
            out += [f"    {path}: {_clip(value_text(value))}" for path, value in _flat(_folded(record[part]))]
    return "\n".join(out)


def _folded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with a count in the place of a large mapping, such as what dvc.lock said of a model's stages."""
    counts = {name: len(_flat({name: value})) for name, value in values.items()}
    return {
        name: f"{counts[name]} values, which --format json shows" if counts[name] > _MOST_LINES else value
        for name, value in values.items()
    }


def render_why(explanation: Mapping[str, Any], *, color: bool = False) -> str:
    """Draw why a resource is as it is. `explanation`: {address, made: {...} or None, lines: [{path, value, source}],
    upstream: [...], pending: [...]}."""
    paint = Paint(color)
    out = [paint(f"{explanation['address']} {explanation.get('version') or ''}".strip(), "strong")]
    made = explanation.get("made")
    if made:
        commit = f", commit {made['commit'][:12]}" if made.get("commit") else ""
        out.append(f"  made by     {made['who']} on {made['host']}, {made['at']}, serial {made['serial']}{commit}")
        out.append(f"  with        {made['command']}")
    else:
        out.append("  not applied in this environment yet")
    for item in explanation["upstream"]:
        out.append(
            f"  because of  {item['address']} {item['output']} {_clip(value_text(item['value']), 24)}{_by(item['made'])}"
        )
    width = max(
        (len(f"{line['path']}: {_clip(value_text(line['value']))}") for line in explanation["lines"]), default=0
    )
    for line in explanation["lines"]:
        text = f"{line['path']}: {_clip(value_text(line['value']))}"
        out.append(f"  says        {text:<{min(width, 70)}}  {paint(line['source'] or '', 'note')}".rstrip())
    for chain in explanation["pending"]:
        out.append(paint(f"  pending     {' because '.join(chain)}", "change"))
    return "\n".join(out)


def _by(made: Mapping[str, Any] | None) -> str:
    if not made:
        return ""
    commit = f", commit {made['commit'][:12]}" if made.get("commit") else ""
    return f", by {made['who']} at {made['at']}, serial {made['serial']}{commit}"


def render_uses(answer: Mapping[str, Any], *, color: bool = False) -> str:
    paint = Paint(color)
    if not answer["uses"]:
        return f"Nothing depends on {answer['address']}."
    out = [paint(answer["address"], "strong")]
    width = max(len(item["address"]) + 2 * item["depth"] for item in answer["uses"])
    for item in answer["uses"]:
        name = f"{'  ' * item['depth']}{item['address']}"
        words = (
            f"uses the {item['output']} of {item['of']}: {item['category']}"
            if item["category"]
            else f"comes after {item['of']}"
        )
        out.append(f"{name:<{width}}  {paint(words, 'note')}")
    return "\n".join(out)


def render_history(entries: Sequence[Mapping[str, Any]], *, color: bool = False) -> str:
    return _table(entries, color=color) if entries else "No history: nothing has been applied here yet."


def render_versions(rows: Sequence[Mapping[str, Any]], *, color: bool = False) -> str:
    return _table(rows, color=color) if rows else "No versions: it was never trained. Train it: mlops apply"


def _table(entries: Sequence[Mapping[str, Any]], *, color: bool) -> str:
    paint = Paint(color)
    keys = list(dict.fromkeys(key for item in entries for key in item))
    rows = [[str(item.get(key, "")) for key in keys] for item in entries]
    heads = [key if "_" not in key or key.startswith(_MEASURED) else key.replace("_", " ") for key in keys]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in [heads, *rows]]
    return "\n".join([paint(lines[0], "strong"), *lines[1:]])


def render_predictions(sent: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], *, width: int = 100) -> str:
    out: list[str] = []
    for row, prediction in zip(sent, answer.get("predictions", ()), strict=False):
        predicted = "  ".join(f"{name} {_number(value)}" for name, value in prediction.items())
        asked = "  ".join(str(value) for value in row.values() if value is not None)
        out.append(f"  {predicted:<34}  ←  {asked[: max(20, width - 42)]}")
    count = len(answer.get("predictions", ()))
    return "\n".join([*out, f"{count} prediction{'' if count == 1 else 's'} from version {answer.get('version')}."])


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for key, inner in value.items():
        path = f"{prefix}{key}"
        out += _flat(inner, f"{path}.") if isinstance(inner, dict) and inner else [(path, inner)]
    return out


def _clip(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
