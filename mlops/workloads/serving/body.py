"""Receive the body of a request.

Lives here: BodyReader, with its limits: size, time to arrive, and the memory of all large bodies together.
Not here: what the bytes mean (rows), the connection itself (http_protocol).
Law: no byte is copied more often than a fixed number of times; a body that is refused is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, MutableMapping
from typing import Any

from mlops.workloads.serving.rows import BadRows
from mlops.workloads.serving.structure import LARGE

Receive = Callable[[], Coroutine[Any, Any, MutableMapping[str, Any]]]
ARRIVAL_SECONDS = 30.0
_TOGETHER = 32 * 2**20
_TICKS = 4
_CROWDED = "too many large requests at once; send this one again later"
_DISCARDED = 4
"""A body of up to so many times the limit is received and thrown away, so that a client that sends first and reads
afterwards gets its answer; the connection of a longer one is closed."""


class BodyRefused(BadRows):
    """`close`: whether the rest of the body is still to come, so that the connection must end with the answer."""

    def __init__(self, status: int, problem: str, *, close: bool) -> None:
        super().__init__([{"row": None, "column": None, "problem": problem}], status)
        self.close = close


class _Begun:
    """A coroutine whose first step was taken, to be awaited for the others. `pending`: what the first step waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, MutableMapping[str, Any]], pending: Any) -> None:
        self._coroutine, self._pending = coroutine, pending

    def __await__(self) -> Generator[Any, Any, MutableMapping[str, Any]]:
        pending = self._pending
        try:
            while True:
                try:
                    value = yield pending
                except BaseException as error:
                    pending = self._coroutine.throw(error)
                else:
                    pending = self._coroutine.send(value)
        except StopIteration as done:
            message: MutableMapping[str, Any] = done.value
            return message


class BodyReader:
    """Receives bodies of up to `limit` bytes that arrive within `seconds`.

    All large bodies of this process together hold at most 32 MiB, or twice `limit` if that is more; where they would hold more,
    the one that has been arriving for the longest time is refused, so that slow ones cannot keep out the others.
    """

    def __init__(self, limit: int, seconds: float = ARRIVAL_SECONDS) -> None:
        self.limit, self._seconds = limit, seconds
        self._together = max(2 * limit, _TOGETHER)
        self._arriving: dict[asyncio.Task[Any], int] = {}
        self._large: dict[asyncio.Task[Any], int] = {}
        self._refused: dict[asyncio.Task[Any], BodyRefused] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tick = 0

    async def read(self, receive: Receive, limit: int | None = None) -> bytes:
        """Return the body. Raises BodyRefused, and ConnectionError where the client has gone."""
        body = self.begin(receive, limit)
        return body if isinstance(body, bytes) else await body

    def begin(self, receive: Receive, limit: int | None = None) -> bytes | Coroutine[Any, Any, bytes]:
        """Return the body where it is small and there already, as most are; else what is to be awaited for it, as `read` is."""
        first = receive()
        try:
            pending = first.send(None)
        except StopIteration as done:
            message = done.value
            if not message.get("more_body") and message["type"] != "http.disconnect":
                body: bytes = message.get("body", b"")
                if len(body) <= LARGE:
                    return body
            return self._watched(receive, message, limit or self.limit)
        return self._watched(receive, _Begun(first, pending), limit or self.limit)

    async def _watched(self, receive: Receive, first: MutableMapping[str, Any] | _Begun, limit: int) -> bytes:
        """Return the body of which `first` is the first message, or gives it, within the time that it may take."""
        task = asyncio.current_task()
        assert task is not None
        self._watch()
        self._arriving[task] = self._tick
        try:
            message = await first if isinstance(first, _Begun) else first
            return await self._rest(task, receive, message, limit)
        except asyncio.CancelledError:
            if task not in self._refused:
                raise
            task.uncancel()
            # In no variable: the frame would hold the exception, and that the frame, with the body, until the next collection.
            raise self._refused.pop(task) from None
        finally:
            self._arriving.pop(task, None)

    async def _rest(
        self, task: asyncio.Task[Any], receive: Receive, message: MutableMapping[str, Any], limit: int
    ) -> bytes:
        body = bytearray()
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                raise ConnectionError
            part = message.get("body", b"")
            size += len(part)
            if size <= limit:
                body += part
                self._hold(task, size)
            elif body:
                body = bytearray()
                self._release(task)
            if not message.get("more_body") or size > _DISCARDED * limit:
                break
            message = await receive()
        if size > limit:
            raise self._too_large(limit, close=bool(message.get("more_body")))
        return bytes(body)

    def _too_large(self, limit: int, *, close: bool) -> BodyRefused:
        return BodyRefused(413, f"the body has more than {limit:,} bytes", close=close)

    def _hold(self, task: asyncio.Task[Any], size: int) -> None:
        """Count the bytes of a body, if it is large, until its task is done. Raises BodyRefused where it is the one to give way."""
        if size <= LARGE:
            return
        if task not in self._large:
            task.add_done_callback(self._release)
        self._large[task] = size
        while sum(self._large.values()) > self._together:
            oldest = next((other for other in self._large if other in self._arriving), task)
            self._release(oldest)
            if oldest is task:
                raise BodyRefused(429, _CROWDED, close=True)
            self._cancel(oldest, BodyRefused(429, _CROWDED, close=True))

    def _release(self, task: asyncio.Task[Any]) -> None:
        self._large.pop(task, None)

    def _cancel(self, task: asyncio.Task[Any], refused: BodyRefused) -> None:
        self._arriving.pop(task, None)
        self._refused[task] = refused
        task.cancel()

    def _watch(self) -> None:
        """Look after what arrives, in this loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self._seconds / _TICKS, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse what has been arriving for too long; goes on as long as anything arrives."""
        self._tick += 1
        late = [task for task, tick in self._arriving.items() if self._tick - tick > _TICKS]
        for task in late:
            self._release(task)
            problem = f"the body did not arrive within {self._seconds:g} seconds"
            self._cancel(task, BodyRefused(408, problem, close=True))
        if self._arriving:
            loop.call_later(self._seconds / _TICKS, self._sweep, loop)
        else:
            self._loop = None
