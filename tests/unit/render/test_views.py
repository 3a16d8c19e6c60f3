"""The views of one plan: what each shows, and what none may show."""

from __future__ import annotations

import json
import re

import pytest

from mlops.address import Address
from mlops.engine.plan import Change, Plan
from mlops.engine.resource import Action, Attention, Effect, FieldChange, PartChange, Reason
from mlops.errors import FileLocation, Problem
from mlops.render.document import because, plan_document
from mlops.render.html import render_html
from mlops.render.markdown import render_markdown
from mlops.render.status import render_records
from mlops.render.terminal import closing_of, render_problems, render_terminal

RETRAIN = Effect("RETRAIN", 9, Action.RUN)
DATA, MODEL, PACKAGE = Address("dataset", "flights"), Address("model", "delay"), Address("package", "delay")


def plan_of(*changes: Change, attention: tuple[Attention, ...] = ()) -> Plan:
    return Plan("flights", "dev", "line", 14, "2026-01-01T00:00:00Z", changes, attention=attention)


def retrain() -> Plan:
    field = FieldChange("trainer.max_epochs", 3, 5, RETRAIN, "conf/model/delay.yaml:14")
    return plan_of(
        Change(DATA, Action.NOOP, "NOOP", 0, (Reason("matches"),)),
        Change(
            MODEL, Action.RUN, "RETRAIN", 9,
            (Reason("trainer.max_epochs 3 → 5", "conf/model/delay.yaml:14"),), (field,), ("about 16 s",),
        ),
        Change(
            PACKAGE, Action.MAYBE, "REPACKAGE", 6, (Reason("if model.delay's digest changes", cause=MODEL),),
            condition=(MODEL,),
        ),
    )  # fmt: skip


def test_terminal_shows_what_follows_from_one_changed_line() -> None:
    text = render_terminal(plan_document(retrain(), apply_with="mlops apply"), width=100)
    assert "flights · dev · state serial 14 · 3 resources" in text
    assert re.search(r"↻\s+model\.delay\s+RETRAIN\s+trainer\.max_epochs  3 → 5\s+conf/model/delay\.yaml:14\n", text)
    assert re.search(r"\?\s+package\.delay\s+REPACKAGE\s+if model\.delay's digest changes\n", text)
    assert "unchanged: dataset.flights" in text
    assert "Plan: 0 to create, 0 to change, 1 to run again, 1 that depends on it, 0 to destroy." in text
    assert text.endswith("Apply it with: mlops apply\n")


def test_a_certain_reason_stands_before_one_that_depends_on_others() -> None:
    lost = Change(
        MODEL, Action.RUN, "RETRAIN", 9,
        (Reason("models/delay is not on this machine"), Reason("if dataset.flights's digest changes", cause=DATA)),
        condition=(DATA,),
    )  # fmt: skip
    text = render_terminal(plan_document(plan_of(Change(DATA, Action.RUN, "REPROCESS", 9, (Reason("sql"),)), lost)))
    assert re.search(r"RETRAIN\s+models/delay is not on this machine\n\s+if dataset\.flights's digest changes\n", text)


@pytest.mark.parametrize("width", [80, 120])
def test_long_lines_are_folded_for_eyes_and_left_whole_for_grep(width: int) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    field = FieldChange("description", 1, 2, RETRAIN, "conf/model/delay.yaml:14")
    change = Change(MODEL, Action.RUN, "RETRAIN", 9, (Reason(words, "conf/model/delay.yaml:14"),), (field,), (words,))
    attention = Attention(DATA, words, (words,), words, ("mlops plan " + words,))
    document = plan_document(plan_of(change, attention=(attention,)))
    whole, folded = render_terminal(document, width=width), render_terminal(document, width=width, wrap=True)
    assert folded.split() == whole.split()
    assert all(len(line) <= width for line in folded.splitlines() if not line.startswith("    mlops plan"))
    assert any(len(line) > width for line in whole.splitlines())
    problem = Problem("something", words, address="model.delay")
    assert all(len(line) <= width for line in render_problems([problem], width=width, wrap=True).splitlines())


