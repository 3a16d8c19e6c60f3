"""Documents that say what is there: rooms, files, decisions, links and commands, held against the checkout."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from mlops.cli.main import cli

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def rooms() -> list[str]:
    """Every folder with Python code of the product."""
    tops = [ROOT / "mlops", ROOT / "stacks", ROOT / "pipelines"]
    folders = {path.parent for top in tops for path in top.rglob("*.py")}
    return sorted(str(folder.relative_to(ROOT)) for folder in folders if folder != ROOT / "mlops")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("room", rooms())
def test_architecture_names_every_room(room: str) -> None:
    assert f"| `{room}/` |" in ARCHITECTURE, f"say in docs/architecture.md what lives in {room}/ and what it may import"


def test_every_file_that_architecture_names_exists() -> None:
    named = re.findall(r"\b(?:mlops|stacks|pipelines)/[a-z0-9_/]+\.py\b", ARCHITECTURE)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_decision_has_its_line_in_the_index() -> None:
    lines = (DECISIONS / "README.md").read_text().splitlines()
    for path in sorted(DECISIONS.glob("0*.md")):
        title = re.sub(r"^# (\d+\. )?", "", path.read_text().splitlines()[0])
        assert f"- [{path.name[:4]}]({path.name}) {title}" in lines


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in DECISIONS.glob("0*.md")]
    assert sorted(numbers) == [f"{number:04}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


def commands_of(page: Path) -> list[str]:
    """Every `mlops …` that a page prints, in a block or in a line."""
    text = page.read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = "\n".join(block for language, block in blocks if language in ("", "sh"))
    printed = re.findall(r"^(?:\$ )?(?:[A-Z]+=\$\()?(mlops [a-z][^#\n|)]*)", commands, re.MULTILINE)
    return [
        *printed,
        *re.findall(r"`(mlops [a-z][^`\n]*)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)),
    ]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_that_a_page_prints_is_accepted(page: Path) -> None:
    refused = {}
    for printed in commands_of(page):
        words = shlex.split(printed, comments=True)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group) and words:
            found = command.commands.get(words[0])
            if found is None:
                refused[printed] = f"there is no verb {words[0]}"
                break
            command, words = found, words[1:]
        else:
            try:
                command.make_parser(click.Context(command)).parse_args([word for word in words if word != "…"])
            except click.UsageError as error:
                refused[printed] = error.format_message()
    assert refused == {}
