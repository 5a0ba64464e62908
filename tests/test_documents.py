"""What the documents say can be done: links lead somewhere, commands and targets exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pipelines.cli import COMMANDS, truecost

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file()
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def code(text: str) -> list[str]:
    """Return the commands of a document: lines of code blocks, and what stands in backticks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.strip().removeprefix("$ ") for line in lines] + re.findall(r"`([^`\n]+)`", text)


def refuse_unknown(line: str) -> None:
    """Raise click's own error where a command of ours has no such name or option."""
    words = shlex.split(line, comments=True)[1:]
    for end in ("|", ">", "&&", ";"):
        words = words[: words.index(end)] if end in words else words
    command: click.Command = truecost
    context = click.Context(truecost, info_name="truecost")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if command is truecost and words[0] not in COMMANDS:
            raise click.UsageError(f"no command {words[0]}")
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]}")
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    command.make_parser(context).parse_args(list(words))


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_link_inside_the_project_leads_somewhere(document: Path):
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in inside if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_command_and_target_that_a_document_names_exists(document: Path):
    wrong = []
    for line in code(document.read_text()):
        if line.startswith("make "):
            wrong += [word for word in line.split("#")[0].split()[1:] if word not in TARGETS
                      and "=" not in word]  # fmt: skip
        elif re.match(r"(\.venv/bin/)?truecost [a-z-]", line):
            try:
                refuse_unknown(line)
            except (click.UsageError, ValueError) as error:
                wrong.append(f"{line}: {error}")
    assert wrong == []


def test_a_wrong_command_would_be_found():
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost offers H100 --nope")
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost fly")
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost lake fly")
