"""The DVC stage `evaluate` of a model; see mlops/workloads/training/evaluate.py for what it reads and writes."""

from mlops.workloads.stage import run_stage
from mlops.workloads.training.evaluate import evaluate

if __name__ == "__main__":
    run_stage(evaluate)
