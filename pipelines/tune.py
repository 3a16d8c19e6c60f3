"""The DVC stage `tune` of a model; see mlops/workloads/tuning/tune.py for what it reads and writes."""

from mlops.workloads.stage import run_stage
from mlops.workloads.tuning.tune import tune

if __name__ == "__main__":
    run_stage(tune)
