"""Make the folders of a project that git must not see.

Lives here: make_home, the folder .mlops/ of a project, and keep_out_of_git, which has git ignore what DVC keeps.
Not here: what stands in them (whoever writes it; context.paths names the files).
Law: a file that exists is left as it is; nothing below .mlops/ is ever added by `git add -A`.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

HOME = ".mlops"
_EVERYTHING = "# State, caches, logs and secrets of this machine.\n*\n"
_AS_DVC_INIT = "/config.local\n/tmp\n/cache\n"


def make_home(root: Path) -> Path:
    """Return the folder, with a file in it that has git ignore all of it. Idempotent. Raises OSError."""
    home = root / HOME
    home.mkdir(exist_ok=True)
    _write_once(home / ".gitignore", _EVERYTHING)
    return home


def keep_out_of_git(root: Path) -> None:
    """Have git ignore DVC's cache, its temporary files and its local settings, as `dvc init` does. Idempotent; a folder that
    cannot be written is left as it is."""
    with suppress(OSError):
        if (root / ".dvc").is_dir():
            _write_once(root / ".dvc" / ".gitignore", _AS_DVC_INIT)


def _write_once(path: Path, text: str) -> None:
    if path.exists():
        return
    with suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        file.write(text)
