"""Run a data set's SQL.

Lives here: connect, seal_database, after which the SQL sees the sources alone, and run_sql.
Not here: opening the sources (sources), what is done with the rows (prepare).
Law: the rows depend on the sources and the SQL: not on other files, the time of day, the time zone, or chance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mlops.config.schema.dataset import Dataset
from mlops.errors import MlopsError
from mlops.workloads.data.order import is_free_of_order
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.data.windows import windowed
from mlops.workloads.stage import failed

_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    "allow_persistent_secrets": False,
}  # fmt: skip
RESULT = "mlops result"
"""The table that the SQL makes."""
_SHARE = 0.4
"""Of the memory, how much DuckDB may take; the rest is for Python and for the rows that are being written."""
_SEALED = ("python_enable_replacements = false", "enable_external_access = false", "lock_configuration = true")
_CLOCK = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
_NOW = _CLOCK | {
    "current_localtime",
    "current_localtimestamp",
    "now",
    "today",
    "transaction_timestamp",
    "get_current_time",
    "get_current_timestamp",
}
_ASIDE = {"error", "current_schema", "current_schemas", "in_search_path"}
_UNSEEDED = -1
_NO_NAMES = (duckdb.token_type.string_const, duckdb.token_type.comment)
_INDIRECT = {"query", "json_execute_serialized_sql"}
_WRONGLY_STABLE = {"current_setting", "getvariable", "current_localtime", "current_localtimestamp"}
"""What DuckDB calls consistent and what is not."""
_DENIED = re.compile(r'Cannot access (?:file|directory) "([^"]*)"')


def connect(
    sql: str | None = None, *, resources: MachineResources | None = None, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a database in memory that fetches nothing, and whose times are in UTC whatever the machine's zone.

    It uses all of `resources`, and the folder `spill` beyond them, for a `sql` that gives the same rows in whatever order it
    runs. For any other it uses one thread and as much memory as there is.
    """
    connection = duckdb.connect(":memory:", config=_OFFLINE)
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    if resources is not None and spill is not None and is_free_of_order(connection, sql):
        settings = {
            "threads": resources.threads, "memory_limit": f"{int(resources.memory * _SHARE) >> 20}MiB",
            "temp_directory": str(spill), "preserve_insertion_order": False,
        }  # fmt: skip
        for name, value in settings.items():
            connection.execute(f"SET {name} = {literal(value)}").fetchall()
    return connection


def seal_database(connection: duckdb.DuckDBPyConnection) -> None:
    """Close files, addresses, extensions, Python's variables and all settings to the SQL."""
    for setting in _SEALED:
        connection.execute(f"SET {setting}").fetchall()


def query_of(dataset: Dataset) -> str:
    """Return the SQL of a data set, with its windows; all of its only source where it says none."""
    sql = (dataset.sql or f"SELECT * FROM {quoted(next(iter(dataset.sources)))}").rstrip().rstrip(";")  # noqa: S608
    return windowed(sql, dataset)


def run_sql(connection: duckdb.DuckDBPyConnection, dataset: Dataset, *, makes_rows: bool = True) -> pa.Table:
    """Make the table RESULT of the rows, in no order, in the place of the sources, and return it without rows.

    With `makes_rows` false it is not made, and the sources stay. Raises MlopsError where the SQL fails, or does not give the
    same rows each time.
    """
    sql = query_of(dataset)
    try:
        _refuse_chance(connection, sql)
        _refuse_repeated(connection, sql)
        if makes_rows:
            _make_result(connection, dataset, sql)
            sql = f"FROM {quoted(RESULT)}"
        return connection.sql(f"SELECT * FROM ({sql}\n) LIMIT 0").to_arrow_table()  # noqa: S608
    except duckdb.PermissionException as error:
        raise _undeclared(str(error)) from error
    except duckdb.Error as error:
        raise failed(
            "SQL failed", f"DuckDB says of `sql`: {str(error).strip()}. Correct it, then apply again."
        ) from error


def _make_result(connection: duckdb.DuckDBPyConnection, dataset: Dataset, sql: str) -> None:
    tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    sources = [name for name in dataset.sources if name in tables]
    if dataset.sql is None and dataset.window is None and sources:
        connection.execute(f"ALTER TABLE {quoted(sources[0])} RENAME TO {quoted(RESULT)}").fetchall()
        return
    connection.execute(f"CREATE TABLE {quoted(RESULT)} AS SELECT * FROM ({sql}\n)").fetchall()  # noqa: S608
    for name in sources:
        connection.execute(f"DROP TABLE {quoted(name)}").fetchall()


