"""The door to DVC.

Lives here: reading dvc.yaml and dvc.lock without DVC (reader), saying what must run (verdict), running it (run).
Not here: what a stage does (workloads).
Law: what is said here is what `dvc status` says.
"""
