"""Looking at data that no data set names yet: what columns hold, which options read them better, what a linear model reaches."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.survey import ColumnSurvey, FirstLookRequest, Survey, SurveyRequest
from mlops.errors import MlopsError
from mlops.workloads.data.first_look import first_look
from mlops.workloads.data.survey import survey


def look_at(folder: Path, text: str | bytes, *, label: str | None = None, **source: Any) -> Survey:
    (folder / "t.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return survey(SurveyRequest(source={"uri": "t.csv", **source}, label=label), folder)


def by_name(found: Survey) -> dict[str, ColumnSurvey]:
    return {column.name: column for column in found.columns}


def test_survey_counts_what_each_column_holds(tmp_path: Path) -> None:
    columns = by_name(look_at(tmp_path, "a,b,c\n1,x,2024-01-01\n2,x,2024-03-01\n2,,2024-02-01\n"))
    assert (columns["a"].type, columns["a"].distinct, columns["a"].least, columns["a"].whole) == ("int", 2, 1.0, True)
    assert (columns["b"].missing, columns["b"].frequent) == (1, (("x", 2),))
    assert (columns["c"].type, columns["c"].least, columns["c"].most) == ("date", "2024-01-01", "2024-03-01")


@pytest.mark.parametrize(
    ("text", "option", "note"),
    [
        (
            "k,total charges\na,1.5\nb, \nc,2\nd,7\n",
            {"null": ["", "NA", " "]},
            "`total charges`: a number with 1 blank",
        ),
        ("k,n\na,1\nb,?\nc,2\nd,3\n", {"null": ["", "NA", "?"]}, "`n`: a number with 1 `?`"),
        ("k;n\na;1,5\nb;2,25\n", {"decimal": ","}, "`n`: numbers with a decimal comma"),
        ("k,n\nZoë,1\n".encode("cp1252"), {"encoding": "cp1252"}, "cp1252"),
    ],
)
def test_survey_finds_the_option_that_reads_a_file_better(
    tmp_path: Path, text: str | bytes, option: dict[str, Any], note: str
) -> None:
    found = look_at(tmp_path, text)
    assert found.source == {"uri": "t.csv", **option}
    assert note in found.notes[0]


@pytest.mark.parametrize("values", ["one,two,three,4", "1,2,north,4", "a,b,c,d"])
def test_survey_leaves_texts_that_are_no_numbers_alone(tmp_path: Path, values: str) -> None:
    found = look_at(tmp_path, "k,n\n" + "".join(f"x,{value}\n" for value in values.split(",")))
    assert found.source == {"uri": "t.csv"}


def test_survey_guesses_the_label_by_its_name_or_not_at_all(tmp_path: Path) -> None:
    assert look_at(tmp_path, "a,Target\n1,0\n2,1\n").label == "Target"
    assert look_at(tmp_path, "a,b\n1,0\n2,1\n").label is None
    with pytest.raises(MlopsError, match="no such column"):
        look_at(tmp_path, "a,b\n1,0\n", label="c")


def test_survey_finds_a_column_that_says_the_label(tmp_path: Path) -> None:
    rows = [("gone" if n % 3 == 0 else "here", n % 5, n % 3 == 0) for n in range(60)]
    found = by_name(
        look_at(tmp_path, "state,n,churned\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows), label="churned")
    )
    assert found["state"].tells_label
    assert not found["n"].tells_label


def test_first_look_measures_a_linear_model_on_the_test_split(tmp_path: Path) -> None:
    chance = random.Random(1)
    rows = [(value, int(value + chance.gauss(0, 0.5) > 0)) for value in (chance.gauss(0, 1) for _ in range(400))]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{x:.4f},{y}\n" for x, y in rows))
    dataset = {
        "sources": {"t": {"uri": str(tmp_path / "t.csv")}}, "label": "y", "features": {"numeric": ["x"]},
        "split": {"by": "random", "stratify": True},
    }  # fmt: skip
    found = first_look(FirstLookRequest(dataset=dataset, task="binary"))
    assert found.metric == "test_auc"
    assert 0.85 < found.value < 1
    assert 0 < found.error < 0.1
    assert found.rows["test"] == 80
    regression = first_look(FirstLookRequest(dataset=dataset, task="regression"))
    assert regression.metric == "test_r2"
    with pytest.raises(MlopsError, match="no column of the result"):
        first_look(FirstLookRequest(dataset={**dataset, "label": "z"}, task="binary"))
