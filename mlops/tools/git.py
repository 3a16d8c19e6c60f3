"""Ask git.

Lives here: commit_of, and is_in_git.
Not here: changing a repository.
Law: a project without git works; it has no commit.
"""

from __future__ import annotations

from pathlib import Path


def commit_of(root: Path) -> str | None:
    """Return the commit that is checked out, read from .git itself: a process would cost more than the rest of a
    plan."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_dir():
            return _head(git)
        if git.is_file():
            folder_of_git = git.read_text().strip().removeprefix("gitdir: ")
            return _head((folder / folder_of_git).resolve())
    return None


def is_in_git(folder: Path) -> bool:
    """Say whether the folder lies in a git repository; it need not exist yet."""
    folder = folder.absolute()
    return any((one / ".git").exists() for one in (folder, *folder.parents))


def _head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head or None
        ref = head.removeprefix("ref: ")
        common = git / "commondir"
        base = (git / common.read_text().strip()).resolve() if common.exists() else git
        for place in (git, base):
            if (place / ref).exists():
                return (place / ref).read_text().strip()
        packed = (base / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), None)
    except OSError:
        return None
