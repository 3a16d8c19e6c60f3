"""Answer one question of the control plane in a process of its own.

Lives here: answer_request.
Not here: the questions (survey, first_look).
Law: the process ends with its parent, computes in UTC, and writes nothing but the answer.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mlops.contracts.codec import Document, decode, encode
from mlops.workloads.parent_death import die_with_parent

Q = TypeVar("Q", bound=Document)


def answer_request(kind: type[Q], answer: Callable[[Q], Document]) -> None:
    """Read the file that the first argument names, and write what `answer` gives to the one that the second names."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    die_with_parent(signal.SIGKILL)
    request = decode(kind, Path(sys.argv[1]).read_bytes())
    Path(sys.argv[2]).write_text(encode(answer(request)), encoding="utf-8")
