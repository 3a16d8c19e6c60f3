"""A project of one's own: `mlops init`, `mlops apply` with the built wheel, in a folder whose path has a space and a letter
outside ASCII. Each table ends in a live endpoint, and is predicted as well as a linear model of scikit-learn does."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sklearn import datasets

from mlops.metrics.task import Task
from mlops.workloads.data.first_look import measure_prepared
from tests import object_stores, postgres
from tests.e2e.test_installed import Installed, install, wheel  # noqa: F401  fixtures

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSWORD = "a password of the tests"


@dataclass(frozen=True)
class Data:
    """Where data are. `options`: fields of the source beside its uri. `secrets`: the environment that they need."""

    uri: str
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Data of a user. `place`: makes them in a folder, or on a server that lives until the test ends."""

    name: str
    label: str
    task: Task
    place: Callable[[Path, ExitStack], Data]


def write_csv(path: Path, header: Sequence[str], rows: Any) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def bunch(name: str, label: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        options = {"scaled": False} if name == "diabetes" else {}
        loaded = getattr(datasets, f"load_{name}")(**options)
        rows = ([*row, target] for row, target in zip(loaded.data.tolist(), loaded.target.tolist(), strict=True))
        return write_csv(folder / f"{name}.csv", [*map(str, loaded.feature_names), label], rows)

    return write


def write_passengers(folder: Path) -> Path:
    """891 rows with names, ids, tickets, cabins and missing values."""
    chance = random.Random(3)
    rows = []
    for number in range(1, 892):
        sex, level, age = chance.choice(["male", "female"]), chance.choice([1, 2, 3, 3]), max(1.0, chance.gauss(30, 14))
        lives = chance.random() < 1 / (
            1 + 2.7 ** (0.9 + 0.9 * (level - 2) + 0.02 * (age - 30) - 2.4 * (sex == "female"))
        )
        fare = round(80 / level * chance.uniform(0.5, 1.5), 2)
        rows.append([
            number, int(lives), level, f"Smith, Mr. Karl {number}", sex, "" if chance.random() < 0.2 else round(age, 1), fare,
            f"A/5 {chance.randrange(10**4, 10**5)}", f"C{chance.randrange(150)}" if chance.random() < 0.2 else "",
            chance.choice(["S", "S", "C", "Q", ""]),
        ])  # fmt: skip
    header = ["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "Fare", "Ticket", "Cabin", "Embarked"]
    return write_csv(folder / "passengers.csv", header, rows)


def write_payments(folder: Path) -> Path:
    """200,000 rows, of which 1 % are positive."""
    draw = np.random.default_rng(7)
    amount, kind = draw.lognormal(3, 1, 200_000), draw.choice(["food", "travel", "games"], 200_000)
    age, hour = draw.exponential(400, 200_000), draw.integers(0, 24, 200_000)
    odds = -5.6 + 0.9 * (np.log(amount) - 3) + 1.2 * (kind == "games") - 0.002 * (age - 400)
    fraud = draw.random(200_000) < 1 / (1 + np.exp(-odds))
    rows = zip(range(200_000), amount.round(2), kind, age.round(1), hour, np.where(fraud, "yes", "no"), strict=True)
    return write_csv(folder / "payments.csv", ["payment_id", "amount", "kind", "age_days", "hour", "fraud"], rows)


def write_visits(folder: Path) -> Path:
    """A folder of Parquet files, one a month, with the time of each row and an amount to predict."""
    draw = np.random.default_rng(5)
    for month in range(1, 7):
        days = [dt.date(2024, month, 1) + dt.timedelta(days=int(day)) for day in draw.integers(0, 28, 400)]
        pages, device = draw.integers(1, 30, 400), draw.choice(["phone", "desktop"], 400)
        spent = 12_000 + 900 * pages + 4_000 * (device == "desktop") + draw.normal(0, 2_000, 400)
        table = pa.table({"day": days, "pages": pages, "device": device, "spent": spent})
        (folder / "visits" / f"month={month}").mkdir(parents=True)
        pq.write_table(table, folder / "visits" / f"month={month}" / "part.parquet")
    return folder / "visits"


def on_disk(write: Callable[[Path], Path]) -> Callable[[Path, ExitStack], Data]:
    return lambda folder, stack: Data(str(write(folder)))


def in_a_workbook(folder: Path, stack: ExitStack) -> Data:
    frame = pd.read_csv(bunch("wine", "cultivar")(folder))
    frame.to_excel(folder / "wine.xlsx", index=False)
    return Data(str(folder / "wine.xlsx"))


def in_sqlite(folder: Path, stack: ExitStack) -> Data:
    with closing(sqlite3.connect(folder / "passengers.db")) as connection:
        pd.read_csv(write_passengers(folder)).to_sql("passengers", connection, index=False)
    return Data(f"sqlite://{folder / 'passengers.db'}", {"table": "passengers"})


def in_postgres(folder: Path, stack: ExitStack) -> Data:
    url = sa.make_url(postgres.fresh_database(stack.enter_context(postgres.server(PASSWORD))))
    engine = sa.create_engine(url)
    pd.read_csv(bunch("breast_cancer", "benign")(folder)).to_sql("cells", engine, index=False)
    engine.dispose()
    uri = f"postgres://localhost/{url.database}?host={url.query['host']}"
    options = {"table": "cells", "user": "mlops", "password": "${secret:PG_PASSWORD}"}
    return Data(uri, options, {"PG_PASSWORD": PASSWORD})


def in_a_bucket(folder: Path, stack: ExitStack) -> Data:
    store = stack.enter_context(object_stores.s3())
    store.put("tables/diabetes.csv", bunch("diabetes", "progression")(folder).read_bytes())
    uri = f"s3://{object_stores.BUCKET}/tables/diabetes.csv"
    return Data(uri, store.fields, {"S3_ID": "key", "S3_KEY": object_stores.KEY})


TABLES = (
    Table("wine", "cultivar", Task.MULTICLASS, on_disk(bunch("wine", "cultivar"))),
    Table("cancer", "benign", Task.BINARY, on_disk(bunch("breast_cancer", "benign"))),
    Table("diabetes", "progression", Task.REGRESSION, on_disk(bunch("diabetes", "progression"))),
    Table("passengers", "Survived", Task.BINARY, on_disk(write_passengers)),
    Table("payments", "fraud", Task.BINARY, on_disk(write_payments)),
    Table("visits", "spent", Task.REGRESSION, on_disk(write_visits)),
    Table("workbook", "cultivar", Task.MULTICLASS, in_a_workbook),
    Table("sqlite", "Survived", Task.BINARY, in_sqlite),
    Table("postgres", "benign", Task.BINARY, in_postgres),
    Table("bucket", "progression", Task.REGRESSION, in_a_bucket),
)


@pytest.fixture(scope="module")
def python(install: Callable[[str], Path]) -> Path:  # noqa: F811
    return install("training,package,monitoring,local,sources")


@pytest.fixture
def own(python: Path, tmp_path: Path) -> Iterator[Callable[[str], Installed]]:
    """Gives the folder of a new project, and takes down what was applied there."""
    made: list[Installed] = []

    def place(name: str) -> Installed:
        made.append(Installed(tmp_path / "zoë's data" / name, python))
        made[-1].root.parent.mkdir(exist_ok=True)
        return made[-1]

    yield place
    for one in made:
        if one.root.exists():
            one.mlops("destroy", "--yes", code=None)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_own_data_end_in_a_live_endpoint(
    table: Table, own: Callable[[str], Installed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as servers:
        data = table.place(tmp_path, servers)
        for name, value in data.secrets.items():
            monkeypatch.setenv(name, value)
        place = own(table.name)
        outside = Installed(place.root.parent, place.python)
        options = [word for key, value in data.options.items() for word in ("--source", f"{key}={value}")]
        answer = outside.mlops("init", table.name, "--data", data.uri, *options, "--label", table.label).stdout
        assert f"cd {table.name} && mlops plan" in answer

        place.mlops("apply", "--yes")
        assert "No changes." in place.mlops("plan").stdout
        assert place.status()[f"endpoint.{table.name}"]["state"] == "ok"
        assert_answers(place, table)
        assert_as_good_as_linear(place, table)
        assert_nothing_private_is_added(place, data)


def assert_answers(place: Installed, table: Table) -> None:
    """Asks the endpoint for a row of the test split, over HTTP, with the key of the project."""
    row = pq.read_table(place.root / f"data/{table.name}/test.parquet").slice(0, 1).to_pylist()[0]
    schema = json.loads((place.root / f"data/{table.name}/schema.json").read_text())
    features = {column["name"] for column in schema["columns"] if column["feature"]}
    body = json.dumps({"rows": [{name: value for name, value in row.items() if name in features}]}).encode()
    url = place.status()[f"endpoint.{table.name}"]["url"]
    key = (place.root / f".mlops/secrets/{table.name.upper()}_KEY").read_text().strip()
    request = urllib.request.Request(f"{url}/predict", body, {"content-type": "application/json", "x-api-key": key})
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert len(json.loads(reply.read())["predictions"]) == 1


def assert_as_good_as_linear(place: Installed, table: Table) -> None:
    metrics = json.loads((place.root / f"metrics/model/{table.name}.json").read_text())
    linear = measure_prepared(place.root / f"data/{table.name}", table.task)
    assert metrics[linear.metric] >= linear.value - 0.01, (metrics, linear)


def assert_nothing_private_is_added(place: Installed, data: Data) -> None:
    """Adds everything to git, and reads the index for keys, caches and what lies below .mlops/."""
    for words in (["init", "-q"], ["add", "-A"]):
        place.run("git", *words)
    added = place.run("git", "ls-files", "-z").stdout.split("\0")
    assert "dvc.lock" in added
    private = (".mlops/", ".dvc/cache", ".dvc/tmp", ".dvc/config.local", "data/", "models/")
    assert [path for path in added if path.startswith(private)] == []
    secrets = list((place.root / ".mlops/secrets").iterdir())
    assert not [secret for secret in secrets if secret.stat().st_mode & 0o077]
    for value in (
        *(secret.read_text().strip() for secret in secrets),
        data.secrets.get("PG_PASSWORD", object_stores.KEY),
    ):
        found = place.run("git", "grep", "--cached", "-lF", "-e", value, code=None)
        assert found.returncode == 1, found.stdout


def test_second_init_overwrites_nothing(own: Callable[[str], Installed], tmp_path: Path) -> None:
    place = own("wine")
    outside = Installed(place.root.parent, place.python)
    outside.mlops("init", "wine", "--example", "wine")
    before = {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    said = outside.mlops("init", "wine", "--example", "wine").stdout
    assert "conf/dataset/wine.yaml is there already" in said
    assert {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()} == before
    subprocess.run(["git", "init", "-q", str(place.root)], check=True)
    assert "Valid" in place.mlops("validate").stdout
