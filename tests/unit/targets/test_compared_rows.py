"""Rows of clients, found in the prediction log and asked of two versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops.targets.local.compared_rows import compared_rows, logged_rows


def test_rows_of_every_sort_of_request_are_found_the_newest_first(tmp_path: Path) -> None:
    asked: list[Any] = [
        {"number": 1}, {"rows": [{"number": 2}, {"number": 3}]}, {"rows": [{"number": 10 + index} for index in range(9)]},
        {"inputs": [{"name": "number", "data": [5]}]}, None,
    ]  # fmt: skip
    lines = [json.dumps({"t": 1.0, "v": "v1", "q": one, "a": {}}) for one in asked]
    lines += [json.dumps({"t": 1.0, "v": "v1", "f": {"id": "a", "label": 1}}), "cut off"]
    (tmp_path / "v1-1-1.open").write_text("\n".join(lines))
    (tmp_path / "v2-1-1.open").write_text(json.dumps({"q": {"number": 99}}))
    assert [row["number"] for row in logged_rows(tmp_path, "v1")] == [10, 11, 12, 13, 14, 2, 3, 1]


def test_row_is_asked_once_and_answers_of_both_are_paired() -> None:
    asked: list[Any] = []

    def ask(probability: float) -> Any:
        def answer(body: bytes) -> tuple[int, bytes]:
            asked.append(json.loads(body)["rows"])
            return 200, json.dumps(
                {"predictions": [{"late": True, "probability": probability}] * len(asked[-1])}
            ).encode()

        return answer

    rows = [{"number": 1}, {"number": 2}, {"number": 1}]
    pairs = compared_rows(iter(rows), (ask(0.2), ask(0.9)), (), 50)
    assert [(pair.live, pair.candidate) for pair in pairs.values()] == [((0.2,), (0.9,))] * 2
    assert compared_rows(iter(rows), (ask(0.2), ask(0.9)), pairs, 50) == {}
    assert len(asked) == 2
