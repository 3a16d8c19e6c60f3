"""What README and the notebook of docs/ show of the reference project works as printed."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from tests.e2e.conftest import KEY, ROOT, Workplace


def test_requests_of_readme_are_answered(flights: Workplace) -> None:
    secrets = flights.root / ".mlops" / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "DELAY_API_KEY").touch(mode=0o600)
    (secrets / "DELAY_API_KEY").write_text(KEY + "\n")
    url = flights.status()["endpoint.delay"]["url"]
    printed = re.findall(r"^curl (?:.*\\\n)*.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(printed) == 2
    answers = []
    for command in printed:
        assert "http://127.0.0.1:8080/delay" in command
        done = flights.run("sh", "-c", command.replace("http://127.0.0.1:8080/delay", url))
        answers.append(json.loads(done.stdout))
    prediction, documentation = answers
    assert len(prediction["predictions"]) == 1, prediction
    assert "/predict" in documentation["paths"]


def test_commands_of_readme_do_what_it_says(flights: Workplace) -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for language, block in blocks if not language for line in block.splitlines()]
    plans, ran = [], []
    for line in lines:
        if line.startswith("$EDITOR conf/endpoint/delay.yaml"):
            flights.edit("conf/endpoint/delay.yaml", "replicas: 2", "replicas: 3")
        elif line.startswith("mlops "):
            words = shlex.split(line, comments=True)[1:]
            asked = ["--yes"] if words in (["apply"], ["destroy"]) else []
            done = flights.mlops(*words, *asked, code=2 if "--detailed-exitcode" in words else 0)
            ran.append(words[0])
            plans += [done.stdout] if words == ["plan"] else []
    flights.edit("conf/endpoint/delay.yaml", "replicas: 3", "replicas: 2")
    flights.mlops("apply", "--yes")
    assert ran == ["plan", "plan", "plan", "apply", "status", "destroy", "plan", "show", "apply"]
    assert plans[0].startswith("No changes.")
    assert re.findall("REDEPLOY|RECONFIGURE|RESCALE|RETRAIN", plans[1]) == ["RESCALE"]


def test_notebook_of_docs_runs_from_its_first_cell_to_its_last(flights: Workplace, tmp_path: Path) -> None:
    notebook = nbformat.read(flights.root / "docs" / "notebook.ipynb", as_version=4)
    kernels = KernelSpecManager(kernel_dirs=[str(write_kernel(tmp_path))])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels)
    client = NotebookClient(
        notebook, timeout=600, km=manager, resources={"metadata": {"path": str(flights.root / "docs")}}
    )
    client.execute(env=flights.env)
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert "No changes." in shown[1][0].data["text/html"]
    assert "RETRAIN" in shown[2][0].data["text/html"]
    assert "column hour" in "".join(output.get("text", "") for output in shown[9])
    assert shown[-1][0].data["text/plain"] == "Nothing to apply. The world matches conf/."


def write_kernel(folder: Path) -> Path:
    """Describe this interpreter as a kernel; the one that a machine has under this name may be any."""
    (folder / "python3").mkdir()
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (folder / "python3" / "kernel.json").write_text(json.dumps(spec))
    return folder
