"""A package outside the tree brings a source, a transform, a check and a split: those that docs/extending.md shows."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from mlops.api import Project
from mlops.config.schema.json_schema import schemas
from mlops.errors import InvalidConfig, MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.encoder import Encoder
from mlops.workloads.features.fit import fit
from mlops.workloads.features.graph import Graph, build_graph
from tests.plugins import documented, install_package, installed

pytestmark = pytest.mark.slow
SECTIONS = ("A data source", "A feature transform", "A check", "A split")
HEAVY = (
    "duckdb",
    "numpy",
    "pyarrow",
    "onnx",
    "acme_shop.work",
    "acme_log.work",
    "acme_longest.work",
    "acme_group.work",
)
ORDERS: dict[str, Any] = {
    "sources": {"orders": {"uri": "shop://shop.db", "table": "orders"}},
    "label": "returned",
    "expect": [{"column": "customer", "longest": 10, "not_null": True}],
    "features": {"numeric": ["items"], "log": {"amount": 1.0}, "log_of_missing": -1.0},
    "clean": {"amount": {"clip": [0, 50]}},
    "split": {"by": "group", "column": "customer", "test": "30%"},
}


def write_orders(path: Path) -> None:
    rows = [(None if n % 11 == 0 else n % 97, n % 5, f"c{n % 40}", n % 3 == 0) for n in range(800)]
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (amount REAL, items INTEGER, customer TEXT, returned INTEGER)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        database.commit()


def declare(root: Path, **changes: Any) -> Project:
    (root / "conf/dataset").mkdir(parents=True, exist_ok=True)
    (root / "conf/project.yaml").write_text("name: shop\n")
    (root / "conf/dataset/orders.yaml").write_text(yaml.safe_dump({**ORDERS, **changes}))
    return Project.open(root)


def prepare_orders(root: Path, **changes: Any) -> None:
    declare(root, **changes).render_params()
    prepare("orders")


def prepare_and_fit(root: Path, changes: dict[str, Any]) -> tuple[tuple[Encoder, ...], dict[str, Any]]:
    prepare_orders(root, **changes)
    schema = json.loads(Path("data/orders/schema.json").read_text())
    columns = read_columns(Path("data/orders/train.parquet"), feature_types(schema))
    return fit(schema, columns), columns


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site")
    names = [documented(folder, section)[1] for section in SECTIONS]
    with installed(folder, *names):
        yield folder


@pytest.fixture
def shop(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site))
    write_orders(tmp_path / "shop.db")
    return tmp_path


def test_plan_shows_a_data_set_of_foreign_entries(shop: Path) -> None:
    (change,) = declare(shop).plan().changes
    assert (str(change.address), change.category) == ("dataset.orders", "REPROCESS")


def test_plan_imports_no_work_of_foreign_entries(site: Path, shop: Path) -> None:
    declare(shop)
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlops.api import Project\nProject.open(Path()).plan()\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "[]"


def test_prepare_runs_foreign_source_check_and_split(shop: Path) -> None:
    prepare_orders(shop)
    parts = {name: pq.read_table(f"data/orders/{name}.parquet") for name in ("train", "val", "test")}
    customers = [set(rows["customer"].to_pylist()) for rows in parts.values()]
    assert sum(rows.num_rows for rows in parts.values()) == 800
    assert len(set.union(*customers)) == sum(map(len, customers)) == 40
    features = json.loads(Path("data/orders/schema.json").read_text())["features"]
    assert features["log"] == {"amount": 1.0}
    assert features["passthrough"] == []


def test_graph_holds_a_foreign_transform(shop: Path) -> None:
    encoders, columns = prepare_and_fit(shop, {})
    assert [(encoder.column, encoder.kind) for encoder in encoders] == [("items", "numeric"), ("amount", "log")]
    got = Graph(build_graph(encoders).SerializeToString())(columns)
    amounts, items = columns["amount"], columns["items"]
    logs = np.where(np.isnan(amounts), -1.0, np.log(np.clip(amounts, 0, 50) + 1.0))
    assert np.abs(got - np.concatenate([(items - items.mean()) / items.std(), logs], axis=1)).max() < 1e-6
    assert np.isnan(amounts).any()


def test_prepare_stops_at_a_foreign_check(shop: Path) -> None:
    with pytest.raises(
        MlopsError, match=r"`customer` is not at most 2 characters long in 600 of 800 rows, such as 'c11'"
    ):
        prepare_orders(shop, expect=[{"column": "customer", "longest": 2}])


def test_prepare_refuses_a_foreign_source_that_moved(shop: Path) -> None:
    declare(shop).render_params()
    with closing(sqlite3.connect("shop.db")) as database:
        database.execute("DELETE FROM orders WHERE items = 0")
        database.commit()
    with pytest.raises(MlopsError, match=r"`shop://shop.db` \(source orders\) has another content than params/ pins"):
        prepare("orders")


def test_params_pin_the_code_of_foreign_entries(shop: Path) -> None:
    declare(shop).render_params()
    code = json.loads(Path("params/dataset/orders.json").read_text())["prepare"]["code"]
    foreign = {file for file in code if file.startswith("acme_")}
    assert foreign == {
        "acme_shop/fingerprint.py",
        "acme_shop/work.py",
        "acme_longest/work.py",
        "acme_group/work.py",
    }
    assert {file for file in code if "/checks/" in file} == {
        f"mlops/workloads/data/checks/{n}.py" for n in ("check", "not_null")
    }


def test_model_pins_the_code_of_a_foreign_transform(shop: Path) -> None:
    (shop / "conf/model").mkdir(parents=True)
    (shop / "conf/model/returns.yaml").write_text("dataset: orders\ntask: binary\narchitecture: { name: linear }\n")
    declare(shop).render_params()
    code = json.loads(Path("params/model/returns.json").read_text())["train"]["code"]
    assert {file.rpartition("/")[2] for file in code if file.startswith("acme_") or "/transforms/" in file} == {
        "work.py",
        "numeric.py",
    }


def test_schema_lists_foreign_fields(shop: Path) -> None:
    text = json.dumps(schemas()["dataset"])
    assert all(f'"{field}"' in text for field in ("log", "log_of_missing", "longest", "table", "GroupSplit"))


def test_schema_json_ignores_entries_that_no_column_takes(shop: Path) -> None:
    prepare_orders(shop, features={"numeric": ["items", "amount"]})
    features = json.loads(Path("data/orders/schema.json").read_text())["features"]
    assert sorted(features) == ["categorical", "cyclic", "max_categories", "numeric", "passthrough"]


@pytest.mark.parametrize(
    ("changes", "detail", "hint"),
    [
        (
            {"sources": {"orders": {"uri": "shp://shop.db"}}},
            "`sources.orders.uri`: `shp` is not a data source",
            "shop",
        ),
        ({"sources": {"orders": {"uri": "shop://shop.db"}}}, "`sources.orders.table` is missing", None),
        ({"features": {"logg": {"amount": 1.0}}}, "`features.logg` is not a field", "log"),
        ({"features": {"log": {"amount": "x"}}}, "`features.log.amount` must be a number", None),
        ({"expect": [{"column": "customer", "longst": 3}]}, "`expect.0.longst` is not a field", "longest"),
        ({"expect": [{"column": "customer", "longest": 0}]}, "`expect.0.longest` must be at least 1", None),
        ({"split": {"by": "gruop"}}, "`split.by` is the text `gruop`; it must be one of time, random, group", "group"),
    ],
)
def test_misspelt_entry_is_an_error_of_the_spec(
    shop: Path, changes: dict[str, Any], detail: str, hint: str | None
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        declare(shop, **changes)
    problem = raised.value.problems[0]
    assert problem.detail.startswith(detail)
    assert problem.hint == (hint and f"Did you mean `{hint}`?")
    assert problem.source is not None
    assert problem.source.file == "conf/dataset/orders.yaml"
    assert problem.source.line


BAD = """\
from mlops.config.schema.transforms.transform import TransformSpec
from mlops.config.schema.splits.split import SplitSpec
from mlops.config.schema.sources.source import SourceSpec

