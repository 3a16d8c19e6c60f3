"""Find out which objects a remote has; a program of its own, because it imports DVC.

Lives here: main: reads a list of digests, asks DVC's default remote, and writes those that are there into found.json beside it.
Not here: what follows from it (tools.dvc.remote).
Law: it writes nothing but its answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(question: Path) -> None:
    """Answer for the repository in the working folder."""
    from dvc.repo import Repo  # type: ignore[import-untyped]

    asked = json.loads(question.read_text())
    with Repo() as repository:
        objects = repository.cloud.get_remote_odb()
        # Without the listing of everything that DVC prefers for many digests: a bucket may hold a hundred times more.
        found = sorted(set(objects.list_oids_exists(asked)))
    question.with_name("found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
