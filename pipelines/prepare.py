"""The DVC stage `prepare`: params/dataset/NAME.json and its sources become data/NAME/."""

from mlops.workloads.data.prepare import prepare
from mlops.workloads.stage import run_stage

if __name__ == "__main__":
    run_stage(prepare)
