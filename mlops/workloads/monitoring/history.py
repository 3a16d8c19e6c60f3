"""Remember the windows that were judged.

Lives here: WindowHistory, and read_windows.
Not here: judging (watcher), drawing (report).
Law: a window stands once, as it was judged last; the file has an upper size, and a line that was cut off is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.windows import JudgedTest, JudgedWindow
from mlops.workloads.monitoring.column_test import ColumnTest

_KEPT = 1_000
"""Windows that stay when the file is cut, which it is at twice as many."""


def read_windows(path: Path) -> list[JudgedWindow]:
    """Return the windows of a file in the order of time; none where it is not there."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found: dict[tuple[float, str], JudgedWindow] = {}
    for line in lines:
        try:
            window = decode(JudgedWindow, line)
        except ContractError:
            continue
        found[window.since, window.baseline] = window
    return sorted(found.values(), key=lambda window: window.since)


def judged_window(
    span: tuple[float, float], rows: int, tests: Sequence[ColumnTest], *, baseline: str,
    counts: Mapping[str, Sequence[int]], live: Mapping[str, float],
) -> JudgedWindow:  # fmt: skip
    """Return what is kept of a window. `span`: its beginning and end, in Unix seconds."""
    return JudgedWindow(
        since=span[0], until=span[1], rows=rows, baseline=baseline, live=dict(live),
        counts={name: tuple(numbers) for name, numbers in counts.items()},
        tests=tuple(
            JudgedTest(
                name=test.name, method=test.method, statistic=round(test.statistic, 5),
                threshold=round(test.threshold, 5), moved=test.moved,
            )
            for test in tests
        ),
    )  # fmt: skip


class WindowHistory:
    """The windows of one monitor, in the file `path`. One process at a time writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count: int | None = None

    def add(self, window: JudgedWindow) -> None:
        if self._count is None:
            self._count = self._cut()
        with self._path.open("ab") as file:
            file.write(encode(window).encode() + b"\n")
        self._count += 1
        if self._count >= 2 * _KEPT:
            self._count = self._cut()

    def _cut(self) -> int:
        """Write the newest windows alone, so that what a crash cut off ends here too; return how many there are."""
        kept = read_windows(self._path)[-_KEPT:]
        temporary = self._path.with_suffix(".part")
        temporary.write_text("".join(f"{encode(window)}\n" for window in kept))
        temporary.replace(self._path)
        return len(kept)
