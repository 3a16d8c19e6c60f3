"""What `mlops card` tells people and programs of models and data sets."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.tools.digest import Hashes
from tests.e2e.conftest import SMALL
from tests.small_project import share_cache, write_files
from tests.unit.cli.conftest import Shell, shell
from tests.version_repository import VersionRepository, lock_text, metrics_text

CARDS = {
    "conf/model/late.yaml": SMALL["conf/model/late.yaml"]
    + """\
slices: [color]
owner: the delays team
card:
  intended_use: Telling passengers <early>.
  not_for: [Paying compensation.]
  limits: [It never saw a winter.]
  license: MIT
  watts: 36
""",
    "conf/dataset/rows.yaml": SMALL["conf/dataset/rows.yaml"]
    + """\
description: Rows of a game.
card:
  license: CC-BY-4.0
  citation: "@misc{rows}"
  url: https://example.com/rows
  creators: [Ann]
  published: 2014-07-01
""",
}
COLUMNS = [{"name": "number", "type": "float", "feature": True}, {"name": "late", "type": "bool", "feature": False}]


@pytest.fixture
def repository(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> VersionRepository:
    share_cache(tmp_path, cache)
    write_files(tmp_path, {**SMALL, **CARDS})
    made = VersionRepository(tmp_path)
    slices = {"color": {"red": {"auc": 0.81, "rows": 120}}}
    measured = metrics_text(0.9, low=0.88, high=0.92, slices=slices)
    made.commit("Train", {"dvc.lock": prepared(tmp_path), "metrics/model/late.json": measured})
    monkeypatch.chdir(tmp_path)
    return made


def prepared(root: Path) -> str:
    """Write the files of the data set, and return a dvc.lock that pins them."""
    folder = root / "data" / "rows"
    folder.mkdir(parents=True)
    for split, count in (("train", 3), ("val", 1), ("test", 2)):
        pq.write_table(pa.table({"number": [0.5] * count, "late": [True] * count}), folder / f"{split}.parquet")
    profile = {"rows": {"train": 3, "val": 1, "test": 2}, "columns": {"number": {"missing": 0, "min": 0.5, "max": 0.5}}}
    (folder / "profile.json").write_text(json.dumps(profile))
    (folder / "schema.json").write_text(json.dumps({"columns": COLUMNS}))
    digest = Hashes(root / "hashes.json").tree(folder)
    lock = json.loads(lock_text("aaaa1111.dir", data=digest))
    lock["stages"]["prepare@rows"] = {"cmd": "x", "outs": [{"path": "data/rows", "md5": digest}]}
    return json.dumps(lock)


@pytest.fixture
def mlops(repository: VersionRepository, capsys: pytest.CaptureFixture[str]) -> Shell:
    return shell(capsys)


def test_card_of_a_model_tells_what_is_declared_and_measured(mlops: Shell, repository: VersionRepository) -> None:
    repository.tag("late#champion#1")
    card = mlops("card", "model.late@champion").out
    for line in (
        "# Model late, version aaaa1111",
        "- Ask the delays team.",
        "- Telling passengers &lt;early&gt;.",
        "- Paying compensation.",
        "- It never saw a winter.",
        "- License: MIT",
        "- Rows: train 3, val 1, test 2.",
        "| test_auc | 0.900 | 0.880 to 0.920 |",
        "| color=red | 120 | 0.810 |",
        "- holds: test_auc &gt;= 0.6: 0.9",
        "- test_auc 0.900 is better than the 0.500 of answering the same for every row.",
        "- How long its training took is not recorded in this environment.",
    ):
        assert line in card
    assert ", named champion" in card
    ledger = {
        "objectives": {"val_auc": "max"},
        "trials": [{"seconds": 2}, {"seconds": 3}],
        "chosen": {"optimizer.lr": 0.01},
    }
    write_files(repository.root, {"tuning/model/late.json": json.dumps(ledger)})
    card = mlops("card", "model.late").out
    assert "- 2 trials in 5 s, for val_auc (max)." in card
    assert "| optimizer.lr | 0.01 |" in card


def test_card_as_a_page_escapes_what_people_wrote(mlops: Shell, repository: VersionRepository) -> None:
    assert mlops("card", "model.late", "--format", "html", "-o", "card.html").out == "Written: card.html\n"
    page = (repository.root / "card.html").read_text()
    assert "<p>Telling passengers &lt;early&gt;.</p>" in page
    assert "http" not in page


def test_card_changes_nothing_that_is_made(mlops: Shell, repository: VersionRepository) -> None:
    write_files(repository.root, {"rows.csv": "number,color,late\n0.5,red,true\n"})
    assert mlops("render").code == 0
    params = repository.root / "params"
    texts = [(params / name).read_text() for name in ("model/late.json", "dataset/rows.json")]
    assert not any("card" in text or "winter" in text for text in texts)


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's own
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # mlcroissant's own use of pandas
def test_croissant_of_a_data_set_is_valid_and_its_rows_are_read(mlops: Shell, repository: VersionRepository) -> None:
    assert mlops("card", "dataset.rows", "--format", "croissant", "-o", "croissant.json").code == 0
    described = mlcroissant.Dataset(jsonld=repository.root / "croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert not described.metadata.ctx.issues.warnings
    assert (described.metadata.name, described.metadata.url) == ("rows", "https://example.com/rows")
    assert list(described.records("test")) == [{"test/number": 0.5, "test/late": True}] * 2


def test_card_of_a_data_set_lists_its_columns(mlops: Shell) -> None:
    card = mlops("card", "dataset.rows").out
    assert "| number | float | yes | 0 |" in card
    assert "- Citation: @misc{rows}" in card
    assert "- Made by Ann." in card


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (("package.late",), "no card"),
        (("model.late", "--format", "croissant"), "no Croissant"),
        (("model.late@nobody",), "no such version"),
    ],
)
def test_what_has_no_card_says_what_has(mlops: Shell, words: tuple[str, ...], summary: str) -> None:
    assert mlops("card", *words).err.startswith(f"Error: {summary}")


def test_croissant_needs_the_rows(mlops: Shell, repository: VersionRepository) -> None:
    (repository.root / "data/rows/schema.json").write_text("{}")
    assert mlops("card", "dataset.rows", "--format", "croissant").err.startswith("Error: data are not here")
