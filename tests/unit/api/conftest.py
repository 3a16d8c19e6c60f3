"""Projects of this room share what they compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_project import share_cache


@pytest.fixture(autouse=True)
def _shared_cache(tmp_path: Path, cache: Path) -> None:
    share_cache(tmp_path, cache)
