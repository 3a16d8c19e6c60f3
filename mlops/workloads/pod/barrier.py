"""Let the pods of one training end together.

Lives here: hold, by which the first pod keeps the others, and stay, by which they wait for it.
Not here: training together (torchrun does that).
Law: no pod counts as done before the first one has given away what was made. If it is lost, all are started again; one
that came back alone would wait for the others in vain.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from mlops.errors import MlopsError, ToolFailed

_DONE = b"done"
_PATIENCE = 120.0
"""Seconds in which the others ask, and in which the first one hears them."""
_PAUSE = 0.2


@contextlib.contextmanager
def hold(port: int, others: int) -> Iterator[None]:
    """Keep the other pods while inside. They may end where it ends well, and are started again where it does not."""
    with _listen(port, others) as door:
        yield
        deadline = time.monotonic() + _PATIENCE
        for _ in range(others):
            door.settimeout(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                link, _ = door.accept()
                with link:
                    link.sendall(_DONE)


def stay(host: str, port: int) -> None:
    """Wait until the first pod is done. Raises ToolFailed where it ends without a word."""
    try:
        with _reach(host, port) as link:
            _watch(link)
            if link.recv(len(_DONE), socket.MSG_WAITALL) == _DONE:
                return
    except OSError as error:
        raise _lost(host, str(error)) from error
    raise _lost(host, "it closed the connection")


def _listen(port: int, others: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    return socket.create_server(("", port), family=family, dualstack_ipv6=both, backlog=max(1, others))


def _reach(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            link = socket.create_connection((host, port), timeout=10)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            link.settimeout(None)
            return link


def _watch(link: socket.socket) -> None:
    """Notice a first pod whose node is gone: it says no good-bye."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _lost(host: str, why: str) -> MlopsError:
    return ToolFailed.of(
        "first pod was lost",
        f"Training is over, and {host} ended before it had given away what was made: {why}. All pods are started again.",
    )
