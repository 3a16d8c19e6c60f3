"""`python -m tests.cluster`, that is `make cluster`: a control plane to try things on, until Ctrl-C.

Lives here: starting one and printing what to export.
Not here: the control plane (control_plane), Pulumi's settings (pulumi_home).
Law: what it prints can be pasted into a shell.
"""

from __future__ import annotations

import shlex
import signal
import sys

from tests.cluster.control_plane import control_plane
from tests.cluster.programs import ProgramsMissing
from tests.cluster.pulumi_home import pulumi_environment


def main() -> int:
    for sign in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job starts with it ignored
        signal.signal(sign, signal.default_int_handler)
    try:
        with control_plane() as plane:
            print(
                f"# A Kubernetes control plane answers at {plane.url} (ready in {plane.seconds:.1f} s). In another shell:"
            )
            for name, value in pulumi_environment(plane.folder / "pulumi", plane.kubeconfig).items():
                print(f"export {name}={shlex.quote(value)}")
            print(
                "# kubectl --context limited is a user who may do nothing. Ctrl-C ends it and leaves nothing.",
                flush=True,
            )
            signal.pause()
    except KeyboardInterrupt:
        print()
    except ProgramsMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
