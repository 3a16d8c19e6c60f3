"""The programs that the test cluster is made of.

Lives here: where `tools/build.sh` put them, and the sentence for a machine that cannot build them.
Not here: starting them (control_plane).
Law: nothing is downloaded or built twice; without Go a test is skipped with what to install, and fails in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
MISSING = "The test cluster is built from Go modules, and `go` was not found. Install Go 1.26 or newer."


class ProgramsMissing(Exception):
    """The programs cannot be built here; the text says what would make it work."""


@cache
def programs() -> Path:
    """The folder with `bin/`, `kwok/` and `gateway-api/`; built on the first call ever (about 15 minutes)."""
    if shutil.which("go") is None:
        raise ProgramsMissing(MISSING)
    built = subprocess.run(
        [HERE / "tools" / "build.sh"], stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if built.returncode:
        raise ProgramsMissing("tests/cluster/tools/build.sh failed; its last lines above say why.")
    return Path(built.stdout.strip().splitlines()[-1])


def without_proxy(environment: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a child that talks to loopback only."""
    kept = dict(os.environ if environment is None else environment)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        kept.pop(name, None)
        kept.pop(name.lower(), None)
    return kept
