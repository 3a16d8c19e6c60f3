"""Files and overrides become one tree: which value wins, what for_each makes, where each value was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.address import Address
from mlops.config.compose.overrides import read_overrides, split_override
from mlops.errors import InvalidConfig
from tests.small_project import VALUES, load_files, problems_of

ONE, DATASET = Address("value", "one"), Address("dataset", "t")
MANY = "description: shared\nvalue: ${each.key}\nfor_each: { a: { value: 7 }, b: {} }\n"


def test_file_is_a_resource_and_a_disabled_one_is_none(tmp_path: Path) -> None:
    files = {**VALUES, "conf/value/two.yaml": "value: 2\n", "conf/value/off.yaml": "enabled: false\n"}
    assert [str(at) for at in load_files(tmp_path, files).resources] == ["value.one", "value.two"]


@pytest.mark.parametrize(
    ("overrides", "value", "origin"),
    [
        ((), 1, "conf/value/one.yaml:1"),
        (("env=dev",), 2, "conf/env/dev.yaml:1"),
        (("+experiment=try",), 3, "conf/experiment/try.yaml:1"),
        (("+experiment=try", "value.one.value=4"), 4, "command line"),
    ],
)
def test_later_layer_wins_and_is_named(tmp_path: Path, overrides: tuple[str, ...], value: int, origin: str) -> None:
    files = {**VALUES, "conf/experiment/try.yaml": "value: { one: { value: 3 } }\n"}
    if overrides:
        files["conf/env/dev.yaml"] = "value: { one: { value: 2 } }\n"
    resource = load_files(tmp_path, files, *overrides).resources[ONE]
    assert (resource.inputs, resource.origin("value")) == ({"value": value}, origin)


def test_mappings_are_merged_and_lists_are_replaced(tmp_path: Path) -> None:
    files = {
        "conf/project.yaml": "name: values\n",
        "conf/value/one.yaml": "value: { kept: 1, list: [1, 2] }\n",
        "conf/env/dev.yaml": "value: { one: { value: { list: [3] } } }\n",
    }
    resource = load_files(tmp_path, files).resources[ONE]
    assert resource.inputs["value"] == {"kept": 1, "list": [3]}
    assert resource.origin("value.kept") == "conf/value/one.yaml:1"
    assert resource.origin("value.list.0") == "conf/env/dev.yaml:1"


def test_for_each_makes_one_resource_for_each_name(tmp_path: Path) -> None:
    resources = load_files(tmp_path, {**VALUES, "conf/value/many.yaml": MANY}).resources
    values = {str(at): resource.inputs["value"] for at, resource in resources.items() if at.name != "one"}
    assert values == {"value.many-a": 7, "value.many-b": "b"}
    assert resources[Address("value", "many-a")].origin("value") == "conf/value/many.yaml:3"
    assert resources[Address("value", "many-b")].origin("description") == "conf/value/many.yaml:1"


def test_override_reaches_all_of_for_each_or_one_of_it(tmp_path: Path) -> None:
    files = {**VALUES, "conf/value/many.yaml": MANY}
    overrides = ("value.many.description=all", "value.many.for_each.b.value=9")
    resources = load_files(tmp_path, files, *overrides).resources
    b = resources[Address("value", "many-b")]
    assert (b.inputs["value"], b.inputs["description"]) == (9, "all")
    assert b.origin("value") == "command line"


def test_two_files_that_make_one_address_are_refused(tmp_path: Path) -> None:
    files = {**VALUES, "conf/value/many.yaml": MANY, "conf/value/many-a.yaml": "value: 1\n"}
    (problem,) = problems_of(tmp_path, files)
    assert problem.summary == "duplicate resource"
    assert "value.many-a is defined twice" in problem.detail


@pytest.mark.parametrize("text", ["for_each: 3\n", "for_each: { 'A B': {} }\n"])
def test_for_each_that_makes_no_names_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, {**VALUES, "conf/value/many.yaml": text})
    assert problem.summary in ("invalid for_each", "invalid name")
    assert str(problem.source) == "conf/value/many.yaml:1"


def test_interpolation_takes_the_value_of_another_field(tmp_path: Path) -> None:
    files = {**VALUES, "conf/value/two.yaml": "value: ${value.one.value}\n"}
    assert load_files(tmp_path, files).resources[Address("value", "two")].inputs == {"value": 1}


@pytest.mark.parametrize("text", ["${secret:KEY}", "${output:value.one.value}"])
def test_secret_and_output_stay_as_they_are_written(tmp_path: Path, text: str) -> None:
    files = {**VALUES, "conf/value/two.yaml": f"value: '{text}'\n"}
    assert load_files(tmp_path, files).resources[Address("value", "two")].inputs == {"value": text}


def test_value_of_the_machine_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {**VALUES, "conf/value/two.yaml": "value: ${oc.env:HOME}\n"})
    assert (problem.summary, str(problem.source)) == ("value of the machine", "conf/value/two.yaml:1")


def test_equal_files_give_equal_digests_wherever_a_value_is_written(tmp_path: Path) -> None:
    plain = load_files(tmp_path / "a", {**VALUES, "conf/value/one.yaml": "# a comment\nvalue: 5\n"})
    layered = load_files(tmp_path / "b", {**VALUES, "conf/env/dev.yaml": "value: { one: { value: 5 } }\n"})
    assert plain.digest == layered.digest
    assert plain.digest != load_files(tmp_path / "c", VALUES).digest


def test_override_is_read_into_path_and_value() -> None:
    overrides = read_overrides(["value.one.value=[1,2]", "env=prod", "+experiment=try", "~value.one.description"])
    assert [(o.path, o.value, o.delete) for o in overrides.values] == [
        (("value", "one", "value"), [1, 2], False),
        (("value", "one", "description"), None, True),
    ]
    assert (overrides.environment, overrides.experiments) == ("prod", ("try",))


@pytest.mark.parametrize("text", ["a=1,2", "value.one.value", "hydra.run.dir=x", "value.one.value=[1,2"])
def test_word_that_is_no_override_is_quoted(text: str) -> None:
    with pytest.raises(InvalidConfig, match="is not an override") as caught:
        read_overrides([text])
    assert text in caught.value.problems[0].detail


COLUMNS = """\
sources: { t: { uri: t.csv } }
clean:
  total charges: { missing: mean }
  a.b: { clip: [0, 1] }
