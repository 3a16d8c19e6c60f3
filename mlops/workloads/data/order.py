"""Decide whether all cores may run a SQL.

Lives here: is_free_of_order, which reads the parsed SQL.
Not here: running it, and refusing what depends on chance (sql).
Law: "yes" only of what is known to give the same rows in whatever order, by however many threads and in however little
memory it runs; whatever is not known runs in one thread, over sources in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from mlops.workloads.data.sql_text import literal

_CLASSES = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY",
}  # fmt: skip
_TYPES = {"SELECT_NODE", "BASE_TABLE", "EMPTY", "JOIN", "SUBQUERY", "ORDER_MODIFIER"}
_JOINS = {"REGULAR", "NATURAL", "CROSS"}
_OF_DISTINCT = {"distinct", "group_expressions", "group_sets", "qualify", "sample"}


def is_free_of_order(connection: duckdb.DuckDBPyConnection, sql: str | None) -> bool:
    """Return whether the rows that the SQL gives are the same whatever the order of its sources' rows. None: all rows.

    Sums of floats, windows, limits, `first`, and groups (whose key may be 0.0 or -0.0) are not.
    """
    if sql is None:
        return True
    parsed = connection.execute(f"SELECT json_serialize_sql({literal(sql)}::VARCHAR)").fetchall()[0][0]
    tree = json.loads(parsed)
    if tree["error"] or len(tree["statements"]) != 1:
        return False
    scalars = {
        row[0]
        for row in connection.execute(
            "SELECT lower(function_name) FROM duckdb_functions() GROUP BY ALL HAVING bool_and(function_type = 'scalar')"
        ).fetchall()
    }
    return all(_is_known(node, scalars) for node in _nodes_in(tree["statements"][0]["node"]))


def _nodes_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes_in(item)


def _is_known(node: Mapping[str, Any], scalars: set[str]) -> bool:
    if any(node.get(field) for field in _OF_DISTINCT):
        return False
    if "class" in node:
        known = node["class"] in _CLASSES
        return known and (node["class"] != "FUNCTION" or str(node["function_name"]).lower() in scalars)
    if "ref_type" in node and node["ref_type"] not in _JOINS:
        return False
    is_node = {"modifiers", "alias", "orders", "distinct_on_targets", "limit"} & set(node)
    return not is_node or node.get("type") in _TYPES
