"""A search finds the same values in every run, stays within its space, and goes on from its ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.config.schema.tuning import Tune
from mlops.errors import MlopsError
from mlops.workloads.training.train import train
from mlops.workloads.tuning import trial as trials
from mlops.workloads.tuning.report import search_page
from mlops.workloads.tuning.study import cut_off, finished, next_trial, open_study, place_of
from mlops.workloads.tuning.tune import tune
from tests.workloads.searched_project import SPACE, ledger, say_search, search_anew


def test_one_worker_and_a_seed_try_the_same_in_every_run(tuned: Path) -> None:
    say_search(tuned, trials=13)  # more than the trials that are drawn before any is learned from
    first = search_anew(tuned)
    assert search_anew(tuned) == first
    assert [one["number"] for one in first["trials"]] == list(range(13))
    assert first["ended"] == "trials"
    best = max(first["trials"], key=lambda one: one["measured"]["val_auc"])
    drawn = json.loads((tuned / "plots/tuning/late/best_so_far.json").read_text())
    assert drawn[-1] == {"trial": 12, "best": best["measured"]["val_auc"]}
    values = [row["value"] for row in json.loads((tuned / "plots/tuning/late/trials.json").read_text())]
    assert [row["best"] for row in drawn] == [max(values[: place + 1]) for place in range(13)]
    assert first["chosen"] == best["values"] == first["trials"][first["best"]]["values"]
    say_search(tuned, trials=13, seed=8)
    assert search_anew(tuned)["trials"] != first["trials"]


def test_training_takes_the_chosen_values(tuned: Path) -> None:
    say_search(
        tuned,
        space={"architecture": [{"name": "boosted_trees"}, {"name": "random_forest", "trees": {"choice": [3]}}]},
        search="grid",
    )
    tune("late")
    chosen = json.loads((tuned / "models/late/tune/chosen.json").read_text())["architecture"]
    train("late")
    written = json.loads((tuned / "models/late/train/network.json").read_text())
    assert written["architecture"]["name"] == chosen["name"]
    assert [one["values"]["architecture"]["name"] for one in ledger(tuned)["trials"]] == [
        "boosted_trees",
        "random_forest",
    ]


def test_trials_that_fail_are_kept_with_their_reason(tuned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = trials.Trials.run

    def run(self: trials.Trials, chosen: dict[str, Any], name: str, report: trials.TakeMeasured) -> list[float]:
        if chosen["architecture.leaves"] > 4:
            raise MlopsError.of("too big", "It has too many leaves.")
        return learn(self, chosen, name, report)

    monkeypatch.setattr(trials.Trials, "run", run)
    say_search(tuned, search="grid", space={"architecture.leaves": {"step": [2, 6, 2]}})
    tune("late")
    assert [one["state"] for one in ledger(tuned)["trials"]] == ["done", "done", "failed"]
    assert ledger(tuned)["trials"][2]["reason"] == "It has too many leaves."
    say_search(tuned, search="grid", space={"architecture.leaves": {"choice": [8]}})
    with pytest.raises(MlopsError, match="Each of 1 trials failed: It has too many leaves"):
        tune("late")


@pytest.mark.parametrize("search", ["random", "gp", "cma_es"])
def test_every_search_stays_within_the_space(tuned: Path, search: str) -> None:
    say_search(tuned, search=search, trials=4)
    tune("late")
    for one in ledger(tuned)["trials"]:
        assert 2 <= one["values"]["architecture.leaves"] <= 16
        assert 0.01 <= one["values"]["architecture.learning_rate"] <= 0.5


def test_folds_measure_rows_of_the_train_split_and_size_counts_bytes(tuned: Path) -> None:
    say_search(tuned, trials=2, folds=3, objective={"val_auc": "max", "size": "min"})
    tune("late")
    found = ledger(tuned)
    assert found["objectives"] == {"val_auc": "max", "size": "min"}
    assert all(one["measured"]["size"] > 100 for one in found["trials"])
    folded = [one["measured"]["val_auc"] for one in found["trials"]]
    say_search(tuned, trials=2)
    tune("late")
    assert [one["measured"]["val_auc"] for one in ledger(tuned)["trials"]] != folded


@pytest.mark.parametrize("search", ["tpe", "random"])
def test_trial_beyond_a_limit_is_kept_and_never_chosen(tuned: Path, search: str) -> None:
    say_search(
        tuned, trials=12, search=search, space={"architecture.leaves": {"log_int": [2, 32]}}, objective="val_auc"
    )
    free = search_anew(tuned)["chosen"]["architecture.leaves"]
    say_search(
        tuned, trials=12, search=search, space={"architecture.leaves": {"log_int": [2, 32]}}, limits=["size <= 4500", "val_auc >= 0.5"]
    )  # fmt: skip
    found = search_anew(tuned)
    beyond = [one for one in found["trials"] if one["beyond"]["size <= 4500"] > 0]
    assert 0 < len(beyond) < 12
    assert found["trials"][found["best"]]["beyond"]["size <= 4500"] <= 0
    assert found["chosen"]["architecture.leaves"] < max(one["values"]["architecture.leaves"] for one in beyond)
    assert free
    say_search(tuned, trials=2, limits=["size <= 1"])
    with pytest.raises(MlopsError, match="it is beyond the limits"):
        search_anew(tuned)


def test_budget_ends_a_search_after_the_trial_that_spends_it(tuned: Path) -> None:
    say_search(tuned, trials=50, budget=0.001)
    tune("late")
    assert len(ledger(tuned)["trials"]) == 1


def test_budget_of_money_is_spent_by_the_price_of_an_hour(tuned: Path) -> None:
    say_search(tuned, trials=3, budget="0.01 USD", price="1000000 USD")
    assert (search_anew(tuned)["ended"], len(ledger(tuned)["trials"])) == ("budget", 1)
    say_search(tuned, trials=3, budget="0.01 USD", price="0.01 USD")
    tune("late")  # an hour for a cent: it goes on
    assert (ledger(tuned)["ended"], len(ledger(tuned)["trials"])) == ("trials", 3)
    say_search(tuned, trials=3, budget="0.01 USD", price="0.01 EUR")
    with pytest.raises(MlopsError, match=r"`tune.budget` is 0\.01 USD, and an hour costs 0\.01 EUR"):
        tune("late")


@pytest.mark.parametrize("prune", ["median", "asha", "hyperband"])
def test_trials_that_promise_little_are_ended_early(tuned: Path, prune: str) -> None:
    say_search(tuned, trials=14, prune=prune, space={"architecture.learning_rate": {"log": [1e-5, 0.5]}})
    tune("late")
    found = [one for one in ledger(tuned)["trials"] if one["state"] == "ended early"]
    assert found
    assert all(one["rungs"] and "measured" not in one for one in found)
    say_search(tuned, trials=14, prune="none", space={"architecture.learning_rate": {"log": [1e-5, 0.5]}})
    assert {one["state"] for one in search_anew(tuned)["trials"]} == {"done"}


def test_search_goes_on_from_the_trials_of_the_version_before(tuned: Path) -> None:
    say_search(tuned, trials=13)
    whole = search_anew(tuned)
    say_search(tuned, trials=8)
    short = search_anew(tuned)
    assert short["trials"] == whole["trials"][:8]
    before = json.loads((tuned / "tuning/model/late.json").read_text())["trials"]
    say_search(tuned, trials=13)
    tune("late")
    after = json.loads((tuned / "tuning/model/late.json").read_text())["trials"]
    assert after[:8] == before  # their seconds too: none was run again
    assert ledger(tuned)["trials"] == whole["trials"]


def test_new_question_begins_with_the_best_values_that_its_space_has(tuned: Path) -> None:
    say_search(tuned, trials=8)
    best = search_anew(tuned)
    narrow = {**SPACE, "architecture.leaves": {"int": [best["chosen"]["architecture.leaves"], 20]}}
    say_search(tuned, trials=8, space=narrow)
    tune("late")
    found = ledger(tuned)
    assert found["trials"][0]["values"] == best["chosen"]
    assert [one["values"] for one in found["trials"][:2]] == found["began_with"][:2]
    again = ledger(tuned)
    tune("late")
    assert ledger(tuned) == again


def test_search_that_has_ended_is_taken_from_its_ledger(tuned: Path, capfd: pytest.CaptureFixture[str]) -> None:
    say_search(tuned, trials=3)
    chosen = search_anew(tuned)["chosen"]
    (tuned / "models/late/tune/chosen.json").unlink()
    capfd.readouterr()
    tune("late")
    assert json.loads((tuned / "models/late/tune/chosen.json").read_text()) == chosen
    assert capfd.readouterr().out == "taken from the ledger: this search has ended\n"


def test_trials_read_no_row_of_the_test_split_and_say_nothing(tuned: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tuned / "data/rows/test.parquet").unlink()
    say_search(tuned, trials=2)
    tune("late")
    assert [line[:10] for line in capfd.readouterr().out.splitlines()] == ["trial 1 of", "trial 2 of"]
    assert (tuned / ".mlops/tuning/late/tuning.log").read_text().count("best val_auc") == 2


def test_interrupted_search_records_the_best_so_far_and_goes_on(tuned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say_search(tuned, trials=6)
    undisturbed = search_anew(tuned)
    (tuned / "tuning/model/late.json").unlink()
    learn, begun = trials.Trials.run, []

    def run(self: trials.Trials, chosen: dict[str, Any], name: str, report: trials.TakeMeasured) -> list[float]:
        begun.append(chosen)
        if len(begun) == 4:
            raise KeyboardInterrupt
        return learn(self, chosen, name, report)

    monkeypatch.setattr(trials.Trials, "run", run)
    with pytest.raises(
        MlopsError, match=r"after trial 3 of 6, best val_auc .* say `trials: 3` to keep the best so far"
    ):
        tune("late")
    found = ledger(tuned)
    assert (found["ended"], len(found["trials"])) == ("interrupted", 3)
    assert found["chosen"] == found["trials"][found["best"]]["values"]
    tune("late")
    assert ledger(tuned) == undisturbed
    assert len(begun) == 7


def test_page_of_a_search_draws_it_and_escapes_what_it_says(tuned: Path) -> None:
    space = {
        "architecture": [
            {"name": "random_forest", "trees": 3},
            {"name": "boosted_trees", "trees": 4, "leaves": {"choice": [3, 5]}},
        ],
        "trainer.seed": {"step": [1, 9, 2]},
    }
    say_search(tuned, trials=6, space=space, search="random")
    tune("late")
    found = json.loads((tuned / "tuning/model/late.json").read_text())
    found["trials"].append({"number": 6, "state": "failed", "values": {}, "seconds": 0.0, "reason": "<script>"})
    found["trials"][-1]["values"] = found["trials"][0]["values"]
    page = search_page("late", found)
    assert "&lt;script&gt;" in page
    for title in ("How it went", "Side by side", "val_auc by architecture=1.leaves.", "val_auc by trainer.seed."):
        assert title in page
    assert page == search_page("late", found)


def test_grid_ends_where_every_combination_was_tried(tmp_path: Path) -> None:
    asked = Tune.model_validate(
        {"search": "grid", "space": {"trainer.seed": {"int": [1, 3]}, "optimizer.lr": {"choice": [0.1, 0.2]}}}
    )
    study = open_study(tmp_path / "journal", asked, ["maximize"])
    found = []
    while chosen := next_trial(study, asked):
        study.tell(chosen[0], 1.0)
        found.append(tuple(chosen[1].values()))
    assert found == [(seed, lr) for seed in (1, 2, 3) for lr in (0.1, 0.2)]


def test_values_whose_process_always_dies_are_a_trial_that_failed(tmp_path: Path) -> None:
    asked = Tune.model_validate({"search": "random", "space": {"trainer.seed": {"int": [1, 300]}}})
    study = open_study(tmp_path / "journal", asked, ["maximize"])
    tries = 0
    while not finished(study) and tries < 20:
        begun = next_trial(study, asked)
        assert begun is not None
        cut_off(study, study.get_trials()[begun[0].number])
        tries += 1
    assert tries == 5
    (one,) = finished(study)
    assert (place_of(one), one.state.name) == (0, "FAIL")
    assert "died, 5 times" in one.user_attrs["reason"]
    after = next_trial(study, asked)
    assert after is not None
    assert after[0].user_attrs["place"] == 1


def test_every_kind_of_value_is_drawn_within_its_ends(tmp_path: Path) -> None:
    space = {
        "optimizer.lr": {"log": [1e-4, 1e-2]},
        "optimizer.momentum": {"range": [0.1, 0.9]},
        "trainer.batch_size": {"log_int": [8, 256]},
        "trainer.seed": {"int": [1, 3]},
        "trainer.gradient_clip": {"step": [0.5, 2, 0.25]},
        "architecture.hidden": {"choice": [[64], [128, 64]]},
    }
    asked = Tune.model_validate({"search": "random", "space": space})
    study = open_study(tmp_path / "journal", asked, ["maximize"])
    drawn: dict[str, list[Any]] = {path: [] for path in space}
    for _ in range(40):
        begun = next_trial(study, asked)
        assert begun is not None
        study.tell(begun[0], 1.0)
        for path, value in begun[1].items():
            drawn[path].append(value)
    assert all(1e-4 <= value <= 1e-2 for value in drawn["optimizer.lr"])
    assert sum(value < 1e-3 for value in drawn["optimizer.lr"]) > 10  # by its order of magnitude: half of them
    assert all(0.1 <= value <= 0.9 for value in drawn["optimizer.momentum"])
    assert all(8 <= value <= 256 and isinstance(value, int) for value in drawn["trainer.batch_size"])
    assert sum(value < 46 for value in drawn["trainer.batch_size"]) > 10
    assert set(drawn["trainer.seed"]) == {1, 2, 3}
    assert set(drawn["trainer.gradient_clip"]) <= {0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0}
    assert len(set(drawn["trainer.gradient_clip"])) > 3
    assert [value for value in ([64], [128, 64]) if value not in drawn["architecture.hidden"]] == []
