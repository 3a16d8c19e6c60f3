"""Measure JSON before it is read.

Lives here: LARGE, Structure and structure_of, which counts what a text of JSON would become.
Not here: what is too much (rows), receiving the text (body).
Law: takes linear time and a few megabytes whatever the text; builds no object for what the text holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LARGE = 2**16
"""Bytes; a larger text is measured before it is read, and read beside the event loop."""
_CHUNK = 2**18
_QUOTE, _COMMA = ord('"'), ord(",")


@dataclass(frozen=True)
class Structure:
    """`depth`: how deep lists and objects stand in each other. `values`: at least as many values as the text holds."""

    depth: int
    objects: int
    values: int


def structure_of(text: bytes, most: Structure | None = None) -> Structure:
    """Return the structure of a text; commas and brackets inside strings do not count. `most`: from where on the rest is not
    looked at, since it is too much already."""
    depth = deepest = objects = 0
    values = 1
    inside = False
    start = 0
    while start < len(text):
        chunk, start = _chunk(text, start)
        codes = np.frombuffer(chunk, dtype=np.uint8)
        quotes = codes == _QUOTE
        strings = np.bitwise_xor.accumulate(quotes) ^ inside
        inside = bool(strings[-1])
        codes = codes[~strings & ~quotes]
        levels = _levels(codes)
        if len(levels):
            steps = np.cumsum(levels, dtype=np.int64)
            deepest = max(deepest, depth + int(steps.max()))
            depth += int(steps[-1])
        opened = int((codes == ord("{")).sum())
        objects += opened
        values += opened + int((codes == ord("[")).sum()) + int((codes == _COMMA).sum())
        if most is not None and (deepest > most.depth or objects > most.objects or values > most.values):
            break
    return Structure(deepest, objects, values)


def _chunk(text: bytes, start: int) -> tuple[bytes, int]:
    """Return the next part without its escapes, and where it ends: never between a backslash and what it escapes."""
    end = min(start + _CHUNK, len(text))
    while end < len(text) and text[end - 1] == ord("\\"):
        end += 1
    chunk = bytes(text[start:end])
    return chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__"), end


def _levels(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Return +1 for what opens and -1 for what closes, in order."""
    levels = np.zeros(len(codes), dtype=np.int8)
    levels[(codes == ord("[")) | (codes == ord("{"))] = 1
    levels[(codes == ord("]")) | (codes == ord("}"))] = -1
    changes: npt.NDArray[np.int8] = levels[levels != 0]
    return changes