class Nothing: pass
class Other(TransformSpec):
    other: tuple[str, ...] = ()
class Bad(TransformSpec):
    bad: tuple[str, ...] = ()
class Taken(TransformSpec):
    bad: tuple[str, ...] = ()
    max_categories: int = 3
class Required(TransformSpec):
    bad: tuple[str, ...]
class BadSplit(SplitSpec): pass
class BadSource(SourceSpec): pass
class BadTransform:
    def fit(self, column): return None
class BadReader:
    def open(self, connection, table_name, spec, place): pass

def no_text(source, *, root, digests): return 7
def text(source, *, root, digests): return "same"
def split(table, spec, *, label): return {"train": table}
"""
TAKES_BAD = {"features": {"bad": ["items"]}}
READS_BAD = {"sources": {"orders": {"uri": "bad://x"}}}


@pytest.mark.parametrize(
    ("groups", "changes", "detail"),
    [
        ({"transforms.schema": "Nothing"}, TAKES_BAD, "no subclass of"),
        ({"transforms.schema": "Other"}, TAKES_BAD, "Other has no field `bad`"),
        ({"transforms.schema": "Taken"}, TAKES_BAD, "`max_categories` of Taken is brought by categorical already"),
        ({"transforms.schema": "Required"}, TAKES_BAD, "the field `bad` of Required needs a default"),
        ({"transforms.schema": "Bad", "transforms": "BadTransform"}, TAKES_BAD, "it learned no encoder for `items`"),
        ({"splits.schema": "BadSplit", "splits": "split"}, {"split": {"by": "bad"}}, "it gave train instead of train, val, test"),
        ({"sources.schema": "BadSource", "sources.fingerprint": "no_text"}, READS_BAD, "its fingerprint is no text"),
        ({"sources.schema": "BadSource", "sources.fingerprint": "text", "sources": "BadReader"}, READS_BAD, "it made no table"),
        ({"sources.schema": "BadSource"}, READS_BAD, "`bad` is not a data source that is installed"),
    ],
)  # fmt: skip
def test_entry_that_does_not_fit_is_named_with_its_package(
    shop: Path, tmp_path: Path, groups: dict[str, str], changes: dict[str, Any], detail: str
) -> None:
    entry_points = {f"mlops.{group}": {"bad": f"acme_bad:{value}"} for group, value in groups.items()}
    folder = install_package(tmp_path / "bad", "acme_bad", {"acme_bad.py": BAD}, entry_points)
    with installed(folder, "acme_bad"), pytest.raises(MlopsError, match=detail) as raised:
        prepare_and_fit(shop, changes)
    assert "acme_bad 1.0" in str(raised.value) or "installed" in str(raised.value)


def test_name_that_two_packages_bring_is_refused(site: Path, shop: Path, tmp_path: Path) -> None:
    entry_points = {"mlops.transforms.schema": {"log": "acme_bad:Bad"}}
    folder = install_package(tmp_path / "bad", "acme_bad", {"acme_bad.py": BAD}, entry_points)
    with installed(folder, "acme_bad"), pytest.raises(MlopsError, match="both bring a feature transform called log"):
        declare(shop)
