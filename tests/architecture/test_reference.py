"""docs/reference/ and conf/schema/ say what the schemas say; every field says what it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.api.configuration import reference_files
from mlops.config.schema.json_schema import schemas
from mlops.config.schema.reference import reference_pages

ROOT = Path(__file__).parents[2]
FIX = "run `make reference`, and commit what it writes"
PAGES = reference_pages()


def test_reference_has_these_pages_and_no_others() -> None:
    assert {path.name for path in (ROOT / "docs" / "reference").iterdir()} == set(reference_files()), FIX


@pytest.mark.parametrize("name", sorted(reference_files()))
def test_page_of_the_reference_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text() == reference_files()[name], FIX


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "schema").glob("*.json")), ids=lambda path: path.stem)
def test_schema_for_editors_is_up_to_date(path: Path) -> None:
    assert json.loads(path.read_text()) == schemas()[path.stem], FIX


def test_every_field_says_what_it_means() -> None:
    silent = [
        f"{section.name}: {field.path}" for page in PAGES for section in page.sections for field in section.fields
        if not field.doc
    ]  # fmt: skip
    assert silent == [], "say it with spec_field(doc=…)"


def test_every_entry_and_every_metric_says_what_it_is() -> None:
    silent = [f"{page.name}: {section.name}" for page in PAGES for section in page.sections if not section.text]
    assert silent + [metric.name for page in PAGES for metric in page.metrics if not metric.doc] == []
