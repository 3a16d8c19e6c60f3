"""Write for several threads at once.

Lives here: GroupCommit, which carries out what threads ask for at the same time in one transaction.
Not here: what is written (store).
Law: `run` returns after the commit that holds its work, and raises what its own work raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

DatabaseWork = Callable[[sa.Connection], Any]


@dataclass(eq=False)
class _Request:
    token: int
    work: DatabaseWork
    answer: Any = None
    error: BaseException | None = None
    is_done: bool = False


class GroupCommit:
    """Writes for several threads in one transaction. `transaction`: opens one for the holder of a token. A commit waits
    for the disk; the work that arrives meanwhile shares the next one."""

    def __init__(self, transaction: Callable[[int], AbstractContextManager[sa.Connection]]) -> None:
        self._transaction = transaction
        self._waiting: list[_Request] = []
        self._queue, self._writer = threading.Lock(), threading.Lock()

    def run(self, token: int, work: DatabaseWork) -> Any:
        mine = _Request(token, work)
        with self._queue:
            self._waiting.append(mine)
        with self._writer:
            if not mine.is_done:
                self._carry_out(self._taken(token))
        if mine.error is not None:
            raise mine.error
        return mine.answer

    def _taken(self, token: int) -> list[_Request]:
        with self._queue:
            taken = [request for request in self._waiting if request.token == token]
            self._waiting = [request for request in self._waiting if request.token != token]
        return taken

    def _carry_out(self, selection: list[_Request]) -> None:
        try:
            with self._transaction(selection[0].token) as connection:
                for request in selection:
                    request.answer = request.work(connection)
        except BaseException as error:
            if len(selection) > 1:
                for request in selection:
                    self._carry_out([request])
                return
            selection[0].error = error
        for request in selection:
            request.is_done = True
