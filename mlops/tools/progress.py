"""Report how far work is.

Lives here: ReportProgress, what everything that takes long is given to report with.
Not here: drawing the progress (render).
Law: a report is for eyes only; nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable

ReportProgress = Callable[[str, float | None], None]
"""Takes a line, and the fraction of the work that is done or None."""
