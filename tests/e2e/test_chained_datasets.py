"""A data set that reads another: order, early cut-off, and `dvc repro` alone."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import ROOT, Workplace, _git, write_rows

DVC = (sys.executable, "-m", "dvc")
FIRST = """\
sources:
  rows: { uri: rows.csv }
sql: SELECT number, color, late FROM rows WHERE number < 2
features: { numeric: [number] }
split: { by: random, val: 10%, test: 20% }
"""
SECOND = """\
sources:
  part: { uri: dataset://zebra/train, columns: [number, late] }
  all: { uri: dataset://zebra }
sql: SELECT number, late, (SELECT count(*) FROM "all") AS total FROM part
features: { numeric: [number] }
split: { by: random, val: 10%, test: 20% }
"""


@pytest.fixture
def chained(tmp_path: Path) -> Workplace:
    """Two data sets; the one that reads the other comes first by its name."""
    root = tmp_path / "project"
    for name, text in {
        "conf/project.yaml": "name: chained\n", "conf/dataset/zebra.yaml": FIRST, "conf/dataset/ant.yaml": SECOND,
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "pipelines", root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    write_rows(root / "rows.csv", 500)
    _git(root)
    return Workplace(root)


def rows_of(place: Workplace, name: str, split: str = "train") -> int:
    return int(pq.read_metadata(place.root / "data" / name / f"{split}.parquet").num_rows)


@pytest.mark.slow
@pytest.mark.e2e
def test_data_set_that_reads_another_follows_it(chained: Workplace) -> None:
    chained.mlops("apply", "--yes")
    train = rows_of(chained, "zebra")
    assert sum(rows_of(chained, "ant", split) for split in ("train", "val", "test")) == train
    total = sum(rows_of(chained, "zebra", split) for split in ("train", "val", "test"))
    assert pq.read_table(chained.root / "data/ant/train.parquet")["total"].unique().to_pylist() == [total]
    assert chained.words() == {}
    assert "up to date" in chained.run(*DVC, "status").stdout

    chained.edit("conf/dataset/zebra.yaml", "number < 2", "number < 2 -- as before")
    assert chained.words() == {
        "dataset.zebra": ("run", "REPROCESS"),
        "dataset.ant": ("if-upstream-changes", "REPROCESS"),
    }
    before = (chained.root / "data/ant/train.parquet").stat().st_mtime_ns
    chained.mlops("apply", "--yes")
    assert (chained.root / "data/ant/train.parquet").stat().st_mtime_ns == before
    assert chained.words() == {}

    chained.edit("conf/dataset/zebra.yaml", "number < 2", "number < 1")
    chained.mlops("apply", "--yes")
    assert rows_of(chained, "zebra") < train
    assert sum(rows_of(chained, "ant", split) for split in ("train", "val", "test")) == rows_of(chained, "zebra")
    assert chained.words() == {}


@pytest.mark.slow
@pytest.mark.e2e
def test_dvc_alone_makes_chained_data_sets_in_order(chained: Workplace) -> None:
    chained.mlops("render")
    chained.run(*DVC, "repro")
    assert sum(rows_of(chained, "ant", split) for split in ("train", "val", "test")) == rows_of(chained, "zebra")
    lock = (chained.root / "dvc.lock").read_text()
    assert chained.words() == {}
    chained.mlops("apply", "--yes")
    assert (chained.root / "dvc.lock").read_text() == lock
    write_rows(chained.root / "rows.csv", 400)
    chained.mlops("render")
    chained.run(*DVC, "repro")
    assert sum(rows_of(chained, "ant", split) for split in ("train", "val", "test")) == rows_of(chained, "zebra")
    assert "up to date" in chained.run(*DVC, "status").stdout


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("dataset://zebr", ["dataset.zebr", "Did you mean `zebra`?", "conf/dataset/ant.yaml:2"]),
        ("dataset://zebra/holdout", ["`holdout` is no split"]),
        ("dataset://ant", ["reads itself"]),
    ],
)
def test_data_set_that_cannot_be_read_is_an_error_of_the_plan(chained: Workplace, uri: str, says: list[str]) -> None:
    chained.edit("conf/dataset/ant.yaml", "dataset://zebra/train", uri)
    printed = chained.mlops("plan", code=3).stderr
    assert all(words in printed for words in says), printed


@pytest.mark.e2e
def test_data_sets_that_read_each_other_are_a_cycle(chained: Workplace) -> None:
    chained.edit("conf/dataset/zebra.yaml", "uri: rows.csv", "uri: dataset://ant")
    printed = chained.mlops("plan", code=3).stderr
    assert "dataset.ant → dataset.zebra → dataset.ant" in printed


def test_stage_file_without_places_for_others_is_an_error(chained: Workplace) -> None:
    text = (chained.root / "dvc.yaml").read_text()
    (chained.root / "dvc.yaml").write_text("".join(line for line in text.splitlines(True) if "item.reads" not in line))
    printed = chained.mlops("apply", "--yes", code=1)
    assert "dvc.yaml" in printed.stdout + printed.stderr
    assert json.loads((chained.root / "params/index.json").read_text())["prepare"]["ant"]["reads"][0] == "data/zebra"
