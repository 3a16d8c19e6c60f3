"""How plans and applies grow with the number of resources.

Lives here: projects of trivial resources, here and in terraform, and their rows.
Not here: the reference project (plan), stages (stages).
Law: both have as many resources, each with one value, applied before a plan is measured.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from bench.command import BIN, Peer, costs_of, environment, row

BUDGETS = {20: 0.6, 1000: 1.0, 5000: 3.0}
APPLY_1000 = 3.0
MEMORY_5000 = 400.0
LINEAR = 6.0
_FILES = 10


def rows(repeat: int) -> list[dict[str, Any]]:
    terraform = shutil.which("terraform")
    if terraform is None:
        print("  terraform is not installed, so its side of the table stays empty", file=sys.stderr)
    told: list[dict[str, Any]] = []
    seconds: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        for count, budget in BUDGETS.items():
            folder = Path(name) / str(count)
            ours, theirs = _ours(folder / "ours", count), _theirs(folder / "theirs", count, terraform)
            costs = costs_of([_plan(ours), *([_terraform_plan(theirs, terraform)] if terraform else [])], repeat)
            seconds[count] = costs[0].seconds
            peer = costs[1] if terraform else None
            words = f"plan, no change, {count:,} resources"
            told.append(row(f"{words}, s (peer: terraform)", costs[0].seconds, peer and peer.seconds, budget))
            most = MEMORY_5000 if count == 5000 else None
            told.append(row(f"{words}, peak MB (peer: terraform)", costs[0].megabytes, peer and peer.megabytes, most))
        told.append(
            row("plan, 5,000 against 1,000 resources, times as long", seconds[5000] / seconds[1000], None, LINEAR)
        )
        told += _applies(Path(name), terraform, repeat)
    return told


def _applies(folder: Path, terraform: str | None, repeat: int) -> list[dict[str, Any]]:
    ours, theirs = folder / "1000" / "ours", folder / "1000" / "theirs"
    state = list((ours / ".mlops").glob("state.db*"))

    def forget() -> None:
        for path in state:
            path.unlink(missing_ok=True)

    peers = [Peer([str(BIN / "mlops"), "apply", "--yes"], ours, forget)]
    if terraform:
        words = [terraform, "apply", "-auto-approve", "-no-color"]
        peers.append(Peer(words, theirs, lambda: (theirs / "terraform.tfstate").unlink(missing_ok=True)))
    costs = costs_of(peers, repeat)
    peer = costs[1] if terraform else None
    return [
        row("apply of 1,000 resources, s (peer: terraform)", costs[0].seconds, peer and peer.seconds, APPLY_1000),
        row("apply of 1,000 resources, peak MB (peer: terraform)", costs[0].megabytes, peer and peer.megabytes),
    ]


def _plan(folder: Path) -> Peer:
    return Peer([str(BIN / "mlops"), "plan", "--detailed-exitcode"], folder)


def _terraform_plan(folder: Path, terraform: str) -> Peer:
    return Peer([terraform, "plan", "-detailed-exitcode", "-no-color"], folder)


def _ours(folder: Path, count: int) -> Path:
    """Applied: ten files that make `count` values, the first of each from the file before."""
    (folder / "conf" / "value").mkdir(parents=True)
    (folder / "conf" / "project.yaml").write_text("name: scale\n")
    share = count // _FILES
    for number in range(_FILES):
        lines = [f"value: ${{output:value.g{number - 1}-n0.value}}" if number else "value: 0", "for_each:"]
        lines += ["  n0: {}", *(f"  n{index}: {{ value: {index} }}" for index in range(1, share))]
        (folder / "conf" / "value" / f"g{number}.yaml").write_text("\n".join(lines) + "\n")
    subprocess.run(
        [BIN / "mlops", "apply", "--yes"], cwd=folder, env=environment(), check=True, capture_output=True
    )  # fmt: skip
    return folder


def _theirs(folder: Path, count: int, terraform: str | None) -> Path:
    """Initialised, with the state that an apply would have left: an apply of 5,000 would take minutes."""
    folder.mkdir(parents=True)
    blocks = [f'resource "terraform_data" "v{index}" {{\n  input = {index}\n}}\n' for index in range(count)]
    (folder / "main.tf").write_text("".join(blocks))
    if terraform is None:
        return folder
    subprocess.run([terraform, "init", "-no-color"], cwd=folder, check=True, capture_output=True)
    version = json.loads(subprocess.run([terraform, "version", "-json"], check=True, capture_output=True).stdout)
    resources = [
        {
            "mode": "managed", "type": "terraform_data", "name": f"v{index}",
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [{"schema_version": 0, "sensitive_attributes": [], "attributes": {
                "id": str(uuid.uuid4()), "input": {"value": index, "type": "number"},
                "output": {"value": index, "type": "number"}, "triggers_replace": None,
            }}],
        }
        for index in range(count)
    ]  # fmt: skip
    state = {
        "version": 4, "terraform_version": version["terraform_version"], "serial": 1, "lineage": str(uuid.uuid4()),
        "outputs": {}, "resources": resources, "check_results": None,
    }  # fmt: skip
    (folder / "terraform.tfstate").write_text(json.dumps(state, indent=2))
    return folder
