"""Write the page of a search.

Lives here: search_page, and the program that `mlops show model.NAME --tuning --report FILE` runs.
Not here: charts (charts), searching (tune).
Law: reads the ledger, and tries nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.workloads.pages.html import chart_sections, escaped, html_page, html_table
from mlops.workloads.tuning.charts import search_charts


def search_page(name: str, ledger: Mapping[str, Any]) -> str:
    """Return a page of HTML that needs no other file. Raises ValueError for a ledger that contradicts itself."""
    trials, objectives = ledger["trials"], ledger["objectives"]
    seconds = sum(one["seconds"] for one in trials)
    failed = sum(one["state"] == "failed" for one in trials)
    goal = ", ".join(
        f"{metric} as {'high' if better == 'max' else 'low'} as can be" for metric, better in objectives.items()
    )
    lines = [f"{len(trials)} trials, {failed} of them failed, in {seconds:.0f} s; {goal}."]
    if ledger["ended"] in (None, "interrupted"):
        lines.append("The search has not ended; this is what it has found so far.")
    if ledger["chosen"]:
        lines.append(
            "Chosen: " + ", ".join(f"{path} {_shown(value)}" for path, value in ledger["chosen"].items()) + "."
        )
    head = "".join(f'<p class="quiet">{escaped(line)}</p>' for line in lines)
    paths = list(ledger["searched"]["space"])
    rows = [
        [
            str(one["number"]), one["state"], *(_shown(one.get("measured", {}).get(metric, "")) for metric in objectives),
            *(_shown(one["values"].get(path, "")) for path in paths), f"{one['seconds']:.1f}", one.get("reason", ""),
        ]
        for one in trials
    ]  # fmt: skip
    table = html_table(["trial", "state", *objectives, *paths, "seconds", "why it failed"], rows)
    title = f"Search of model.{name}"
    return html_page(
        title, f"<h1>{escaped(title)}</h1>{head}{chart_sections(search_charts(ledger))}<h2>Trials</h2>{table}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    try:
        ledger = json.loads(Path("tuning/model", f"{config['model']}.json").read_text())
        Path(config["out"]).write_text(search_page(config["model"], ledger))
    except (OSError, ValueError) as error:
        sys.exit(f"The report cannot be written: {error}.")


if __name__ == "__main__":
    main()
