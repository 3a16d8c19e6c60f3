"""The room for what runs in a training pod: python -m mlops.workloads.pod

Lives here: pulling data, running stages alone or with other pods, pushing what they made, the report.
Not here: what a stage does (pipelines/), who starts pods and takes their report (kinds).
Law: data come and go by digest, through the DVC remote; whatever happens, the last word is one JSON object.
"""
