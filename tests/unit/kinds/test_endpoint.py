"""What an endpoint means to a plan."""

from __future__ import annotations

import json

import pytest

from mlops.address import Address
from mlops.engine.plan import Change
from mlops.engine.resource import Action
from mlops.errors import InvalidConfig, MlopsError, Problem
from mlops.kinds.registry import refuse_what_cannot_work
from tests.unit.kinds.conftest import Look

URL = "http://127.0.0.1:8080/late"


def test_endpoint_depends_on_its_package_and_the_address_of_its_stack(look: Look) -> None:
    assert look.needs("endpoint.late") == {"package.late": "REDEPLOY", "stack.local": "REDEPLOY"}
    assert {need.output for need in look.desired["endpoint.late"].depends_on} == {"digest", "address"}


@pytest.mark.parametrize(
    ("path", "category", "keeps"),
    [
        ("package", "REDEPLOY", False),
        ("replicas", "RESCALE", True),
        ("rate_limit", "RECONFIGURE", True),
        ("auth.api_key", "RECONFIGURE", True),
        ("description", "METADATA", True),
    ],
)
def test_only_another_package_deploys_again(look: Look, path: str, category: str, keeps: bool) -> None:
    assert look.meaning("endpoint.late", path) == (category, Action.UPDATE, keeps)


def test_key_is_desired_by_its_name_and_a_salted_digest(look: Look) -> None:
    desired = look.desired["endpoint.late"]
    assert desired.inputs["auth"]["api_key"]["$secret"] == "KEY"
    assert "not-to-be-seen" not in json.dumps(desired.inputs)


def test_endpoint_that_nobody_made_does_not_exist(look: Look) -> None:
    observed = look.observe("endpoint.late")
    assert (observed.recorded, observed.exists) == (None, False)


def test_new_version_is_noted_with_the_steps_of_its_rollout(look: Look) -> None:
    desired, record = look.desired["endpoint.late"], look.record("endpoint.late", {})
    kind = look.kind("endpoint.late")
    assert kind.notes(desired, record, "REDEPLOY")[0] == "50% → 100%, judged at each step; else back to what is live"
    assert not any("judged at each step" in note for note in kind.notes(desired, None, "REDEPLOY"))


def test_change_of_words_touches_nothing_that_runs(look: Look) -> None:
    record = look.record("endpoint.late", {"url": URL})
    outcome = look.kind("endpoint.late").update(look.step("endpoint.late", Action.UPDATE, "METADATA", record))
    assert outcome.outputs == record.outputs


def test_question_has_the_key_and_rows_that_the_model_was_checked_with(look: Look) -> None:
    rows = [{"number": number} for number in range(8)]
    (look.root / "golden.json").write_text(json.dumps({"rows": rows}))
    record = look.record("endpoint.late", {"url": URL, "bento": str(look.root)})
    asked = look.kind("endpoint.late").question(record, None)
    assert (asked.url, asked.rows) == (f"{URL}/predict", tuple(rows[:5]))
    assert asked.headers == {"x-api-key": "not-to-be-seen"}
    assert look.kind("endpoint.late").question(record, [{"number": 9}]).rows == ({"number": 9},)


def test_endpoint_on_a_stack_that_is_neither_declared_nor_recorded_is_an_error(look: Look) -> None:
    with pytest.raises(MlopsError, match="neither declared in conf/stack/ nor recorded"):
        look.kind("endpoint.late").status(look.record("endpoint.late", {}, stack="gone"))


def test_status_of_an_endpoint_without_a_version_says_how_to_repair_it(look: Look) -> None:
    record = look.record("endpoint.late", {"url": URL, "stack": "local"})
    status = look.kind("endpoint.late").status(record)
    assert (status.state, status.url) == ("missing", URL)
    assert "mlops apply" in status.text


def test_override_hint_names_its_file(look: Look) -> None:
    hint = look.kind("endpoint.late").override_hint(Address("endpoint", "late"), "replicas", "3")
    assert hint == "To keep it, say in conf/endpoint/late.yaml:  replicas: 3"


def test_secret_without_a_value_stops_only_changes_that_need_it(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def problems(action: Action, category: str) -> list[Problem]:
        changes = [Change(Address.parse("endpoint.late"), action, category, 1, ())]
        return list(look.kind("endpoint.late").problems(changes))

    assert problems(Action.CREATE, "REDEPLOY") == []
    monkeypatch.delenv("KEY")
    (problem,) = problems(Action.CREATE, "REDEPLOY")
    assert "`auth.api_key` needs the secret KEY. Set the environment variable KEY" in problem.detail
    assert str(problem.source) == "conf/endpoint/late.yaml:6"
    assert problems(Action.UPDATE, "METADATA") == []


def test_plan_with_a_missing_secret_is_refused_before_anything_else(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY")
    changes = {action: Change(Address.parse("endpoint.late"), action, "REDEPLOY", 1, ()) for action in Action}
    for action in (Action.NOOP, Action.ADOPT, Action.DELETE, Action.FORGET):
        refuse_what_cannot_work(look.kinds, [changes[action]])
    for action in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.MAYBE):
        with pytest.raises(InvalidConfig, match="needs the secret KEY"):
            refuse_what_cannot_work(look.kinds, [changes[action]])
