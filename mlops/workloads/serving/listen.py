"""Listen, and stop without losing a request.

Lives here: listen, which serves one application on a Unix socket or a port until it is asked to end.
Not here: what is configured where (server for a supervisor, pod for a container).
Law: the first SIGTERM drains: readiness turns false at once, and requests are answered until the time is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn

from mlops.workloads.serving.app import Application
from mlops.workloads.serving.cross_origin import with_cross_origin
from mlops.workloads.serving.grpc_server import GrpcServer
from mlops.workloads.serving.http_protocol import HttpProtocol
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.tracing import with_tracing

KEEP_ALIVE = 75
"""Seconds an idle connection is kept; the gateway gives one up earlier."""


_MALLOC_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of mallopt(3), glibc."""
_GIVEN_BACK_BYTES = 2**17


class Draining(uvicorn.Server):
    """A server that drains. `drain`: seconds between the first signal and the end of listening; a second signal ends it at once.
    `grpc`: what answers beside it, in the same event loop."""

    def __init__(
        self, config: uvicorn.Config, application: Application, drain: float, grpc: GrpcServer | None = None
    ) -> None:
        super().__init__(config)
        self._application, self._drain, self._grpc = application, drain, grpc
        self._until: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen for gRPC before HTTP, whose readiness counts for both."""
        if self._grpc is not None:
            await self._grpc.start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ended = [super().shutdown(sockets)]
        if self._grpc is not None:
            ended.append(self._grpc.stop(self.config.timeout_graceful_shutdown or 0))
        await asyncio.gather(*ended)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._application.draining = True
        if self._drain <= 0 or self._until is not None:
            super().handle_exit(sig, frame)
            return
        self._until = time.monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        if self._until is not None and time.monotonic() >= self._until:
            self.should_exit = True
        return await super().on_tick(counter)


def listen(
    application: Application, log: PredictionLog | None, *, grace: float, drain: float = 0.0,
    through: Callable[..., Awaitable[None]] | None = None, grpc: GrpcServer | None = None, **where: Any,
) -> None:  # fmt: skip
    """Serve until the process is asked to end. `where`: `uds`, or `host` and `port`. `through`: what stands before the application.
    `grpc`: what answers over gRPC, where something does.

    `grace`: seconds that requests under way may take once it no longer listens.
    """
    whole = with_cross_origin(through or application, application.origins)
    traced, end_tracing = with_tracing(whole, application.contract["model"], application.version, os.environ)
    config = uvicorn.Config(
        traced, http=HttpProtocol, ws="none", loop="uvloop", lifespan="off", log_level="warning", access_log=False,
        server_header=False, date_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE, backlog=2048,
        timeout_graceful_shutdown=round(grace), **where,
    )  # fmt: skip
    _give_memory_back()
    # uvicorn raises the signal that ended it once more; the log must be closed first.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    print(f"{application.version}: golden request answered, ready", flush=True)
    try:
        Draining(config, application, drain, grpc).run()
    finally:
        end_tracing()
        if log is not None:
            log.close()


def _give_memory_back() -> None:
    """Have the C library return large blocks to the system as soon as they are free; elsewhere than with glibc, do nothing.

    Otherwise it raises the size from which it does so by itself, and keeps what many large bodies took once.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MALLOC_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)
