"""The DVC stage `export` of a model; see mlops/workloads/training/export.py for what it reads and writes."""

from mlops.workloads.stage import run_stage
from mlops.workloads.training.export import export

if __name__ == "__main__":
    run_stage(export)
