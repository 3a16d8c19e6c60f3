"""Answer a notebook with an exported model.

Lives here: the program that a notebook's `model(…).predict(…)` asks.
Not here: answering itself (serving), starting this program (api.notebook).
Law: a row is judged and answered by the application that serves it, so that a notebook never disagrees with an endpoint.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import IO, Any

from mlops.contracts.codec import decode
from mlops.contracts.notebook import NotebookModel
from mlops.workloads.serving.app import Application


def open_application(model: NotebookModel) -> Application:
    """Return the application over an export, which lacks no more than the api.json of a bento. Raises GoldenFailed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in Path(model.export).absolute().iterdir():
            (folder / file.name).symlink_to(file)
        (folder / "api.json").write_text(json.dumps(model.api))
        return Application(folder, model.version)


async def answer_of(application: Application, body: bytes) -> tuple[int, bytes]:
    """Return the status and the body that `/predict` answers a body with."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await application({"type": "http", "method": "POST", "path": "/predict", "headers": ()}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def answer_lines(application: Application, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each line of `requests` until they end."""
    loop = asyncio.new_event_loop()
    for line in requests:
        status, body = loop.run_until_complete(answer_of(application, line.rstrip(b"\n")))
        answers.write(b"%d %b\n" % (status, body))
        answers.flush()
    loop.close()


def main() -> None:
    """Answer what stands on standard input. Whatever else is printed goes to standard error, away from the answers."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer_lines(open_application(decode(NotebookModel, sys.argv[1])), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
