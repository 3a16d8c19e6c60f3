"""Keep requests and answers.

Lives here: PredictionLog, a bounded queue and the thread that writes it.
Not here: reading it (monitoring).
Law: nothing waits for the disk; at most one flush interval is lost in a crash; what does not fit is counted.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections import deque
from pathlib import Path

from mlops.contracts.names import LOG_BODY, LOG_SIZE
from mlops.workloads.serving.log_files import Segment, remove_old, shortened

_MOST_QUEUED = 200_000
_MOST_QUEUED_BYTES = 32 * 2**20
_SEGMENT_SECONDS = 10.0
_CLEAN_SECONDS = 30.0
_SEGMENT_BYTES = 32 * 2**20


class PredictionLog:
    """Writes what was asked and answered. `sample`: the share kept. `flush`: seconds between writes. `keep`: seconds after which a
    segment is deleted. `size`: bytes of all segments, beyond which the oldest are deleted. `body`: bytes of a request or an
    answer, beyond which only its beginning is kept."""

    def __init__(
        self,
        folder: Path,
        version: str,
        *,
        sample: float,
        flush: float,
        keep: float,
        size: int = LOG_SIZE,
        body: int = LOG_BODY,
    ) -> None:
        self._folder, self._version = folder, version
        self._sample, self._flush, self._keep = sample, flush, keep
        self._size, self._most_body = size, body
        self._cleaned = -_CLEAN_SECONDS
        self._queue: deque[bytes] = deque()
        self.dropped = 0
        # One thread adds to each of them, and their difference is what the queue holds, in bytes.
        self._offered = self._taken = 0
        self._tag = f',"v":"{version}",'.encode()
        self._done = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def offer(self, request_id: str, body: bytes, answer: bytes) -> None:
        """Keep a request with its answer, if the sample has it."""
        if self._sample < 1.0 and random.random() >= self._sample:  # noqa: S311
            return
        if len(body) > self._most_body or len(answer) > self._most_body:
            self._put(b'"id":"%b",%b}\n' % (request_id.encode(), shortened(body)))
            return
        self._put(b'"id":"%b","q":%b,"a":%b}\n' % (request_id.encode(), _line(body), answer))

    def feedback(self, body: bytes) -> None:
        """Keep a late label."""
        self._put(b'"f":%b}\n' % _line(body))

    def _put(self, rest: bytes) -> None:
        if len(self._queue) >= _MOST_QUEUED or self._offered - self._taken + len(rest) > _MOST_QUEUED_BYTES:
            self.dropped += 1
            return
        line = b'{"t":%.6f%b%b' % (time.time(), self._tag, rest)
        self._offered += len(line)
        self._queue.append(line)

    def close(self) -> None:
        """Write what is left."""
        self._done.set()
        self._thread.join(5.0)

    def _write(self) -> None:
        while not self._done.is_set():
            self._segment()
        if self._queue:
            self._segment()

    def _segment(self) -> None:
        """Write one segment, from its first line until it is old or large enough."""
        while not self._queue:
            if self._done.wait(self._flush):
                return
            self._clean()
        self._clean()
        name = self._folder / f"{self._version}-{os.getpid()}-{time.time_ns()}"
        segment = None
        until = time.monotonic() + _SEGMENT_SECONDS
        written = 0
        try:
            segment = Segment(name)
            while True:
                count = len(self._queue)
                if count:
                    block = b"".join(self._queue.popleft() for _ in range(count))
                    self._taken += len(block)
                    segment.write(block)
                    written += len(block)
                if self._done.is_set() or written > _SEGMENT_BYTES or time.monotonic() > until:
                    break
                self._done.wait(self._flush)
        except OSError as error:
            self._say(error)
            self._done.wait(self._flush)
        finally:
            if segment is not None:
                with contextlib.suppress(OSError):
                    segment.close()
                self.dropped += segment.lost

    def _say(self, error: OSError) -> None:
        with contextlib.suppress(OSError):  # the disk of this line may be as full
            print(f"prediction log: {error}", flush=True)

    def _clean(self) -> None:
        if time.monotonic() - self._cleaned > _CLEAN_SECONDS:
            self._cleaned = time.monotonic()
            remove_old(self._folder, self._keep, self._size)


def _line(body: bytes) -> bytes:
    return body.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in body or b"\r" in body else body
