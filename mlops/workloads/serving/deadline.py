"""End a run of the model that takes too long.

Lives here: Deadline, which runs an ONNX session for a stated time at most.
Not here: what the client is answered (model).
Law: a run that is over its time stops at the next operator, and its thread is free again.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

import onnxruntime


class TooLate(Exception):
    """A run took longer than it may."""


class Deadline:
    """`seconds`: what one run may take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[int, tuple[float, onnxruntime.RunOptions]] = {}
        threading.Thread(target=_look, args=(weakref.ref(self),), name="deadline", daemon=True).start()

    def run(self, session: onnxruntime.InferenceSession, inputs: Mapping[str, Any]) -> list[Any]:
        """Return the session's outputs. Raises TooLate."""
        options = onnxruntime.RunOptions()
        key = id(options)
        self._running[key] = (time.monotonic() + self.seconds, options)
        try:
            outputs: list[Any] = session.run(None, inputs, options)
        except Exception as error:
            if options.terminate:
                raise TooLate from error
            raise
        finally:
            del self._running[key]
        return outputs

    def stop_late(self, now: float) -> None:
        for until, options in tuple(self._running.values()):
            if now > until:
                options.terminate = True


def _look(of: weakref.ref[Deadline]) -> None:
    """End with the Deadline itself."""
    while (deadline := of()) is not None:
        deadline.stop_late(time.monotonic())
        pause = min(0.5, deadline.seconds / 4)
        del deadline
        time.sleep(pause)
