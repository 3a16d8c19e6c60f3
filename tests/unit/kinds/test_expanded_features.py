"""params/ shows the columns that patterns of features mean, wherever they have been seen."""

from __future__ import annotations

from pathlib import Path

from mlops.address import Address
from mlops.context.context import Context
from mlops.kinds.staged.params import dataset_params, write_params_of
from mlops.kinds.staged.schemas import DataSchemas
from tests.small_project import load_files

FILES = {
    "conf/project.yaml": "name: p\n",
    "conf/dataset/t.yaml": "sources: { t: { uri: t.csv } }\nlabel: y\n"
    "features: { numeric: '*', categorical: '*', except: id }\nsplit: { by: random }\n",
    "t.csv": "id,a,b,y\n1,0.5,x,1\n2,1.5,y,0\n",
}
T = Address("dataset", "t")


def open_context(root: Path) -> Context:
    spec = load_files(root, FILES)
    return Context(root, spec.settings, resources=spec.resources)


def test_params_show_the_columns_once_they_are_known(tmp_path: Path) -> None:
    context = open_context(tmp_path)
    resource = context.resources[T]
    before = dataset_params(resource, context)
    assert before.keys() == {"prepare"}
    assert before["prepare"]["features"] == {"numeric": ["*"], "categorical": ["*"], "except": ["id"]}
    DataSchemas(context).of(T)
    after = dataset_params(resource, context)
    assert after["features"] == {"numeric": ["a"], "categorical": ["b"]}
    assert after["prepare"] == before["prepare"]


def test_params_keep_the_columns_where_this_machine_has_not_seen_them(tmp_path: Path) -> None:
    context = open_context(tmp_path)
    params = {**dataset_params(context.resources[T], context), "features": {"numeric": ["a"]}}
    write_params_of("dataset", "t", params, tmp_path)
    assert dataset_params(context.resources[T], context) == params
    other = open_context(tmp_path)
    (tmp_path / "t.csv").write_text("id,a,b,c,y\n1,0.5,x,1,1\n")
    assert dataset_params(other.resources[T], other).keys() == {"prepare"}