def test_color_adds_codes_and_nothing_else() -> None:
    document = plan_document(retrain())
    painted = render_terminal(document, color=True)
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render_terminal(document)


def test_the_chain_ends_at_the_line_that_started_it() -> None:
    plan = retrain()
    chain = because(plan.changes[2], {change.address: change for change in plan.changes})
    assert chain == ["package.delay ?", "model.delay ↻", "conf/model/delay.yaml:14 trainer.max_epochs 3 → 5"]


def test_empty_plan_is_one_sentence() -> None:
    plan = plan_of(Change(DATA, Action.NOOP, "NOOP", 0, (Reason("matches"),)))
    text = render_terminal(plan_document(plan), seconds=0.41)
    assert text == "No changes. The world matches conf/ (1 resource, 0.4 s).\n"


def test_attention_stands_in_every_view() -> None:
    attention = Attention(
        MODEL, "monitor.delay has found drift", ("4 of 16 moved",), "train later", ("mlops plan x=1",)
    )
    document = plan_document(plan_of(attention=(attention,)))
    for text in (render_terminal(document), render_markdown(document), render_html(document), json.dumps(document)):
        assert "monitor.delay has found drift" in text
        assert "mlops plan x=1" in text


def test_a_secret_appears_in_no_view() -> None:
    before, after = {"$secret": "KEY", "$hmac": "aaaa1111"}, {"$secret": "KEY", "$hmac": "bbbb2222"}
    field = FieldChange("auth.api_key", before, after, Effect("RECONFIGURE", 3), secret=True)
    document = plan_document(plan_of(Change(MODEL, Action.UPDATE, "RECONFIGURE", 3, (Reason("rotated"),), (field,))))
    for text in (render_terminal(document), render_markdown(document), render_html(document), json.dumps(document)):
        assert "aaaa1111" not in text
        assert "bbbb2222" not in text
        assert "(secret KEY)" in text


def test_text_of_the_user_is_escaped_in_markdown_and_html() -> None:
    field = FieldChange("label", "a|b", "<script>alert(1)</script>|`*", RETRAIN)
    document = plan_document(plan_of(Change(MODEL, Action.RUN, "RETRAIN", 9, (Reason("x"),), (field,))))
    assert "<script>" not in render_html(document)
    row = next(line for line in render_markdown(document).splitlines() if "model.delay" in line)
    assert "<script>" not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_alike_changes_fold_and_costly_ones_stand_first() -> None:
    many = [Change(Address("model", f"m{i}"), Action.RUN, "RETRAIN", 9, (Reason("code changed"),)) for i in range(1000)]
    gone = Change(Address("endpoint", "old"), Action.DELETE, "DESTROY", 10, (Reason("no file says it any more"),))
    text = render_terminal(plan_document(plan_of(*many, gone)))
    assert len(text.splitlines()) < 20
    assert text.index("endpoint.old") < text.index("model.*")
    assert "1000 alike" in text


@pytest.mark.parametrize("count", [9, 20])
def test_folded_changes_are_named_and_wrapped(count: int) -> None:
    names = [f"a-rather-long-name-{i}" for i in range(count)]
    many = [Change(Address("model", name), Action.RUN, "RETRAIN", 9, (Reason("code changed"),)) for name in names]
    document = plan_document(plan_of(*many))
    text = render_terminal(document, width=100, wrap=True)
    assert f"{count} alike: {names[0]}, {names[1]}," in text
    assert all(name in text and name in render_markdown(document) for name in names)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, 0.003, "lr  0.001 (default) → 0.003"),
        (0.003, None, "lr  0.003 → 0.001 (default)"),
        (0.002, 0.003, "lr  0.002 → 0.003"),
    ],
)
def test_default_is_shown_on_the_side_that_is_not_set(before: float | None, after: float | None, shown: str) -> None:
    field = FieldChange("lr", before, after, RETRAIN, default=0.001)
    document = plan_document(plan_of(Change(MODEL, Action.RUN, "RETRAIN", 9, (Reason("lr changed"),), (field,))))
    for view in (render_terminal(document), render_markdown(document), render_html(document)):
        assert shown in view
    assert document["changes"][0]["fields"][0]["before"] == before, "data say what is set; views say what applies"


