"""The whole life of a model, declared in YAML, planned and applied.

Lives here: the package, with no import, so that any part of it can be imported alone.
Not here: code (see the rooms: spec, engine, kinds, tools, render, api, cli, workloads).
Law: importing `mlops` costs nothing.
"""
