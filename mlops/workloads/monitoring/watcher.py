"""Watch an endpoint.

Lives here: Watcher, and the process that runs it.
Not here: the tests (drift), late labels (labels), findings (findings).
Law: a window is judged once, after it is over; what was judged is remembered over a restart.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from mlops.workloads.monitoring.drift import compare
from mlops.workloads.monitoring.findings import Findings, iso
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.monitoring.log import entries_between, first_time
from mlops.workloads.monitoring.profile import PREDICTION, Profile
from mlops.workloads.parent_death import die_with_parent

_LATE = 2.5
"""Seconds after a window's end until its lines are surely in the log: its flush, and a breath."""
_BATCH = 10_000


class Watcher:
    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._window, self._least = float(config["window"]), int(config["min_rows"])
        self._log, self._out = Path(config["log_dir"]), Path(config["out_dir"])
        self._contract = json.loads(Path(config["contract"]).read_text())
        folder = Path(config["baseline_dir"])
        self._told = json.loads((folder / "baseline.json").read_text())
        self._kinds: dict[str, str] = self._told["kinds"]
        self._baseline = Profile.read(folder / "baseline.bin", self._told["rows"])
        self._out.mkdir(parents=True, exist_ok=True)
        self._findings = Findings(self._out / "findings", config["monitor"], self._told["digest"])
        self._labels = Labels(self._contract, self._out / "labels.json")
        self._status: dict[str, Any] = self._read_status()

    def _read_status(self) -> dict[str, Any]:
        fresh: dict[str, Any] = {"windows": 0, "last": None, "rows": 0, "live": {}, "cursor": None, "quiet": 0}
        try:
            told: dict[str, Any] = json.loads((self._out / "status.json").read_text())
        except (OSError, ValueError):
            return fresh
        return {**fresh, **told}

    def tell(self) -> None:
        """Say once more what was found before this process began."""
        self._findings.tell_all()

    def tick(self, now: float) -> bool:
        """Judge at most one window that is over; False where none is."""
        start = self._status["cursor"]
        if start is None:
            first = first_time(self._log)
            if first is None:
                return False
            start = first // self._window * self._window
            self._status["cursor"] = start
        end = start + self._window * (1 + self._status["quiet"])
        if now < end + _LATE:
            return False
        profile = self._profile(start, end)
        rows = profile.rows if profile else 0
        if profile is None or rows == 0:
            self._move(end)
        elif rows < self._least:
            self._status["quiet"] += 1
        else:
            self._judge(profile, start, end)
            self._status |= {"windows": self._status["windows"] + 1, "last": iso(end)}
            self._status["rows"] += rows
            self._move(end)
        self._keep()
        return True

    def _move(self, cursor: float) -> None:
        self._status |= {"cursor": cursor, "quiet": 0}

    def _profile(self, start: float, end: float) -> Profile | None:
        """Of all rows of the window, batch by batch; late labels are joined on the way."""
        names = [name for name in self._kinds if name != PREDICTION]
        output = self._contract["outputs"][0]["name"]
        columns: dict[str, list[Any]] = {name: [] for name in self._kinds}
        profile: Profile | None = None
        feedback = []
        for entry in entries_between(self._log, start, end):
            if entry.feedback is not None:
                feedback.append(entry.feedback)
                continue
            values = [self._value(told, output) for told in entry.predictions]
            self._labels.predicted(entry.id, values)
            for row, value in zip(entry.rows, values, strict=False):
                for name in names:
                    columns[name].append(row.get(name))
                if PREDICTION in columns:
                    columns[PREDICTION].append(value)
            if len(columns[names[0]]) >= _BATCH:
                profile, columns = self._merged(profile, columns), {name: [] for name in self._kinds}
        for told in feedback:
            self._labels.told(told)
        return self._merged(profile, columns) if columns[names[0]] else profile

    def _value(self, told: dict[str, Any], output: str) -> Any:
        if self._contract["task"] == "regression":
            return told.get(self._contract["label"])
        if self._contract["task"] == "multiclass":
            return str(told.get(self._contract["label"]))
        return told.get(output)

    def _merged(self, profile: Profile | None, columns: dict[str, list[Any]]) -> Profile:
        part = Profile.of(columns, self._kinds)
        return part if profile is None else profile.merge(part)

    def _judge(self, profile: Profile, start: float, end: float) -> None:
        drift = self._config["drift"]
        told = compare(
            self._baseline, profile, self._kinds, method=drift.get("method", "auto"),
            threshold=drift.get("threshold", "auto"),
        )  # fmt: skip
        live = self._labels.measure()
        self._labels.keep()
        self._status["live"] = live
        training = self._told["metrics"]
        more = {"live": live, "baseline": training, "tested": len(self._kinds)}
        span = {"since": start, "until": end, "rows": profile.rows}
        for kind, chosen in (("drift", [one for one in told if one.moved and one.method != "missing"]),
                             ("quality", [one for one in told if one.moved and one.method == "missing"])):  # fmt: skip
            if chosen:
                self._findings.raise_(kind, columns=[one.as_json() for one in chosen], more=more, **span)  # type: ignore[arg-type]
        worse = self._labels.worse(live, training)
        if worse:
            column = {
                "name": worse,
                "method": "live",
                "statistic": live[worse],
                "p": None,
                "threshold": training[f"test_{worse}"],
            }
            self._findings.raise_("concept", columns=[column], more=more, **span)  # type: ignore[arg-type]

    def _keep(self) -> None:
        path = self._out / "status.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(self._status, indent=2, sort_keys=True) + "\n")
        temporary.replace(path)


def main() -> None:
    """CONFIG.json, and `--once`: judge the windows that are over, and end."""
    die_with_parent()
    watcher = Watcher(json.loads(Path(sys.argv[1]).read_text()))
    watcher.tell()
    print("watching", flush=True)
    once = "--once" in sys.argv[2:]
    while True:
        if not watcher.tick(time.time()):
            if once:
                return
            time.sleep(0.5)


if __name__ == "__main__":
    main()
