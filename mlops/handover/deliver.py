"""Deliver what is handed over: python -m mlops.handover.deliver FOLDER

Lives here: the process, which applies where the task says so, and sends the rest to a webhook or a command.
Not here: which tasks there are (journal, api.watch).
Law: one process at a time delivers a task, and it lives on when the one that began it is killed; an edit of the YAML whose apply
fails is taken back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from msgspec import structs

from mlops.contracts.codec import encode, to_json
from mlops.contracts.handover import AppliedResult, Handover, HandoverOutcome, HandoverTask, YamlEdit
from mlops.errors import MlopsError
from mlops.handover.journal import DONE_FILE, FAILED_FILE, held, read_outcome, read_task, write_whole
from mlops.secret_values import SecretReader
from mlops.tools.process import beside_python, program_environment

_LONGEST_COMMAND = 3600.0
_LONGEST_REQUEST = 30.0
_MOST_OUTPUT = 4_000
_LOCK_HELD, _STALE = 5, 4
_PATCH = "edit.patch"


def deliver(folder: Path) -> None:
    """Deliver the task in a folder, and write down how that went; do nothing where that was done, or another process is at it."""
    with held(folder) as is_free:
        if not is_free or (folder / DONE_FILE).exists():
            return
        task, before = read_task(folder), read_outcome(folder / FAILED_FILE)
        tries = 1 + (before.tries if before else 0)
        result = before.result if before else None
        error = ""
        if task.edit is not None and result is None:
            result, error = _applied(task, task.edit)
            if result is not None:
                # What was applied is written down before anybody is told, so that it is not applied again.
                write_whole(
                    folder / FAILED_FILE, encode(HandoverOutcome(at=0.0, tries=tries, result=result, error="not sent"))
                )
        if not error:
            error = _handed(task, structs.replace(task.handover, result=result), folder)
        outcome = HandoverOutcome(at=time.time(), tries=tries, error=error, result=result)
        write_whole(folder / (FAILED_FILE if error else DONE_FILE), encode(outcome, indent=1))


def _applied(task: HandoverTask, edit: YamlEdit) -> tuple[AppliedResult | None, str]:
    """Edit the YAML and apply; return how it went, or why it is to be tried later."""
    path = Path(task.root) / edit.file
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        text = f"{error}"
    if text not in (edit.before, edit.after):
        words = f"{edit.file} was edited since, so that nothing was applied."
        return AppliedResult(applied=False, exit_code=-1, output=words), ""
    write_whole(path, edit.after)
    ended = subprocess.run(
        [beside_python("mlops"), "-C", task.root, "apply", "--yes", "--lock-timeout", "10m", *task.overrides],
        cwd=task.root, env=program_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    said = ended.stdout.decode(errors="replace").strip()[-_MOST_OUTPUT:]
    if ended.returncode != 0 and path.read_text(encoding="utf-8") == edit.after:
        write_whole(path, edit.before)
    if ended.returncode in (_LOCK_HELD, _STALE):
        return None, f"mlops apply ended with {ended.returncode}: {said}"
    return AppliedResult(applied=ended.returncode == 0, exit_code=ended.returncode, output=said), ""


def _handed(task: HandoverTask, handover: Handover, folder: Path) -> str:
    """Send it; return why it was not taken, or nothing."""
    reader = SecretReader(Path(task.secrets))
    body = json.dumps(to_json(handover), ensure_ascii=False).encode()
    if task.command is not None:
        return reader.mask(_run(task, handover, body, folder))
    try:
        url = reader.fill(str(task.webhook), field="watch.hand_to.webhook")
    except MlopsError as error:
        return error.problems[0].detail
    headers = {"content-type": "application/json", "idempotency-key": handover.key}
    try:
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=_LONGEST_REQUEST) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as error:
        return f"The webhook answered {error.code} {error.reason}."
    except (OSError, ValueError) as error:
        return reader.mask(f"The webhook does not answer: {error}.").replace(url, "***")
    return ""


def _run(task: HandoverTask, handover: Handover, body: bytes, folder: Path) -> str:
    more = {"MLOPS_HANDOVER_KEY": handover.key}
    if handover.patch is not None:
        write_whole(folder / _PATCH, handover.patch)
        more["MLOPS_PATCH"] = str((folder / _PATCH).absolute())
    try:
        ended = subprocess.run(
            ["/bin/sh", "-c", str(task.command)], cwd=task.root, env=program_environment({**os.environ, **more}), input=body,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_LONGEST_COMMAND, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"The command did not end within {_LONGEST_COMMAND:.0f} s, and was stopped."
    if ended.returncode == 0:
        return ""
    return f"The command ended with {ended.returncode}: {ended.stdout.decode(errors='replace').strip()[-_MOST_OUTPUT:]}"


if __name__ == "__main__":
    deliver(Path(sys.argv[1]))
