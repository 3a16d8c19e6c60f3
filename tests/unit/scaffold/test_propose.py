"""What a new project proposes of data: which columns are features and why others are not, the task, the split, the gates."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mlops.config.schema.dataset import Dataset
from mlops.config.schema.model import Model
from mlops.contracts.survey import ColumnSurvey, FirstLook, Survey
from mlops.errors import InvalidConfig
from mlops.scaffold.defaults import ARCHITECTURE, gates_of
from mlops.scaffold.propose import Choice, DatasetProposal, propose
from mlops.scaffold.resource_files import dataset_text, model_text

ROWS = 1000
LABEL = ColumnSurvey(name="left", type="bool", distinct=2, frequent=(("false", 790), ("true", 210)))
AGE = ColumnSurvey(name="age", type="float", distinct=60, least=1.0, most=90.0, missing=11)
LOOK = FirstLook(metric="test_auc", value=0.84, error=0.01, trivial=0.5, width=3, rows={"train": 700, "test": 200})


def survey_of(*columns: ColumnSurvey, label: ColumnSurvey | None = LABEL, **more: Any) -> Survey:
    every = (AGE, *columns, *([label] if label else []))
    return Survey(source={"uri": "raw/t.csv"}, rows=ROWS, columns=every, label=label.name if label else None, **more)


def choice_of(column: ColumnSurvey) -> Choice:
    return next(one for one in propose(survey_of(column)).choices if one.column == column.name)


@pytest.mark.parametrize(
    ("column", "use", "why"),
    [
        (ColumnSurvey(name="customer_id", type="string", distinct=ROWS), "left out", "unique in each row"),
        (ColumnSurvey(name="id", type="int", distinct=ROWS, least=5.0, most=9e6, whole=True), "left out", "an id"),
        (ColumnSurvey(name="n", type="int", distinct=ROWS, least=1.0, most=1000.0, whole=True), "left out", "an id"),
        (ColumnSurvey(name="income", type="int", distinct=ROWS, least=1.0, most=9e6, whole=True), "numeric", ""),
        (
            ColumnSurvey(name="big", type="int", distinct=40, least=1.0, most=1e17, whole=True),
            "left out",
            "beyond 2^53",
        ),
        (ColumnSurvey(name="name", type="string", distinct=900), "left out", "too many to learn from"),
        (ColumnSurvey(name="version", type="int", distinct=1, least=3.0, most=3.0), "left out", "constant"),
        (ColumnSurvey(name="note", type="string", distinct=0, missing=ROWS), "left out", "empty"),
        (ColumnSurvey(name="fax", type="string", distinct=9, missing=980), "left out", "missing in 98% of the rows"),
        (
            ColumnSurvey(name="left_on", type="string", distinct=4, tells_label=True),
            "left out",
            "seems to say the label",
        ),
        (ColumnSurvey(name="parts", type="other"), "left out", "of a type that no data set can hold"),
        (ColumnSurvey(name="plan", type="string", distinct=4, missing=3), "categorical", "missing in 3 rows"),
        (
            ColumnSurvey(name="zip", type="int", distinct=90, least=1.0, most=99999.0, whole=True),
            "categorical",
            "a code",
        ),
        (ColumnSurvey(name="call_hour", type="int", distinct=24, least=0.0, most=23.0, whole=True), "cyclic", ""),
        (
            ColumnSurvey(name="born", type="date", distinct=700, least="1950-01-01", most="2001-01-01"),
            "left out",
            "a date",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, ColumnSurvey) else "",
)
def test_column_gets_a_use_and_a_reason(column: ColumnSurvey, use: str, why: str) -> None:
    choice = choice_of(column)
    assert choice.use == use
    assert why in choice.why


@pytest.mark.parametrize(
    ("label", "task", "why"),
    [
        (LABEL, "binary", "21% are `true`"),
        (ColumnSurvey(name="y", type="string", distinct=3, frequent=(("a", 500),)), "multiclass", "3 classes"),
        (
            ColumnSurvey(name="y", type="int", distinct=10, least=0.0, most=9.0, whole=True),
            "multiclass",
            "taken for classes",
        ),
        (
            ColumnSurvey(name="y", type="int", distinct=300, least=25.0, most=346.0, whole=True),
            "regression",
            "25 to 346",
        ),
        (ColumnSurvey(name="y", type="float", distinct=7, least=0.5, most=1.5), "regression", "numbers"),
    ],
)
def test_task_follows_from_the_label(label: ColumnSurvey, task: str, why: str) -> None:
    proposal = propose(survey_of(label=label))
    assert proposal.task == task
    assert why in proposal.task_why


@pytest.mark.parametrize(
    ("label", "sign"),
    [
        (ColumnSurvey(name="y", type="int", distinct=1), "same value in each row"),
        (ColumnSurvey(name="y", type="string", distinct=500), "too many to be classes"),
        (ColumnSurvey(name="y", type="date", distinct=50), "numbers and classes can be predicted"),
    ],
)
def test_label_that_cannot_be_learned_is_refused(label: ColumnSurvey, sign: str) -> None:
    with pytest.raises(InvalidConfig, match="label cannot be learned") as caught:
        propose(survey_of(label=label))
    assert sign in caught.value.problems[0].detail


@pytest.mark.parametrize(
    ("least", "most", "split"),
    [
        ("2020-01-01", "2023-12-31", {"val": "5 months", "test": "10 months"}),
        ("2023-01-01", "2023-12-31", {"val": "5 weeks", "test": "10 weeks"}),
        ("2023-01-01", "2023-02-28", {"val": "6 days", "test": "12 days"}),
    ],
)
def test_dates_of_rows_make_a_split_by_time(least: str, most: str, split: dict[str, str]) -> None:
    column = ColumnSurvey(name="created_at", type="timestamp", distinct=500, least=least, most=most)
    proposal = propose(survey_of(column))
    assert proposal.split == {"by": "time", "column": "created_at", **split}
    assert proposal.without_time().split["by"] == "random"


def test_table_without_a_feature_is_refused() -> None:
    survey = Survey(source={}, rows=ROWS, columns=(LABEL,), label="left")
    with pytest.raises(InvalidConfig, match="No column of the data can be a feature"):
        propose(survey)


def test_files_are_valid_and_say_why() -> None:
    columns = (
        ColumnSurvey(name="Postal, code: [x]", type="string", distinct=4),
        ColumnSurvey(name="NO", type="string", distinct=2),
        ColumnSurvey(name="id", type="string", distinct=ROWS),
    )
    notes = ("`total charges`: a number with 11 blanks",)
    proposal = propose(survey_of(*columns, notes=notes))
    text = dataset_text("t", proposal, "They lie in the project.")
    assert "#   id: unique in each row: an id" in text
    assert notes[0] in text
    dataset = Dataset.model_validate(yaml.safe_load(text))
    assert dataset.features.columns == ("age", "Postal, code: [x]", "NO")
    model = Model.model_validate(yaml.safe_load(model_text("t", proposal, LOOK)))
    assert model.gates == ("test_auc >= 0.82", "test_auc >= live - 0.01")


def test_rows_without_a_label_and_odd_types_are_taken_out_in_the_sql() -> None:
    label = ColumnSurvey(name="left", type="bool", distinct=2, missing=12, frequent=LABEL.frequent)
    odd = ColumnSurvey(name="parts", type="other")
    text = dataset_text("my-t", propose(survey_of(odd, label=label)), "")
    sql = yaml.safe_load(text)["sql"]
    assert sql.strip() == 'SELECT * EXCLUDE ("parts") FROM "my_t" WHERE "left" IS NOT NULL'


def test_project_without_a_label_says_what_to_do() -> None:
    proposal: DatasetProposal = propose(survey_of(label=None))
    text = dataset_text("t", proposal, "")
    assert proposal.task is None
    assert "# label: COLUMN" in text
    Dataset.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_proposed_family_can_do_each_task(task: str) -> None:
    model = Model.model_validate({"dataset": "t", "task": task, "architecture": {"name": ARCHITECTURE}})
    model.architecture.check(model)


def test_gate_is_below_the_first_look_by_what_chance_explains() -> None:
    assert gates_of(LOOK)[0] == ("test_auc >= 0.82", "a first look, with a linear model, reached 0.84 on 200 test rows")


def test_gate_of_weak_data_asks_for_more_than_nothing() -> None:
    weak = FirstLook(metric="test_auc", value=0.52, error=0.03, trivial=0.5, rows={"test": 100})
    assert gates_of(weak)[0] == ("test_auc >= 0.5", "better than always giving the same answer")
    assert gates_of(FirstLook()) == []
