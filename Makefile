# Every target is also what CI runs. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help env demo test quick cluster test-cluster check fix golden formats reference verify fuzz crash bench lock clean

# The first interpreter that is really there and is 3.11 or 3.12; a version manager's shim may answer for neither.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
KEY := .mlops/secrets/DELAY_API_KEY
export PYTHONDONTWRITEBYTECODE :=
export DVC_NO_ANALYTICS := true
export BENTOML_DO_NOT_TRACK := True
export WHYLOGS_NO_ANALYTICS := 1
export PULUMI_SKIP_UPDATE_CHECK := true
export ORT_DISABLE_TELEMETRY := 1

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: .venv/.installed  ## make .venv/ and install what requirements.lock pins

# The stamp is written last, so an interrupted install is taken up again by the next call.
.venv/.installed: requirements.lock pyproject.toml setup.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 was not found. Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Environment: $(PYTHON) → .venv (the first time takes a minute or two: PyTorch is large)"
	@test -x $(BIN)/python && $(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' requirements.lock)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q mlops || true
	@touch $@

$(KEY):
	@mkdir -p $(@D) && chmod 700 $(@D)
	@umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24))' > $@

demo: env $(KEY)  ## real flights become a live, watched endpoint on this machine
	@echo "1/3  mlops apply: data, training, package, endpoint, monitor (about two minutes the first time)"
	@$(BIN)/mlops apply --yes
	@echo; echo "2/3  mlops invoke: three flights, asked about before they leave"
	@$(BIN)/mlops invoke endpoint.delay --rows docs/flights.json
	@echo; echo "3/3  mlops status"
	@$(BIN)/mlops status
	@echo; echo "Next:  source .venv/bin/activate"
	@echo "       mlops plan                                        # no changes"
	@echo "       mlops plan model.delay.trainer.max_epochs=5       # what one changed line means"
	@echo "       mlops why endpoint.delay                          # why it is as it is"
	@echo "       mlops destroy                                     # take it all down again"

# In processes side by side; what shares a server stays together (tests/conftest.py), and what takes longest begins first.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadscope
DURATIONS := --durations 10 --durations-min 1

test: env  ## all tests that need no cluster, the real programs end to end too: some thirty minutes on two cores
	@.ci/packages
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(DURATIONS) --ignore tests/cluster tests/e2e tests/fault tests/workloads tests

quick: env  ## the tests for the edit loop, a minute: all that are not marked slow
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -q -m "not slow" tests/unit tests/cases tests/errors tests/contract tests/architecture

test-cluster: env  ## the tests on a real Kubernetes control plane; the first time builds it from Go, some 20 minutes
	@tests/cluster/tools/build.sh >/dev/null
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(DURATIONS) tests/cluster

cluster: env  ## that control plane to try things on, until Ctrl-C
	@tests/cluster/tools/build.sh >/dev/null
	@$(BIN)/python -m tests.cluster

check: env  ## lint, types, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

fix: env  ## repair what lint and format can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

golden: env  ## rewrite the golden files of tests/cases and tests/errors; look at the difference before you commit
	@GOLDEN=write $(BIN)/python -m pytest -q -m "not slow" tests/cases tests/errors

formats: env  ## rewrite the tables of docs/formats.md from mlops/contracts
	@$(BIN)/python -m tests.formats

reference: env  ## rewrite docs/reference/ and conf/schema/ from the schemas
	@$(BIN)/mlops schema --format markdown --write && $(BIN)/mlops schema --write

verify: env  ## fail where golden files, the reference or params/ are out of date
	@$(BIN)/python -m pytest -q -m "not slow" tests/cases tests/errors tests/architecture/test_reference.py && $(BIN)/mlops render --check

fuzz: env  ## 10,000 broken specs: no traceback, no hang, no execution
	@FUZZ=$${FUZZ:-10000} $(BIN)/python -m pytest -q -s tests/errors/test_fuzzed_specs.py

crash: env  ## crash tests: kill applies at 300 random moments; each time the next one reaches the same world (an hour)
	@$(BIN)/python -u -m tests.e2e.kill values --kills 200
	@$(BIN)/python -u -m tests.e2e.kill flights --kills 50
	@tests/cluster/tools/build.sh >/dev/null && $(BIN)/python -u -m tests.cluster.kill --kills 50

bench: env $(KEY)  ## measure against the peers: one table, and bench/results.json
	@$(BIN)/python -m bench

lock: env  ## pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-emit-index-url --no-annotate --upgrade pyproject.toml -o requirements.lock

clean:  ## stop what runs, remove the environment and what was made
	@test ! -x $(BIN)/mlops || $(BIN)/mlops destroy --yes || true
	rm -rf .venv .mlops .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
