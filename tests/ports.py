"""Ports that nobody uses.

Lives here: free_ports, any_port.
Not here: the product's own choice of a port (mlops.tools.process).
Law: the system picks them, so tests that run side by side do not pick the same.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        open_ = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in open_:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in open_]


def any_port() -> int:
    return free_ports(1)[0]
