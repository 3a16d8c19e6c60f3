"""What a pod is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.targets.kubernetes.workspace import workspace_files
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.reader import read_lock, read_stages
from mlops.tools.dvc.settings import DvcSettings

ROOT = Path(__file__).parents[3]

FREE = {"reads": ["pipelines/train.py"] * 6}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The reference project with a second model, and the first one's module."""
    for name in ("dvc.yaml", "dvc.lock", ".dvc/config", ".dvcignore", *map(str, (ROOT / "pipelines").glob("*.py"))):
        path = tmp_path / (Path(name).relative_to(ROOT) if Path(name).is_absolute() else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())
    (tmp_path / "params/model").mkdir(parents=True)
    models = {"delay": {"dataset": "flights", **FREE}, "other": {"dataset": "more", **FREE}}
    prepare = {name: {"reads": ["pipelines/prepare.py"] * 4} for name in ("flights", "more")}
    index = {"dataset": ["flights", "more"], "model": models, "prepare": prepare}
    (tmp_path / "params/index.json").write_text(json.dumps(index))
    for name, target in (("delay", "nets.deep.Net"), ("other", "mlops.workloads.training.Net")):
        sections = {"train": {"architecture": {"name": "custom", "_target_": target}}, "evaluate": {}, "export": {}}
        (tmp_path / f"params/model/{name}.json").write_text(json.dumps(sections))
    (tmp_path / "nets/__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "deep.py", "data.bin", "__pycache__/deep.py"):
        (tmp_path / "nets" / name).write_text(f"# {name}\n")
    return tmp_path


def written(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_a_pod_gets_its_own_model_and_no_other(project: Path) -> None:
    files = workspace_files(project, "delay", DvcSettings.of(project))
    assert sorted(files) == [
        ".dvc/config", ".dvcignore", "dvc.lock", "dvc.yaml", "nets/__init__.py", "nets/deep.py", "params/index.json",
        "params/model/delay.json", *(f"pipelines/{name}.py" for name in ("evaluate", "export", "prepare", "train", "tune")),
    ]  # fmt: skip
    assert json.loads(files["params/index.json"]) == {
        "dataset": ["flights"],
        "model": {"delay": {"dataset": "flights", **FREE}},
        "prepare": {"flights": {"reads": ["pipelines/prepare.py"] * 4}},
        "tune": {},
    }


def test_pod_that_searches_gets_the_ledger_of_the_version_before(project: Path) -> None:
    index = json.loads((project / "params/index.json").read_text())
    (project / "params/index.json").write_text(json.dumps({**index, "tune": {"delay": {"dataset": "flights"}}}))
    (project / "tuning/model").mkdir(parents=True)
    (project / "tuning/model/delay.json").write_text("{}")
    files = workspace_files(project, "delay", DvcSettings.of(project))
    assert files["tuning/model/delay.json"] == "{}"
    assert json.loads(files["params/index.json"])["tune"] == {"delay": {"dataset": "flights"}}


def test_pod_of_an_ensemble_gets_the_locked_entries_of_its_members(project: Path) -> None:
    index = json.loads((project / "params/index.json").read_text())
    both = {"dataset": "flights", "reads": ["models/delay/export", *["pipelines/train.py"] * 5]}
    index["model"]["both"] = both
    (project / "params/index.json").write_text(json.dumps(index))
    sections = {"train": {"architecture": {"name": "ensemble", "of": ["delay"]}}, "evaluate": {}, "export": {}}
    (project / "params/model/both.json").write_text(json.dumps(sections))
    files = workspace_files(project, "both", DvcSettings.of(project))
    assert json.loads(files["params/index.json"])["model"] == {"both": both, "delay": index["model"]["delay"]}
    assert "export@delay:" in files["dvc.lock"]
    assert "params/model/delay.json" not in files


def test_helpers_that_a_target_imports_are_given_too(project: Path) -> None:
    code = {"nets/deep.py": "1", "blocks/layers.py": "2", "lightning/gone.py": "3", "mlops/errors.py": "4"}
    sections = {"train": {"architecture": {"name": "custom", "_target_": "nets.deep.Net"}, "code": code}}
    (project / "params/model/delay.json").write_text(json.dumps(sections))
    written(project, {"blocks/__init__.py": "# here\n", "blocks/layers.py": "# layers\n", "blocks/unread.py": "# no\n"})
    given = workspace_files(project, "delay", DvcSettings.of(project))
    assert [file for file in given if file.startswith(("blocks", "lightning", "mlops"))] == [
        "blocks/layers.py", "blocks/__init__.py"
    ]  # fmt: skip


def test_stages_and_locked_entries_are_the_same_there(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = written(tmp_path_factory.mktemp("pod"), workspace_files(project, "delay", DvcSettings.of(project)))
    ours, theirs = read_stages(project), read_stages(there)
    assert list(theirs) == ["prepare@flights", "train@delay", "evaluate@delay", "export@delay"]
    for name, stage in theirs.items():
        assert (stage.cmd, stage.deps, stage.params) == (ours[name].cmd, ours[name].deps, ours[name].params)
        assert [out.path for out in stage.outs] == [out.path for out in ours[name].outs]
        assert all(out.cache for out in stage.outs)
    assert read_lock(there) == {name: entry for name, entry in read_lock(project).items() if name in theirs}


def test_files_that_a_stage_reads_besides_are_given_too(project: Path) -> None:
    told = yaml12.loads((project / "dvc.yaml").read_text())
    told["stages"]["train"]["do"]["deps"].append("lists")
    (project / "dvc.yaml").write_text(yaml12.dumps(told))
    (project / "lists/deep").mkdir(parents=True)
    (project / "lists/deep/names.txt").write_text("one\n")
    assert workspace_files(project, "delay", DvcSettings.of(project))["lists/deep/names.txt"] == "one\n"
    (project / "lists/deep/names.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(MlopsError, match="file for the pod is no text"):
        workspace_files(project, "delay", DvcSettings.of(project))


def test_a_module_of_the_image_is_not_given(project: Path) -> None:
    assert not [
        path
        for path in workspace_files(project, "other", DvcSettings.of(project))
        if path.startswith(("nets", "mlops"))
    ]


def test_a_model_that_is_not_rendered_is_a_problem(project: Path) -> None:
    with pytest.raises(MlopsError, match="no such model"):
        workspace_files(project, "nobody", DvcSettings.of(project))
