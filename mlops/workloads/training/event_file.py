"""Write what TensorBoard reads.

Lives here: EventFile, scalars of a run as events in records.
Not here: which scalars (run_log).
Law: the format is TensorFlow's, RecordWriter and Event: a length and a content, each followed by its masked CRC-32C. Only
the message classes of the package `tensorboard` are imported: its own writers take seconds to import.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_POLYNOMIAL = 0x82F63B78


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


class EventFile:
    """One file of events; it is opened for each of them, which are few."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def create(cls, folder: Path) -> EventFile:
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        made = cls(folder / name)
        made._append({"file_version": "brain.Event:2"})
        return made

    def write(self, step: int, values: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._append({"step": step, "summary": Summary(value=scalars)})

    def _append(self, fields: Mapping[str, Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        content = Event(wall_time=time.time(), **fields).SerializeToString()
        length = struct.pack("<Q", len(content))
        with self._path.open("ab") as file:
            file.write(length + _checksum(length) + content + _checksum(content))


def _checksum(data: bytes) -> bytes:
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    value ^= 0xFFFFFFFF
    masked = ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked)
