"""A plan in a file: applied as it was reviewed, or refused with what moved."""

from __future__ import annotations

import json
from typing import Any

from mlops.engine.lease import Holder, lease
from mlops.engine.store import open_database
from tests.e2e.conftest import Workplace


def test_a_saved_plan_is_applied_as_it_was_reviewed(small: Workplace) -> None:
    small.mlops("plan", "--out", "plan.json", "endpoint.late.rate_limit=4000/s")
    shown = small.mlops("show", "plan.json").stdout
    assert "RECONFIGURE" in shown
    assert "Apply it with: mlops apply plan.json" in shown
    assert "<html" in small.mlops("show", "plan.json", "--format", "html").stdout
    assert "| `~` | `endpoint.late` | RECONFIGURE |" in small.mlops("show", "plan.json", "--format", "markdown").stdout
    small.mlops("apply", "plan.json")
    stale = small.mlops("apply", "plan.json", code=4)
    assert "somebody applied since" in stale.stderr
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_a_plan_whose_pins_moved_names_each_of_them(small: Workplace) -> None:
    small.mlops("plan", "--out", "plan.json", "endpoint.late.replicas=3")
    small.edit("conf/endpoint/late.yaml", "5000/s", "4999/s")
    try:
        stale = small.mlops("apply", "plan.json", code=4)
    finally:
        small.edit("conf/endpoint/late.yaml", "4999/s", "5000/s")
    assert "configuration changed" in stale.stderr
    told = json.loads((small.root / "plan.json").read_text())
    told["plan"]["overrides"] = []
    (small.root / "plan.json").write_text(json.dumps(told))
    assert "digest does not fit" in small.mlops("apply", "plan.json", code=4).stderr
    (small.root / "plan.json").unlink()


def test_without_a_terminal_nobody_is_asked(small: Workplace) -> None:
    refused = small.mlops("apply", "endpoint.late.replicas=3", code=1)
    assert "--yes" in refused.stderr
    assert small.words() == {}


def test_a_second_apply_is_told_who_holds_the_lease(small: Workplace) -> None:
    store = open_database(f"sqlite:///{small.root / '.mlops' / 'state.db'}", "dev")
    with lease(store, Holder.me("maria", "now", "mlops apply --yes")):
        refused = small.mlops("apply", "--yes", "endpoint.late.rate_limit=4100/s", code=5).stderr
    assert "maria on " in refused
    assert "`mlops apply --yes`" in refused
    assert small.words() == {}


def test_apply_streams_json_lines(small: Workplace) -> None:
    def streamed(*words: str, code: int = 0) -> list[dict[str, Any]]:
        lines = small.mlops("apply", "--yes", "--json", *words, code=code).stdout.splitlines()
        first, *rest = map(json.loads, lines)
        assert first == {"format": "mlops.apply/1"}
        return [line for line in rest if line["type"] != "progress"]

    told = streamed("endpoint.late.rate_limit=4500/s")
    assert [line["type"] for line in told] == ["planned_change", "apply_start", "apply_complete", "summary"]
    assert {line["address"] for line in told[:3]} == {"endpoint.late"}
    assert (told[0]["category"], told[3]["done"], told[3]["failed"]) == ("RECONFIGURE", 1, 0)
    failed = streamed("endpoint.late.replicas=many", code=3)
    assert [line["type"] for line in failed] == ["diagnostics"]
    assert failed[0]["problems"][0]["source"] == {"file": "command line", "line": None, "column": None, "width": 1}
    assert [line["type"] for line in streamed()][-1] == "summary"
    assert streamed() == [{"type": "summary", "done": 0, "failed": 0, "skipped": 0, "seconds": 0.0}]
