"""Decide where the data of a new project lie.

Lives here: place_data, and PlacedData.
Not here: reading them (workloads.data.survey).
Law: a project that is copied to another folder still finds data that are small; large data are never copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import MlopsError
from mlops.sources.files import found_files
from mlops.sources.source import scheme_of

RAW = "raw"
_SMALL = 20 * 2**20
_OF_THE_TOOL = ("data", "models", ".mlops", "metrics", "plots", "params")


@dataclass(frozen=True)
class PlacedData:
    """`here`: the uri that can be read now. `uri`: what the data set says. `copies`: what must be copied for that, from and
    to. `where`: a sentence for people."""

    here: str
    uri: str
    copies: Sequence[tuple[Path, Path]]
    where: str

    def copy(self) -> list[Path]:
        """Copy what is not there yet, and return the new files."""
        made = [(source, target) for source, target in self.copies if not target.exists()]
        for source, target in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        return [target for _, target in made]


def place_data(uri: str, root: Path, working: Path) -> PlacedData:
    """Return how a project in `root` reads what the user names. `working`: the folder in which a path begins. Raises
    MlopsError where files are named and there are none."""
    if scheme_of(uri) != "file":
        return PlacedData(uri, uri, (), "They are read where they are.")
    path = working / Path(uri.removeprefix("file://")).expanduser()
    files = found_files(
        str(path), path, path.parent if path.is_file() else path if path.is_dir() else Path(path.anchor)
    )
    inside = path.is_relative_to(root) and path.relative_to(root).parts[:1] not in [(name,) for name in _OF_THE_TOOL]
    if inside:
        return PlacedData(str(path), path.relative_to(root).as_posix(), (), "They lie in the project.")
    size = sum(file.stat().st_size for file in files.paths)
    if size > _SMALL or not (path.is_file() or path.is_dir()):
        return PlacedData(
            str(path), str(path), (),
            f"They are read where they lie: {size / 2**20:,.0f} MB are not copied. Elsewhere, change `uri`, or keep them in an object store.",
        )  # fmt: skip
    target = Path(RAW) / path.name
    if path.is_file():
        copies = [(path, root / target)]
    else:
        copies = [(file, root / target / file.relative_to(path)) for file in files.paths]
    _check_names(copies)
    return PlacedData(str(path), target.as_posix(), copies, f"Copied into {RAW}/, to be committed: they are small.")


def _check_names(copies: Sequence[tuple[Path, Path]]) -> None:
    for source, target in copies:
        if target.exists() and target.read_bytes() != source.read_bytes():
            raise MlopsError.of(
                "file is there already",
                f"{target} has another content than {source}, and nothing is overwritten. Rename one of them.",
            )