features: { numeric: [total charges, a.b] }
split: { by: random }
"""


def test_override_addresses_a_column_with_a_space_or_a_dot(tmp_path: Path) -> None:
    files = {**VALUES, "conf/dataset/t.yaml": COLUMNS}
    overrides = ['dataset.t.clean."total charges".missing=median', "dataset.t.clean.'a.b'.clip=[2, 3]"]
    dataset = load_files(tmp_path, files, *overrides, '+dataset.t.clean."new (cm)".missing=0').resources[DATASET]
    assert dataset.inputs["clean"] == {
        "total charges": {"missing": "median"}, "a.b": {"clip": [2.0, 3.0]}, "new (cm)": {"missing": 0},
    }  # fmt: skip
    assert dataset.origin("clean.total charges.missing") == "command line"


def test_override_in_quotes_deletes_and_is_judged_like_any_other(tmp_path: Path) -> None:
    files = {**VALUES, "conf/dataset/t.yaml": COLUMNS}
    deleted = load_files(tmp_path, files, '~dataset.t.clean."a.b"').resources[DATASET]
    assert list(deleted.inputs["clean"]) == ["total charges"]
    (problem,) = problems_of(tmp_path, files, 'dataset.t.clean."a.b".clip=[5,4]')
    assert (problem.summary, str(problem.source)) == ("value does not fit", "command line")


@pytest.mark.parametrize("text", ['dataset.t."a b.missing=1', 'dataset.t."a"b.missing=1', 'dataset."t"=1,2'])
def test_quotes_that_do_not_fit_are_no_override(text: str) -> None:
    with pytest.raises(InvalidConfig, match="is not an override"):
        read_overrides([text])


def test_equals_sign_in_quotes_belongs_to_the_key() -> None:
    assert split_override('a."b=c".d=e=f') == ('a."b=c".d', "e=f")
    assert split_override("~a.b") == ("~a.b", None)
