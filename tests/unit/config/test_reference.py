"""The reference: what a reader finds of each field, and that what other packages bring stands among it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.api.configuration import reference_files, reference_text, write_reference
from mlops.config.schema.reference import FieldEntry, reference_pages
from mlops.errors import MlopsError
from tests.plugins import documented, installed


def field_of(page: str, path: str, section: str | None = None) -> FieldEntry:
    found = next(one for one in reference_pages() if one.name == page)
    fields = next(one for one in found.sections if section in (None, one.name)).fields
    return next(one for one in fields if one.path == path)


def test_nested_field_is_named_as_an_override_names_it() -> None:
    field = field_of("model", "trainer.early_stopping.patience")
    assert (field.type, field.default, field.category) == ("whole number from 1", "none", "RETRAIN")


def test_default_is_written_with_its_unit() -> None:
    assert field_of("endpoint", "log.keep").default == "`1w`"
    assert field_of("endpoint", "rollout.steps").default == "`[10%, 50%, 100%]`"
    assert field_of("targets", "log_size", "local").default == "`10M`"


def test_default_of_texts_is_written_with_quotes() -> None:
    assert field_of("sources", "null", "file").default == '`["", "NA"]`'


def test_field_of_a_table_entry_means_what_the_naming_field_means() -> None:
    assert field_of("families", "dropout", "mlp").category == "RETRAIN"
    assert field_of("transforms", "max_categories", "categorical").category == "REPROCESS"


def test_field_that_names_an_entry_leads_to_the_page_of_its_table() -> None:
    assert field_of("dataset", "sources").table == "sources"
    assert field_of("model", "architecture").table == "families"


def test_field_that_entries_share_stands_beside_them() -> None:
    assert field_of("dataset", "expect[].column").default == "needed"


def test_entry_of_another_package_stands_in_the_reference_with_its_package(tmp_path: Path) -> None:
    folder, name = documented(tmp_path, "A check")
    with installed(folder, name):
        page = reference_files()["checks.md"]
    assert f"Brought by the package {name} 1.0." in page
    assert "Brought by" not in reference_files()["checks.md"]


def test_unknown_page_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(MlopsError, match=r"`modle` is no page of the reference. There are: project, dataset, model"):
        reference_text("modle")


def test_write_gives_changed_pages_and_removes_what_is_no_more(tmp_path: Path) -> None:
    write_reference(tmp_path)
    (tmp_path / "docs/reference/gone.md").write_text("old")
    (tmp_path / "docs/reference/model.md").write_text("old")
    assert [path.name for path in write_reference(tmp_path)] == ["gone.md", "model.md"]
    assert not (tmp_path / "docs/reference/gone.md").exists()
    assert write_reference(tmp_path) == []
