"""A project with every form of DVC's language that is understood here: six stages in three layers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stages import repository

NAMES = ("split@a", "split@ä-b", "join", "measure", "plot", "pack")
DVC_YAML = """\
vars:
  - params/index.json
stages:
  split:
    foreach: ${split}
    do:
      cmd: mkdir -p parts/${key}/deep && cp in/${item.file} parts/${key}/one.txt && cp in/${item.file} "parts/${key}/deep/yes ü.txt"
      deps:
        - in/${item.file}
      params:
        - params/split.json:
            - words
      outs:
        - parts/${key}
  join:
    cmd: cat parts/a/one.txt parts/ä-b/one.txt > joined.txt
    deps:
      - parts/a
      - parts/ä-b
    outs:
      - joined.txt
  measure:
    cmd: wc -c < joined.txt > metrics.json
    deps:
      - joined.txt
    params:
      - params/measure.json:
          - on
          - size
    metrics:
      - metrics.json:
          cache: false
  plot:
    cmd: mkdir -p plots && cp joined.txt plots/curve.csv
    deps:
      - joined.txt
    plots:
      - plots:
          cache: false
  pack:
    cmd: mkdir -p out && cat joined.txt metrics.json > out/pack.bin && chmod +x out/pack.bin
    deps:
      - joined.txt
      - metrics.json
    outs:
      - out/pack.bin
"""
WORDS = {
    "yes": "yes",
    "no": "on",
    "012": "012",
    "1_000": "1e3",
    "long": "x " * 60,
    "lines": "a\nb\n",
    "n": None,
    "f": 1e-06,
}


def graph(root: Path) -> Path:
    repository(root)
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "in").mkdir()
    (root / "params").mkdir()
    (root / "in" / "1.txt").write_text("one\n")
    (root / "in" / "2.txt").write_text("two\n")
    params = {
        "index": {"split": {"a": {"file": "1.txt"}, "ä-b": {"file": "2.txt"}}},
        "split": {"words": WORDS, "other": 1},
        "measure": {"size": [1, 2.5, "2013-01-01"], "on": True, "other": 1},
    }
    for name, content in params.items():
        (root / "params" / f"{name}.json").write_text(json.dumps(content))
    return root
