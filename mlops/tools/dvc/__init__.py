"""The door to DVC.

Lives here: reading dvc.yaml and dvc.lock without DVC (reader), deciding what must run (verdict), running it (run).
Not here: what a stage does (workloads).
Law: what is answered here is what `dvc status` answers.
"""
