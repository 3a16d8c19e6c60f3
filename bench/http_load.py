"""Ask one thing over and over.

Lives here: requests_per_second, for a Unix socket or a TCP port.
Not here: what is asked, of whom.
Law: the bytes of the request are made once, and an answer other than 200 is an error: a fast refusal is no speed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import uvloop


def requests_per_second(
    place: Path | tuple[str, int], path: str, body: bytes, headers: dict[str, str], *, connections: int, seconds: float
) -> float:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{head}"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body
    return uvloop.run(_measure(place, request, connections, seconds))


async def _measure(place: Path | tuple[str, int], request: bytes, connections: int, seconds: float) -> float:
    started = time.perf_counter()
    counts = await asyncio.gather(*(_ask(place, request, started + seconds) for _ in range(connections)))
    return sum(counts) / (time.perf_counter() - started)


async def _ask(place: Path | tuple[str, int], request: bytes, until: float) -> int:
    if isinstance(place, Path):
        reader, writer = await asyncio.open_unix_connection(str(place))
    else:
        reader, writer = await asyncio.open_connection(*place)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not answered: {head.splitlines()[0].decode()}")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count
