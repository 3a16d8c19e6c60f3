"""Pin the weights that a model begins with.

Lives here: weights_digests, of files; weights_folder, of a model of the project.
Not here: reading them (workloads.training.families.network.transfer), what may be said of them (config.schema.model).
Law: other bytes are another training, and the plan names the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.tools.digest import Hashes

_MODEL = "model."
_LENGTH = 12


def weights_folder(inputs: Mapping[str, Any]) -> list[str]:
    """Return the folder that holds the weights of the model of the project that `init_from` names, if it names one."""
    named = str(inputs.get("init_from", ""))
    return [f"models/{named.removeprefix(_MODEL)}/train"] if named.startswith(_MODEL) else []


def weights_digests(inputs: Mapping[str, Any], root: Path, hashes: Hashes) -> dict[str, str]:
    """Return file -> beginning of its digest, of the files that `init_from` names. Raises MlopsError where there are none."""
    named = str(inputs.get("init_from", ""))
    if not named or named.startswith(_MODEL):
        return {}
    path = root / named
    try:
        if not path.is_dir():
            return {named: hashes.file(path)[:_LENGTH]}
        return {f"{named}/{entry['relpath']}": entry["md5"][:_LENGTH] for entry in hashes.listing(path)}
    except OSError as error:
        raise MlopsError.of(
            "no weights",
            f"`init_from: {named}`: {path} cannot be read: {error.strerror}. Correct it; a model of the project is "
            f"`{_MODEL}NAME`.",
        ) from error
