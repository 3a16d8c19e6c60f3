"""A search is drawn as a table of its trials."""

from __future__ import annotations

from typing import Any

from mlops.render.search import render_search

LEDGER: dict[str, Any] = {
    "objectives": {"val_auc": "max"},
    "searched": {"space": {"optimizer.lr": {"log": [0.001, 1]}, "architecture": [{"name": "mlp"}, {"name": "linear"}]}},
    "best": 1, "ended": "interrupted",
    "trials": [
        {"number": 0, "state": "ended early", "values": {"optimizer.lr": 0.5, "architecture": {"name": "mlp"}}, "seconds": 0.26},
        {"number": 1, "state": "done", "values": {"optimizer.lr": 0.0123456, "architecture": {"name": "linear"}}, "seconds": 3.0,
         "measured": {"val_auc": 0.73123}},
        {"number": 2, "state": "failed", "values": {"optimizer.lr": 1.0, "architecture": {"name": "mlp"}}, "seconds": 1.0,
         "reason": "the loss is not a number"},
    ],
}  # fmt: skip


def test_search_is_a_line_for_each_trial_with_the_chosen_one_marked() -> None:
    assert render_search(LEDGER) == (
        "trial  val_auc  lr       architecture        seconds\n"
        '0      -        0.5      {"name": "mlp"}     0.3      ended early\n'
        '1      0.7312   0.01235  {"name": "linear"}  3.0      chosen\n'
        '2      -        1        {"name": "mlp"}     1.0      failed: the loss is not a number\n'
        "\n3 trials in 4 s: somebody interrupted it; the next apply goes on."
    )
