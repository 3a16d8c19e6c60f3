"""`pulumi-resource-kubernetes`, the tests' own: a process that serves one engine.

Lives here: the port on stdout, signals, the end when the parent goes.
Not here: the protocol (servicer).
Law: stdout says the port and nothing else; the process never outlives its engine.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import grpc

from tests.cluster.provider.quick import hollow

hollow("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server  # noqa: E402

from tests.cluster.provider.servicer import Servicer  # noqa: E402

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def main() -> None:
    parent = os.getppid()
    stop = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    server = grpc.server(ThreadPoolExecutor(32), options=LARGE)
    add_ResourceProviderServicer_to_server(Servicer(os.environ.get("MLOPS_PROVIDER_VERSION", "")), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    threading.Thread(target=_prepare, daemon=True).start()
    threading.Thread(target=_outlive, args=(parent, stop), daemon=True).start()
    stop.wait()
    server.stop(0.2).wait(2)
    os._exit(0)


def _prepare() -> None:
    """What the first call will need, while the engine is still shaking hands."""
    import_module("tests.cluster.provider.cluster")


def _outlive(parent: int, stop: threading.Event, *_: Any) -> None:
    """End with the parent, however it ends."""
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


if __name__ == "__main__":
    sys.exit(main())
