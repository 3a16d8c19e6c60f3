"""Read the values of secrets.

Lives here: read_secret, the value behind a name, and SecretReader, which fills references in and masks what it filled in.
Not here: where references may stand (config.schema), what is recorded of a secret (context.secrets).
Law: a value is in no message; a file that others can read is refused.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from mlops.errors import InvalidConfig, MlopsError, Problem

SECRET_REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}")
_MASK = "***"


def read_secret(folder: Path, name: str) -> str | None:
    """Return the environment variable NAME, else the content of the file `folder`/NAME without its last line break, else
    None. Raises InvalidConfig for a file, or a folder, that other users of the machine can reach."""
    if name in os.environ:
        return os.environ[name]
    path = folder / name
    try:
        if path.is_file():
            _check_private(folder, 0o700, "folder")
            _check_private(path, 0o600, "file")
        return path.read_text(encoding="utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise InvalidConfig.of(
            "secret is not text", f"{path} is not UTF-8 text. Write the value into it again."
        ) from None
    except OSError:
        return None


def _check_private(path: Path, most: int, noun: str) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & ~most & 0o077:
        raise InvalidConfig.of(
            "secret is open to others",
            f"The {noun} {path} has mode {mode:04o}: other users of this machine can reach secrets in it. Close it: chmod "
            f"{most:o} {shlex.quote(str(path))}. If others have used this machine, change the secrets.",
        )


def required_secret(folder: Path, name: str, field: str) -> str:
    """Return the value of the secret that `field` names. Raises MlopsError where it has none."""
    value = read_secret(folder, name)
    if not value:
        raise MlopsError.of(
            "secret has no value",
            f"`{field}` needs the secret {name}. Set the environment variable {name}, or put the value into "
            f".mlops/secrets/{name} with mode 0600, then apply again.",
        )
    return value


class SecretReader:
    """Fills secrets into texts, and takes every value that it has given out of texts that people may see.

    `folder`: where the files of secrets lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given: set[str] = set()

    def fill(self, text: str, *, field: str) -> str:
        """Return the text with its references `${secret:NAME}` filled in. Raises MlopsError where one has no value."""
        return SECRET_REFERENCE.sub(lambda found: self._value(found[1], field), text)

    def _value(self, name: str, field: str) -> str:
        value = required_secret(self._folder, name, field)
        self._given.add(value)
        return value

    def mask(self, text: str) -> str:
        """Return the text with `***` in place of each value that was given."""
        for value in sorted(self._given, key=len, reverse=True):
            text = text.replace(value, _MASK)
        return text

    def masked(self, error: MlopsError) -> MlopsError:
        """Return the same error without the values that were given."""
        return type(error)(
            *(
                Problem(problem.summary, self.mask(problem.detail), problem.address, problem.source, problem.hint)
                for problem in error.problems
            )
        )
