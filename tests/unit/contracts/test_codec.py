"""How contracts are read and written: sentences for what does not fit, equal bytes, environment variables, old documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mlops.contracts.codec import ContractError, convert, decode, encode, from_env, to_env, to_json
from mlops.contracts.pod import PodPlace, PodReport, PodWork
from mlops.contracts.server import LogConfig, ServerConfig
from mlops.contracts.serving_pods import EndpointState, ServingInputs, VersionInputs
from mlops.contracts.stage_params import EvaluateParams, ExportParams, ParamsIndex, PrepareParams, TrainParams
from mlops.contracts.training_job import TrainingInputs
from mlops.contracts.watcher import BaselineFile, MonitorFinding, WatcherConfig, WatcherStatus

SERVING: dict[str, Any] = {"namespace": "ml", "name": "delay", "parent": {"name": "gateway"}}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"replica": 3}, "replica: Extra inputs are not permitted"),
        ({"nam": "x"}, "nam: Extra inputs are not permitted; did you mean `name`?"),
        ({"parent": {}}, "parent.name: Field required"),
        ({"parent": {"name": "g", "hostnam": "h"}}, "parent.hostnam: Extra inputs are not permitted; did you mean `hostname`?"),
        ({"drain": "5"}, "drain: expected `int`, got `str`"),
        ({"drain": -1}, "drain: expected `int` >= 0"),
        ({"name": "Delay"}, "name: `Delay` cannot name an object of Kubernetes"),
        ({"labels": {"team": "a b"}}, "labels.team: `a b` cannot be the value of a label"),
        ({"weights": {"v7": 1}}, "traffic goes to v7, which is not among the versions"),
        ({"format": 2}, "it has format 2, and this version of mlops reads up to 1; use the version that wrote it"),
    ],
)  # fmt: skip
def test_reading_names_the_field_that_does_not_fit(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ContractError) as raised:
        convert(ServingInputs, SERVING | more)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(("text", "sentence"), [("{", "it is not JSON"), ("[]", "expected `object`, got `array`")])
def test_reading_refuses_what_is_no_json_object(text: str, sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        decode(ServingInputs, text)


def test_unknown_field_of_a_version_is_compared_with_those_of_versions() -> None:
    version = {"image": "x", "tag": "y", "replicaz": 2}
    with pytest.raises(ContractError, match=r"replicaz: .* did you mean `replicas`\?"):
        convert(ServingInputs, {**SERVING, "versions": {"v1": version}})


def test_equal_contracts_are_written_as_equal_bytes() -> None:
    one, other = (dict(reversed(SERVING.items())), SERVING)
    assert encode(convert(ServingInputs, one)) == encode(convert(ServingInputs, other))


def test_defaults_and_the_first_format_are_not_written() -> None:
    assert to_json(convert(ServingInputs, SERVING)) == SERVING


def test_every_document_reads_back_what_it_writes() -> None:
    server = ServerConfig(version="v3", bento="/b", uds="/s", log=LogConfig(dir="/log", sample=0.5), drain=2.0)
    assert decode(ServerConfig, encode(server)) == server
    training = TrainingInputs(
        namespace="ml", name="delay", job="delay-1", image="i", command=("run",), files={"a": "b"}
    )
    assert decode(TrainingInputs, encode(training)) == training
    report = PodReport(stages={"train@delay": {"cmd": "x"}}, problems=({"summary": "no"},))
    assert decode(PodReport, encode(report)) == report


def test_a_server_of_an_older_bento_finds_the_fields_it_looks_for() -> None:
    config = to_json(ServerConfig(version="v3", bento="/b", uds="/s", log=None))
    assert config == {"version": "v3", "bento": "/b", "uds": "/s", "log": None}
    log = to_json(ServerConfig(version="v3", bento="/b", uds="/s", log=LogConfig(dir="/log")))["log"]
    assert log.keys() == {"dir", "sample", "flush", "keep"}


def test_a_container_and_a_file_spell_one_server() -> None:
    log = LogConfig(dir="/log", sample=0.25, keep=1234567.0)
    config = ServerConfig(version="v3", port=81, key_file="/key", log=log, drain=2.5)
    env = to_env(config)
    assert env["MLOPS_LOG_KEEP"] == "1234567"
    assert from_env(ServerConfig, env) == decode(ServerConfig, encode(config)) == config
    assert from_env(ServerConfig, {"MLOPS_VERSION": "v3"}).log is None


def test_variables_of_the_control_plane_and_of_the_program_make_one_pod() -> None:
    work = PodWork(stages=("train@delay", "export@delay"), deps=())
    assert to_env(work, "stages", "deps") == {"MLOPS_STAGES": "train@delay export@delay", "MLOPS_DEPS": ""}
    place = PodPlace(pods=2, gpus=4, coordinator="job-0.job")
    env = {
        **to_env(work, "stages", "deps"),
        **to_env(place, "pods", "gpus", "coordinator"),
        "JOB_COMPLETION_INDEX": "1",
    }
    assert from_env(PodWork, env) == work
    assert from_env(PodPlace, env) == structs.replace(place, index=1)


def test_rollout_state_in_the_inputs_is_what_the_program_gives_back() -> None:
    versions = {"v3": VersionInputs(image="i", tag="t", key="k", replicas=2)}
    state = to_json(EndpointState(live="v3", next=4, versions=versions, weights={"v3": 100}))
    inputs = convert(ServingInputs, SERVING).with_state(state)
    assert (inputs.live, inputs.next, inputs.versions, inputs.weights) == ("v3", 4, versions, {"v3": 100})


def test_files_of_a_watcher_before_this_version_are_read() -> None:
    config = {
        "baseline_digest": "b1", "baseline_dir": "/b", "contract": "/c", "drift": {}, "log_dir": "/l", "metrics": {"auc": 1},
        "min_rows": 500, "monitor": "monitor.m", "on_finding": "propose", "out_dir": "/o", "profile": "/p", "schema": "/s",
        "window": 3600.0,
    }  # fmt: skip
    assert json.loads(encode(convert(WatcherConfig, config))) == config
    baseline = {"format": 1, "kinds": {"a": "number"}, "rows": 3, "digest": "b1", "metrics": {}, "task": "binary"}
    assert convert(BaselineFile, baseline).profile is None
    status = {"windows": 3, "last": None, "rows": 9, "live": {}, "cursor": 1.5, "quiet": 0}
    assert convert(WatcherStatus, status).cursor == 1.5
    finding = {
        "id": "drift-1", "monitor": "monitor.m", "kind": "drift", "since": "a", "until": "b", "rows": 3, "windows": 1,
        "columns": [{"name": "x", "method": "ks", "statistic": 0.5, "p": None, "threshold": 0.1}], "baseline_digest": "b1",
        "live": {}, "baseline": {}, "tested": 2,
    }  # fmt: skip
    assert convert(MonitorFinding, finding).columns[0].name == "x"


def test_committed_params_are_read_by_the_contract_and_written_back_alike() -> None:
    folder = Path(__file__).parents[3] / "params"
    assert convert(ParamsIndex, json.loads((folder / "index.json").read_text())).dataset == ("flights",)
    prepare = json.loads((folder / "dataset/flights.json").read_text())["prepare"]
    assert PrepareParams.of(prepare).section() == prepare
    model = json.loads((folder / "model/delay.json").read_text())
    assert TrainParams.of(model["train"]).section() == model["train"]
    assert convert(EvaluateParams, model["evaluate"]).code == model["evaluate"]["code"]
    assert convert(ExportParams, model["export"]).code == model["export"]["code"]
