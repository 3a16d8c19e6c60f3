"""`pulumi-language-python`, the tests' own: Pulumi's language-runtime protocol over the Automation API's server.

Lives here: running a folder's __main__.py when plain `pulumi preview` or `pulumi up` asks.
Not here: virtual environments, installing dependencies, plug-ins: the interpreter that runs this has all of it.
Law: every run reads the program's files anew, in the program's folder.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from tests.cluster.plugin import serve


class Host(LanguageServer):
    def __init__(self, engine: str) -> None:
        super().__init__(lambda: None)
        self.engine, self.turn = engine, threading.Lock()

    def Run(self, request: Any, context: Any) -> Any:
        folder = Path(request.info.program_directory or request.pwd)
        with self.turn:
            self.program = lambda: _run(folder, request.info.entry_point)
            request.args.insert(0, self.engine)
            return super().Run(request, context)


def _run(folder: Path, entry: str) -> None:
    known = set(sys.modules)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        target = folder / entry if entry else folder
        runpy.run_path(str(target / "__main__.py" if target.is_dir() else target), run_name="__main__")
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}/"):
                del sys.modules[name]


if __name__ == "__main__":
    host = Host(next((word for word in reversed(sys.argv[1:]) if not word.startswith("-")), ""))
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), threads=4)
