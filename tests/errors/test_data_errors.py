"""Specs that no data fit, one file a case: what is edited, and the text that a user reads of the plan.

`data/NAME.yaml`: as in `cases/` (test_errors). The project is the small one with `rows.csv`, whose columns ROWS shows.
`data/NAME.txt` is all of stderr; `GOLDEN=write` rewrites it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.cli.main import main
from mlops.contracts.data_schema import DescribeAnswer, DescribeRequest
from mlops.kinds.staged.schemas import DataSchemas
from mlops.workloads.data.describe import answer
from tests.errors.test_errors import make

CASES = sorted((Path(__file__).parent / "data").glob("*.yaml"))
ROWS = """\
id,zip,number,color,country,day,amount,late
9007199254740993,1234,0.5,red,NO,2024-01-01,"1,5",true
9007199254740995,2345,1.5,green,SE,2024-01-02,"2,5",false
9007199254740997,3456,2.5,blue,NO,2024-01-03,"3,5",true
"""
SQL = "SELECT number, color, late FROM rows"


def answer_here(schemas: DataSchemas, asked: DescribeRequest) -> DescribeAnswer:
    """Answer as the process does, without the seconds that starting it takes."""
    return answer(asked, root=schemas.context.root)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_spec_that_the_data_do_not_fit_is_refused_by_the_plan(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = yaml.safe_load(path.read_text())
    (tmp_path / "rows.csv").write_text(ROWS)
    make(tmp_path, {"edit": {"conf/dataset/rows.yaml": [SQL, "SELECT * FROM rows"]}})
    make_further(tmp_path, case)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DataSchemas, "_run", answer_here)
    with pytest.raises(SystemExit) as ended:
        main(["plan", *case.get("words", ())])
    printed = capsys.readouterr()
    text = printed.err.replace(str(tmp_path), "/project")
    if os.environ.get("GOLDEN") == "write":
        path.with_suffix(".txt").write_text(text)
    assert ended.value.code == 3, printed.err
    assert path.with_suffix(".txt").read_text() == text
    first = printed.err.splitlines()[0]
    assert first.startswith("Error: ")
    assert first.endswith(case["at"]), first
    for words in case["says"]:
        assert words in printed.err
    assert printed.out == ""
    assert not (tmp_path / "params").exists()


def make_further(root: Path, case: dict[str, Any]) -> None:
    for name, (before, after) in case["edit"].items():
        text = (root / name).read_text()
        assert before in text, f"{name} does not say {before!r}"
        (root / name).write_text(text.replace(before, after, 1))


def test_every_case_that_users_tried_is_there() -> None:
    assert len(CASES) >= 15