def _undeclared(said: str) -> MlopsError:
    found = _DENIED.search(said)
    what = f"`{found.group(1)}`, which is no source of the data set" if found else "something that is no source"
    uri = found.group(1) if found else "…"
    return failed(
        "source is not declared",
        f"`sql` asks for {what}. A data set is pinned by the content of its sources, so the SQL sees nothing else. Declare it "
        f"under `sources`, such as `extra: {{ uri: {uri} }}`, and write `extra` in `sql`. DuckDB says: {said.strip()}",
    )


def _refuse_repeated(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise where two columns of the result have one name: DuckDB would call the second `amount_1`."""
    names = [row[0] for row in connection.execute(f"DESCRIBE ({sql}\n)").fetchall()]
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name.casefold(), []).append(name)
    repeated = [same for same in spellings.values() if len(same) > 1]
    if repeated:
        raise failed(
            "column stands twice",
            *(
                f"The SQL gives {len(same)} columns of the name `{same[0]}`"
                f"{'' if len(set(same)) == 1 else ' (' + ', '.join(same) + ': names that differ by case are one name)'}. "
                f"Give each a name of its own (`t.{same[0]} AS other`), or leave one out: `SELECT * EXCLUDE ({same[0]})`, "
                f"`JOIN … USING ({same[0]})`."
                for same in repeated
            ),
        )


def _refuse_chance(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    used = _unstable(connection)
    found = sorted({name for name in _named(connection, sql) if name in used})
    if found:
        raise failed(
            "SQL is not repeatable",
            *(
                f"`sql` uses `{name}`, which gives something else at another time or on another machine, while a plan would "
                f"say that nothing changed. {_instead(name)}"
                for name in found
            ),
        )


def _instead(name: str) -> str:
    match name:
        case "sample":
            return "Give the sample a seed: `USING SAMPLE reservoir(10%) REPEATABLE (1)`."
        case "random" | "uuid" | "gen_random_uuid" | "uuidv4" | "uuidv7" | "setseed":
            return "Compute it from a column, such as `hash(id)`, or split with `split: { by: random, seed: … }`."
        case "age with one argument":
            return "Give it both times: `age(DATE '2024-01-01', born)`."
        case "query" | "json_execute_serialized_sql":
            return "Write the inner SQL itself."
        case "current_setting" | "getvariable":
            return "Write the value itself."
    return "Write the time itself, such as `DATE '2024-01-01'`." if name in _NOW else "Leave it out."


def _unstable(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of what gives something else in another run; of table functions those that show the machine."""
    rows = connection.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE (function_type = 'scalar' AND stability <> "
        "'CONSISTENT') OR (function_type = 'table' AND regexp_matches(function_name, '^(duckdb|pragma)_'))"
    ).fetchall()
    columns = {row[0] for row in connection.execute("SELECT lower(column_name) FROM duckdb_columns()").fetchall()}
    clock = {name for name in _CLOCK if name not in columns}
    return {row[0] for row in rows} - _ASIDE | clock | _INDIRECT | _WRONGLY_STABLE | {"sample", "age with one argument"}


def _named(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[str]:
    """Yield the names of the functions in the SQL, and of the columns that stand without a table."""
    parsed = connection.execute(f"SELECT json_serialize_sql({literal(sql)}::VARCHAR)").fetchall()[0][0]
    tree = json.loads(parsed)
    if not tree["error"]:
        yield from _names_in(tree)
        return
    written = sql.encode()
    for start, kind in duckdb.tokenize(sql):
        match = re.match(r'"?(\w+)"?\s*(\(?)', written[start:].decode(errors="replace"))
        if kind not in _NO_NAMES and match and (match.group(2) or match.group(1).lower() in _CLOCK):
            yield match.group(1).lower()


def _names_in(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _names_in(item)
    if not isinstance(node, dict):
        return
    name = str(node.get("function_name", "")).lower()
    if name:
        only = len(node.get("arguments") or node.get("children") or ()) == 1
        yield "age with one argument" if name == "age" and only else name
    if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
        yield from _CLOCK & {str(node["column_names"][0]).lower()}
    if isinstance(node.get("sample"), dict) and node["sample"].get("seed", _UNSEEDED) == _UNSEEDED:
        yield "sample"
    for value in node.values():
        yield from _names_in(value)