@pytest.mark.parametrize("default", [None, "", [], {}])
def test_empty_default_is_shown_as_none(default: object) -> None:
    field = FieldChange("lr", None, 1, RETRAIN, default=default)
    change = Change(MODEL, Action.RUN, "RETRAIN", 9, (Reason("lr changed"),), (field,))
    assert "lr  not set → 1" in render_terminal(plan_document(plan_of(change)))


def test_long_texts_change_line_by_line() -> None:
    before = "SELECT a\nFROM flights\nWHERE month < 9 AND a_rather_long_condition IS NOT NULL"
    field = FieldChange("sql", before, before.replace("< 9", "< 10"), RETRAIN, "conf/dataset/flights.yaml:7")
    text = render_terminal(plan_document(plan_of(Change(DATA, Action.RUN, "REPROCESS", 9, (Reason("sql"),), (field,)))))
    assert "- WHERE month < 9" in text
    assert "+ WHERE month < 10" in text
    assert "FROM flights" not in text


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (
            Problem(
                "unknown field", "`trainer.max_epoch` is not a field.", source=FileLocation("conf/m.yaml", 2, 12, 9),
                hint="Did you mean `max_epochs`?",
            ),
            "Error: unknown field                           conf/m.yaml:2\n"
            "  `trainer.max_epoch` is not a field.\n"
            "    2 | trainer: { max_epoch: 3 }\n"
            "      |            ^^^^^^^^^\n"
            "  Did you mean `max_epochs`?\n",
        )
    ],
)  # fmt: skip
def test_error_quotes_the_line_and_points_at_the_word(problem: Problem, expected: str) -> None:
    text = render_problems([problem], width=60, read_line=lambda file, line: "trainer: { max_epoch: 3 }")
    assert text == expected


def test_the_closing_line_counts_problems_and_files() -> None:
    problems = [
        Problem("a", "b", source=FileLocation("x.yaml", 1)),
        Problem("a", "b", source=FileLocation("y.yaml", 1)),
    ]
    assert closing_of(problems, "Nothing was planned.") == "2 problems in 2 files. Nothing was planned."


def test_large_mapping_of_a_record_is_counted_on_a_terminal() -> None:
    record = {
        "address": "model.late", "serial": 3, "complete": True, "inputs": {"task": "binary"}, "upstream": {},
        "outputs": {"digest": "abc", "locked": {f"stage{n}": {"cmd": "x"} for n in range(30)}},
    }  # fmt: skip
    text = render_records([record])
    assert "    task: binary\n" in text
    assert "    locked: 30 values, which --format json shows" in text
    assert "stage7" not in text


def test_plan_without_changes_does_not_claim_that_all_is_well_beside_a_fault() -> None:
    fault = Attention(MODEL, "model.delay cannot be looked at", ("It does not answer.",), is_fault=True)
    document = plan_document(plan_of(attention=(fault,)))
    for text in (render_terminal(document), render_markdown(document), render_html(document)):
        assert "No changes, and not all is well" in text
        assert "The world matches" not in text
    finding = plan_document(plan_of(attention=(Attention(MODEL, "carrier drifted"),)))
    assert "No changes. The world matches conf/" in render_terminal(finding)


def test_part_whose_data_goes_says_which_word_allows_it() -> None:
    part = PartChange("Volume logs", Action.REPLACE, loses_data=True)
    change = Change(MODEL, Action.UPDATE, "PROVISION", 6, (Reason("size"),), parts=(part,))
    text = render_terminal(plan_document(plan_of(change)))
    assert "deletes what it holds: needs --allow-data-loss model.delay" in text
