"""Read and write the small files of a stack.

Lives here: read_mapping, write_private.
Not here: what stands in them (whoever writes them).
Law: a file is replaced as a whole, and read by its owner alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError


def read_mapping(path: Path) -> dict[str, Any]:
    """Empty where there is none. Raises MlopsError for a damaged file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError(f"it holds no mapping but {str(content)[:40]}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise MlopsError.of(
            "damaged file",
            f"{path} cannot be read: {error}. Take it away and apply again; what it described is started anew.",
        ) from error
    return content


def write_private(path: Path, value: Mapping[str, Any]) -> None:
    """Replace the file as a whole; 0600, because it says how clients are let in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
