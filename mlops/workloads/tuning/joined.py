"""Run the trials of one search on several machines.

Lives here: work_with_others, which gives out trials at a port while it runs some itself; and the program that asks for them:
python -m mlops.workloads.tuning.joined NAME HOST PORT.
Not here: which trial is next (source, study), starting pods (targets), the ledger (tune).
Law: one process alone writes the study, so that machines share no disk and no database; a trial whose connection ends before it is
tried again with the same values.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from mlops.errors import MlopsError, ToolFailed
from mlops.workloads.stage import say
from mlops.workloads.tuning.search import Search
from mlops.workloads.tuning.source import StudySource, StudyTrial, TrialResult
from mlops.workloads.tuning.work import work

_PATIENCE = 180.0
"""Seconds in which others look for the first one: it may have to pull its image, or be started again."""
_PAUSE = 0.2
Message = dict[str, Any]


def work_with_others(search: Search, first: Sequence[Mapping[str, Any]], record: Callable[[], None], port: int) -> str:
    """Run trials until there are no more and none runs elsewhere; return why. `first`, `record`: as of `work`."""
    own = StudySource(search, first)
    with _serving(search, first, port):
        while True:
            ended = work(search, own, record)
            while own.has_running():
                time.sleep(_PAUSE)
                record()
            if isinstance(begun := own.next(), str):
                return ended
            begun.give_up()  # another one gave it up: it is tried here


@contextlib.contextmanager
def _serving(search: Search, first: Sequence[Mapping[str, Any]], port: int) -> Iterator[None]:
    """Answer those who connect, each in a thread."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with socket.create_server(("", port), family=family, dualstack_ipv6=both) as door:

        def accept() -> None:
            with contextlib.suppress(OSError):  # the door was shut
                while True:
                    link, _ = door.accept()
                    keep_alive(link)
                    threading.Thread(target=_answer, args=(link, search, first), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)


def _answer(link: socket.socket, search: Search, first: Sequence[Mapping[str, Any]]) -> None:
    source = StudySource(search, first)
    begun: StudyTrial | None = None
    with link, link.makefile("rw", encoding="utf-8") as wire:
        try:
            for line in wire:
                asked: Message = json.loads(line)
                match asked["ask"]:
                    case "next" if asked["question"] != search.question:
                        answer: Message = {"refused": "it has other parameters, data or code than the first one"}
                    case "next":
                        found = source.next()
                        begun = None if isinstance(found, str) else found
                        answer = {"ended": found} if isinstance(found, str) else {"chosen": dict(found.chosen)}
                    case "report" if begun is not None:
                        answer = {"hopeless": begun.is_hopeless(asked["step"], asked["measured"])}
                    case "end" if begun is not None:
                        answer, begun = {"so_far": begun.end(TrialResult(**asked["found"]))}, None
                    case _:
                        answer = {"refused": "it asks what there is no answer to"}
                _write(wire, answer)
        except (OSError, ValueError):
            pass  # the other one is gone, in the middle of a line or between two
        finally:
            if begun is not None:
                begun.give_up()


@dataclass
class JoinedTrial:
    wire: IO[str]
    chosen: Mapping[str, Any]

    def is_hopeless(self, step: int, measured: Mapping[str, float]) -> bool:
        return bool(_ask(self.wire, {"ask": "report", "step": step, "measured": dict(measured)})["hopeless"])

    def end(self, found: TrialResult) -> tuple[str, float]:
        line, share = _ask(self.wire, {"ask": "end", "found": asdict(found)})["so_far"]
        return line, share


@dataclass
class JoinedSource:
    wire: IO[str]
    question: str

    def next(self) -> JoinedTrial | str:
        answer = _ask(self.wire, {"ask": "next", "question": self.question})
        if "refused" in answer:
            raise MlopsError.of("search is another one", f"The first pod refuses this one: {answer['refused']}.")
        return str(answer["ended"]) if "ended" in answer else JoinedTrial(self.wire, answer["chosen"])


def join_search(name: str, host: str, port: int, *, root: Path = Path(), patience: float = _PATIENCE) -> None:
    """Run trials for the one that serves them, until it says that there are no more, or nobody serves any. A lost connection is
    made again. Raises MlopsError where it serves another search."""
    search = Search.of(name, root)
    while (link := _reach(host, port, patience)) is not None:
        with link, link.makefile("rw", encoding="utf-8") as wire:
            try:
                why = work(search, JoinedSource(wire, search.question), lambda: None)
            except (OSError, ValueError, ToolFailed):
                say("the connection to the first pod was lost; looking for it again")
                time.sleep(_PAUSE)
                continue
        say(f"there are no more trials: {why}")
        return
    say("nobody gives out trials: the search is over, or goes on without this pod")


def _reach(host: str, port: int, patience: float) -> socket.socket | None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            link = socket.create_connection((host, port), timeout=10)
        except OSError:
            time.sleep(_PAUSE)
        else:
            link.settimeout(None)
            keep_alive(link)
            return link
    return None


def keep_alive(link: socket.socket) -> None:
    """Notice a machine that is gone: it says no good-bye."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _ask(wire: IO[str], message: Message) -> Message:
    _write(wire, message)
    line = wire.readline()
    if not line.endswith("\n"):
        raise ToolFailed.of("first pod was lost", "It ended in the middle of an answer.")
    answer: Message = json.loads(line)
    return answer


def _write(wire: IO[str], message: Message) -> None:
    wire.write(json.dumps(message) + "\n")
    wire.flush()


def main() -> None:
    sys.path.insert(1, str(Path.cwd()))
    name, host, port = sys.argv[1:]
    join_search(name, host, int(port))


if __name__ == "__main__":
    main()
