"""Keep requests and answers.

Lives here: PredictionLog, a bounded queue and the thread that writes it.
Not here: reading it (monitoring).
Law: no request waits for the disk, and at most one flush interval of them is lost in a crash; a late label is answered once it
is on the disk. What does not fit is counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from mlops.contracts.names import LOG_BODY, LOG_SIZE
from mlops.contracts.server import ServerConfig
from mlops.workloads.serving.log_files import Segment, cut_entry, remove_old

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
        self._done, self._wake = threading.Event(), threading.Event()
        self._written: deque[Future[bool]] = deque()
        self.answers: Counter[int] = Counter()
        """Status -> answers so far; what has come since the last write is written beside the requests."""
        self._counted: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def offer(self, request_id: str, body: bytes, answer: bytes) -> None:
        """Keep a request with its answer, if the sample has it."""
        if self._sample < 1.0 and random.random() >= self._sample:  # noqa: S311
            return
        tag = b'{"t":%.6f%b"id":"%b",' % (time.time(), self._tag, request_id.encode())
        if len(body) > self._most_body or len(answer) > self._most_body:
            self._put(b"%b%b}\n" % (tag, cut_entry(body)))
        else:
            self._put(b'%b"q":%b,"a":%b}\n' % (tag, _line(body), answer))

    def feedback(self, labels: Sequence[bytes]) -> Future[bool] | None:
        """Keep late labels, each the JSON text of one. Return what says, once it is known, whether they are on the disk; None where
        there is no room for them."""
        if not self._put(b"".join(b'{"t":%.6f%b"f":%b}\n' % (time.time(), self._tag, one) for one in labels)):
            return None
        written: Future[bool] = Future()
        self._written.append(written)  # after its lines, so that what is taken with it holds them
        self._wake.set()
        return written

    def _put(self, lines: bytes) -> bool:
        if len(self._queue) >= _MOST_QUEUED or self._offered - self._taken + len(lines) > _MOST_QUEUED_BYTES:
            self.dropped += 1
            return False
        self._offered += len(lines)
        self._queue.append(lines)
        return True

    def close(self) -> None:
        """Write what is left."""
        self._done.set()
        self._wake.set()
        self._thread.join(5.0)

    def _write(self) -> None:
        while not self._done.is_set():
            self._segment()
        if self._queue or self._new_answers() is not None:
            self._segment()

    def _segment(self) -> None:
        """Write one segment, from its first line until it is old or large enough."""
        while not self._queue and self._new_answers() is None:
            if self._pause():
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
                written += self._write_queue(segment)
                if self._done.is_set() or written > _SEGMENT_BYTES or time.monotonic() > until:
                    break
                self._pause()
        except OSError as error:
            self._say(error)
            for _ in range(len(self._written)):
                self._written.popleft().set_result(False)
            self._pause()
        finally:
            if segment is not None:
                with contextlib.suppress(OSError):
                    segment.close()
                self.dropped += segment.lost

    def _write_queue(self, segment: Segment) -> int:
        """Write what is queued; return how many bytes. Raises OSError where they are lost."""
        waiting = [self._written.popleft() for _ in range(len(self._written))]
        block = b"".join(self._queue.popleft() for _ in range(len(self._queue)))
        self._taken += len(block)
        answers = self._new_answers()
        if answers is not None:
            block += b'{"t":%.6f%b"n":%b}\n' % (time.time(), self._tag, json.dumps(answers).encode())
        is_written = False
        try:
            if block:
                segment.write(block)
            is_written = True
            for status, count in (answers or {}).items():
                self._counted[int(status)] = self._counted.get(int(status), 0) + count
        finally:
            for one in waiting:
                one.set_result(is_written)
        return len(block)

    def _new_answers(self) -> dict[str, int] | None:
        """Return status -> answers since the last that were written; None where there was none."""
        new = {str(status): count - self._counted.get(status, 0) for status, count in list(self.answers.items())}
        return {status: count for status, count in new.items() if count} or None

    def _pause(self) -> bool:
        """Wait for a flush interval, or until a label has come; return whether the end has come."""
        self._wake.wait(self._flush)
        self._wake.clear()
        return self._done.is_set()

    def _say(self, error: OSError) -> None:
        with contextlib.suppress(OSError):  # the disk of this line may be as full
            print(f"prediction log: {error}", flush=True)

    def _clean(self) -> None:
        if time.monotonic() - self._cleaned > _CLEAN_SECONDS:
            self._cleaned = time.monotonic()
            remove_old(self._folder, self._keep, self._size)


def open_log(config: ServerConfig) -> PredictionLog | None:
    """Return the log of a process that answers, None where it keeps none. Raises OSError."""
    log = config.log
    if log is None:
        return None
    size = LOG_SIZE if config.log_size is None else config.log_size
    most = LOG_BODY if config.log_body is None else config.log_body
    return PredictionLog(
        Path(log.dir), config.version, sample=log.sample, flush=log.flush, keep=log.keep, size=size, body=most
    )


def _line(body: bytes) -> bytes:
    return body.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in body or b"\r" in body else body
