"""The process of a Pulumi plug-in: one gRPC server for one engine.

Lives here: the port on stdout, signals, the end when the parent goes.
Not here: what is served (language/).
Law: stdout says the port and nothing else; the process never outlives its engine.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def serve(add: Callable[[Any], None], *, threads: int) -> None:
    """Serve what `add` puts on the server, until SIGINT, SIGTERM or the parent's end."""
    parent, stop = os.getppid(), threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    server = grpc.server(ThreadPoolExecutor(threads), options=LARGE)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_watch, args=(parent, stop), daemon=True).start()
    stop.wait()
    server.stop(0.2).wait(2)
    os._exit(0)


def _watch(parent: int, stop: threading.Event) -> None:
    """End with the parent, however it ends: a parent-death signal would come from one of the engine's threads."""
    try:
        handle = os.pidfd_open(parent)
    except OSError:
        stop.set()
        return
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    if os.getppid() == parent:
        waiting.poll()
    stop.set()
