"""Choose a view of a plan.

Lives here: view_of.
Not here: the views (render).
Law: every view draws the same document.
"""

from __future__ import annotations

import json
import time
from typing import Any

from mlops.render.html import render_html
from mlops.render.markdown import render_markdown
from mlops.render.terminal import render_terminal


def view_of(
    document: dict[str, Any], view: str, *, color: bool = False, width: int = 100, wrap: bool = False,
    started: float | None = None,
) -> str:  # fmt: skip
    """Draw the document of a plan. `view`: terminal, json, markdown or html. `started`: a `perf_counter` reading that "0.4 s" counts from. `wrap`: fold
    what is longer than `width`."""
    match view:
        case "json":
            return json.dumps(document, indent=2, ensure_ascii=False)
        case "markdown":
            return render_markdown(document).rstrip("\n")
        case "html":
            return render_html(document).rstrip("\n")
        case _:
            seconds = None if started is None else time.perf_counter() - started
            return render_terminal(document, color=color, width=width, wrap=wrap, seconds=seconds).rstrip("\n")
