"""Keep the gate of a local stack while nobody applies.

Lives here: the program that supervisord runs: python -m mlops.targets.local.gatekeeper FOLDER ROOT ENVIRONMENT STACK.
FOLDER, of the stack, is how its processes are known.
Not here: who is let in (gate), the gateway's tables (host), adding counts up (quota, merged_metrics, recent_answers).
Law: it writes no record and no endpoint's file; what it does follows from those files, the clock, and what the gateway counted.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mlops.context.paths import ProjectPaths
from mlops.errors import MlopsError
from mlops.rollout.state import RolloutState
from mlops.targets.local.certificates import Renewal
from mlops.targets.local.files import read_mapping
from mlops.targets.local.gate import keys_in, next_change
from mlops.targets.local.host import GATEKEEPER, Host
from mlops.targets.local.merged_metrics import MergedMetrics
from mlops.targets.local.quota import Quotas
from mlops.targets.local.recent_answers import PATH, AnswerCount, RecentAnswers
from mlops.tools.unix_http import ask

_PAUSE = 1.0
_TO_ANSWER = 0.5
_MOST_AT_ONCE = 16


class Gatekeeper:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.metrics = MergedMetrics(host.folder / "metrics.json")
        self.recent = RecentAnswers()
        self.renewal = Renewal(host.folder)
        self._looking = threading.Lock()
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE)
        self._last = 0.0
        self._ready: dict[str, float] = {}

    def states(self) -> dict[str, RolloutState]:
        found = {}
        for path in sorted((self.host.folder / "endpoints").glob("*/route.json")):
            with contextlib.suppress(MlopsError):
                found[path.parent.name] = RolloutState.from_json(read_mapping(path))
        return found

    def look(self, now: float) -> None:
        """Let in who may come now, and count. Raises MlopsError, OSError."""
        states = self.states()
        is_due = any(
            (due := next_change(state.gate, self._last)) is not None and due <= now for state in states.values()
        )
        counted = self.host.gateway.key_counters()
        for name, state in states.items():
            limits = {key: tuple(one["quota"]) for key, one in keys_in(state.gate).items() if one.get("quota")}
            if limits:
                mine = {key: count for (endpoint, key), count in counted.items() if endpoint == name}
                is_due |= Quotas(self.host.endpoint(name)).add(mine, limits, now)
        if is_due:
            self.host.publish()
        self._last = now
        self._note_answers(states)
        self.collect(states, counted)
        self.metrics.save()

    def renew(self, now: float) -> None:
        """Take up certificates that others have renewed by now. Raises MlopsError, OSError."""
        if self.renewal.look(self.host.gateway):
            _log("the gateway was given certificates that were renewed")

    def _note_answers(self, states: Mapping[str, RolloutState]) -> None:
        answered = self.host.gateway.answered()
        if not answered:
            return
        for name, state in states.items():
            clusters = {f"{name}-{version}" for version in state.versions} & answered.keys()
            self.recent.add(name, {one: AnswerCount(*answered[one]) for one in clusters}, time.monotonic())
        self.recent.keep_only(set(states))

    def collect(self, states: Mapping[str, RolloutState], counted: Mapping[tuple[str, str], float]) -> None:
        """Ask every replica what it has counted. `counted`: what the gateway has, of each key."""
        asked = {
            f"{name}-{version}-{index}": (name, version, Path(socket))
            for name, state in states.items()
            for version, one in state.versions.items()
            for index, socket in enumerate(one.body.get("sockets", ()))
        }
        with self._looking:
            texts = dict(zip(asked, self._pool.map(lambda one: _metrics(one[2]), asked.values()), strict=True))
            self._ready = {}
            for source, text in texts.items():
                name, version, _ = asked[source]
                series = f'mlops_replicas_answering{{endpoint="{name}",version="{version}"}}'
                self._ready[series] = self._ready.get(series, 0.0) + (text is not None)
                if text is not None:
                    self.metrics.take(source, name, text)
            for name in states:
                self.metrics.take(f"gateway/{name}", name, _of_keys(name, counted))
            known = set(asked) | {f"gateway/{name}" for name in states}
            self.metrics.keep_only(known, {source for source, text in texts.items() if text is None})

    def recent_text(self) -> str:
        return self.recent.text(time.monotonic())

    def text(self) -> str:
        self.collect(self.states(), self.host.gateway.key_counters())
        with self._looking:
            return self.metrics.text({"mlops_replicas_answering": ("gauge", self._ready)})


def _of_keys(endpoint: str, counted: Mapping[tuple[str, str], float]) -> str:
    mine = {key: count for (name, key), count in counted.items() if name == endpoint}
    lines = [f'mlops_key_requests_total{{key="{key}"}} {count}' for key, count in mine.items()]
    return "\n".join(["# TYPE mlops_key_requests_total counter", *lines])


def _metrics(socket: Path) -> str | None:
    try:
        status, body = ask(socket, "/metrics", timeout=_TO_ANSWER)
    except OSError:
        return None
    return body.decode(errors="replace") if status == 200 else None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def run_gatekeeper(gatekeeper: Gatekeeper, path: Path) -> None:
    """Answer scrapes on a socket, beside everything else."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            is_scrape = self.path.startswith("/metrics")
            is_recent = self.path == PATH
            body = (
                gatekeeper.text() if is_scrape else gatekeeper.recent_text() if is_recent else '{"ready":true}'
            ).encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4" if is_scrape else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "gateway"

        def log_message(self, format: str, *words: Any) -> None:
            pass

    path.unlink(missing_ok=True)
    os.umask(0o177)
    threading.Thread(target=_Server(str(path), Answer).serve_forever, daemon=True).start()


def _log(text: str) -> None:
    with contextlib.suppress(OSError):  # supervisord, which keeps the output, may be gone
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main() -> None:
    _, _, root, environment, stack = sys.argv
    host = Host(ProjectPaths(Path(root), environment), stack)
    gatekeeper = Gatekeeper(host)
    run_gatekeeper(gatekeeper, host.sockets / f"{GATEKEEPER}.sock")
    said = ""
    while True:
        for look in (gatekeeper.look, gatekeeper.renew):
            try:
                look(time.time())
            except (MlopsError, OSError) as error:
                if said != (said := str(error)):
                    _log(f"not now: {error}")
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
