"""The DVC stage `train` of a model; see mlops/workloads/training/train.py for what it reads and writes."""

from mlops.workloads.stage import run_stage
from mlops.workloads.training.train import train

if __name__ == "__main__":
    run_stage(train)
