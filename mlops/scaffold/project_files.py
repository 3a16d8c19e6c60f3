"""Write the files of a new project.

Lives here: write_new_files, write_secret, project_name, key_name.
Not here: what the files say (resource_files), files that are the same in every project (stage_files).
Law: what exists is never overwritten; a key is readable by its owner alone.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from mlops.contracts.home import make_home
from mlops.errors import MlopsError


def project_name(text: str) -> str:
    """Return a name for resources, made of any text: lower-case letters, digits and hyphens, beginning with a letter."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    if not name:
        return "project"
    return name if name[0].isalpha() else f"p-{name}"


def key_name(name: str) -> str:
    """Return the name of the key of an endpoint."""
    return f"{name.upper().replace('-', '_')}_KEY"


def write_new_files(root: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write the files that are not there, and return the paths of those that were written and of those that were kept.
    Raises MlopsError where the folder cannot be written."""
    written: list[str] = []
    kept: list[str] = []
    for path, text in files.items():
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("x", encoding="utf-8") as file:
                file.write(text)
            written.append(path)
        except FileExistsError:
            kept.append(path)
        except OSError as error:
            raise MlopsError.of(
                "file cannot be written",
                f"{root / path}: {error.strerror}. Make the folder yours, or choose another one.",
            ) from error
    return written, kept


def write_secret(root: Path, name: str) -> str | None:
    """Make a key and keep it in .mlops/secrets/NAME; return its path, None where there is one already."""
    folder = make_home(root) / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    if path.exists():
        return None
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secrets.token_urlsafe(24) + "\n", encoding="utf-8")
    return path.relative_to(root).as_posix()
