"""Keep the process that answers with an exported model.

Lives here: ModelProcess.
Not here: what it answers (workloads.notebook, which it is never imported from).
Law: the process is started by the first question and ends with the object, with this process, and when the model is another.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mlops.contracts.codec import encode
from mlops.contracts.notebook import NotebookModel
from mlops.errors import MlopsError
from mlops.tools.process import program_environment, tail


class ModelProcess:
    """Answers bodies of requests. `export`: the folder that the model was exported to. `api`: api.json of its package."""

    def __init__(self, address: str, export: Path, api: dict[str, Any], root: Path) -> None:
        self.address, self.export = address, export
        self._api, self._root = api, root
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._signature: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._ending: weakref.finalize[..., ModelProcess] | None = None

    def ask(self, body: str) -> tuple[int, bytes]:
        """Return the status and the body of the answer. Raises MlopsError where the process cannot answer."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(body.encode() + b"\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = b""
            except BaseException:
                self.close()
                raise
            if not answer:
                raise self._died()
            status, _, answered = answer.rstrip(b"\n").partition(b" ")
            return int(status), answered

    def close(self) -> None:
        """End the process, if it runs."""
        if self._ending is not None:
            self._ending()
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        stat = self._model().stat()
        signature = (stat.st_mtime_ns, stat.st_ino)
        if self._process is not None and self._process.poll() is None and signature == self._signature:
            return self._process
        self.close()
        config = NotebookModel(export=str(self.export), api=self._api, version="notebook")
        errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlops.workloads.notebook", encode(config)], cwd=self._root, env=program_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
        self._process, self._errors, self._signature = process, errors, signature
        self._ending = weakref.finalize(self, _end, process, errors)
        return process

    def _model(self) -> Path:
        path = self.export / "model.onnx"
        if not path.is_file():
            raise MlopsError.of(
                "no model here",
                f"{self.address} has no export in {self.export}. Train it with `mlops apply`, or fetch what was trained elsewhere "
                "with `dvc pull`.",
                address=self.address,
            )
        return path

    def _died(self) -> MlopsError:
        text = ""
        if self._process is not None and self._errors is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._errors.seek(0)
            text = tail(self._errors.read().decode(errors="replace"))
        self.close()
        return MlopsError.of(
            "model cannot answer",
            f"The process that answers for {self.address} ended. The end of what it wrote:\n{text}",
            address=self.address,
        )


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                pass
    process.kill()
    process.wait()
