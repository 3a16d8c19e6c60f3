"""Bring an older project's files up to date.

Lives here: upgrade_project.
Not here: which files these are (scaffold), what a new project is made of.
Law: what somebody edited is left as it is, and named.
"""

from __future__ import annotations

from pathlib import Path

from mlops.errors import InvalidConfig
from mlops.scaffold.stage_files import Upgrade, upgrade_stage_files


def upgrade_project(root: Path) -> Upgrade:
    """Write the stage files that the project lacks, and replace those that an earlier version wrote. Idempotent. Raises
    InvalidConfig where there is no project, and MlopsError where its folder cannot be written."""
    if not (root / "conf" / "project.yaml").is_file():
        raise InvalidConfig.of(
            "no project here", f"There is no conf/project.yaml in {root} or above it. Make a project: mlops init"
        )
    return upgrade_stage_files(root)
