"""Each example of docs/sources.md, planned and prepared against the real thing."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
import sqlalchemy as sa
from pyiceberg.catalog.sql import SqlCatalog

from mlops.api import Project
from mlops.workloads.data.prepare import prepare
from tests import mariadb, postgres

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
SECTIONS = dict(
    re.findall(r"^## ([^\n]+)\n```yaml\n# conf/dataset/orders\.yaml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
)
ROWS = [(n % 9, "red" if n % 3 else "blue", f"2024-01-{n % 28 + 1:02}") for n in range(1, 101)]
TABLE = pa.table({"items": [row[0] for row in ROWS], "color": [row[1] for row in ROWS]})
PASSWORD = "a password"
VALUES = ", ".join(map(str, ROWS))


@contextmanager
def in_postgres(_: Path) -> Iterator[tuple[str, str]]:
    with postgres.server(PASSWORD) as url:
        engine = sa.create_engine(url.format(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE shop")
            connection.exec_driver_sql(f"CREATE USER reader PASSWORD '{PASSWORD}'")
        engine.dispose()
        engine = sa.create_engine(url.format(database="shop"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE orders (items int, color text, changed date)")
            connection.exec_driver_sql(f"INSERT INTO orders VALUES {VALUES}")
            connection.exec_driver_sql("GRANT SELECT ON orders TO reader")
        engine.dispose()
        yield "db.example.org:5432/shop?sslmode=require", f"localhost/shop?host={engine.url.query['host']}"


@contextmanager
def in_mariadb(_: Path) -> Iterator[tuple[str, str]]:
    with mariadb.server() as found:
        found.run(
            f"CREATE DATABASE shop; CREATE TABLE shop.orders (items int, color text, changed date); INSERT INTO shop.orders "
            f"VALUES {VALUES}; CREATE USER reader@localhost IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON shop.* TO reader@localhost"
        )
        yield "db.example.org:3306/shop", f"localhost/shop?socket={found.socket}"


@contextmanager
def in_sqlite(root: Path) -> Iterator[tuple[str, str]]:
    connection = sqlite3.connect(root / "shop.db")
    connection.execute("CREATE TABLE orders (items integer, color text, changed text)")
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", ROWS)
    connection.commit()
    connection.close()
    yield "", ""


@contextmanager
def in_delta(root: Path) -> Iterator[tuple[str, str]]:
    deltalake.write_deltalake(root / "lake" / "orders", TABLE)
    yield "", ""


@contextmanager
def in_iceberg(root: Path) -> Iterator[tuple[str, str]]:
    catalog = SqlCatalog("c", uri=f"sqlite:///{root}/catalog.db", warehouse=str(root / "lake"))
    catalog.create_namespace("n")
    catalog.create_table("n.orders", schema=TABLE.schema, location=str(root / "lake" / "orders")).append(TABLE)
    catalog.close()
    yield "", ""


REAL = {
    "PostgreSQL": in_postgres, "MySQL and MariaDB": in_mariadb, "SQLite": in_sqlite, "Delta": in_delta,
    "Iceberg": in_iceberg,
}  # fmt: skip


def test_page_has_an_example_of_each_source() -> None:
    assert SECTIONS.keys() == REAL.keys()


@pytest.mark.parametrize("section", REAL)
def test_documented_source_is_planned_and_prepared(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with REAL[section](tmp_path) as (documented, real):
        (tmp_path / "conf/dataset").mkdir(parents=True)
        (tmp_path / "conf/project.yaml").write_text("name: shop\n")
        (tmp_path / "conf/dataset/orders.yaml").write_text(SECTIONS[section].replace(documented, real))
        project = Project.open(tmp_path)
        assert [change.category for change in project.plan().changes] == ["REPROCESS"]
        project.render_params()
        prepare("orders")
    profile = json.loads((tmp_path / "data/orders/profile.json").read_text())
    assert profile["rows"]["source"] in (100, sum(row[0] > 0 for row in ROWS))
