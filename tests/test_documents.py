"""The documents are correct: links lead somewhere, commands exist, tables match the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pipelines.cli import COMMANDS, truecost
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from tests import rooms, source_table

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file()
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def code(text: str) -> list[str]:
    """Return the commands of a document: lines of code blocks, and text in backticks."""
    text = re.sub(r"^```mermaid\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
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
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in inside if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_command_and_target_that_a_document_names_exists(document: Path) -> None:
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


def test_a_wrong_command_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost offers H100 --nope")
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost fly")
    with pytest.raises(click.UsageError):
        refuse_unknown("truecost lake fly")


def test_the_picture_of_the_rooms_is_that_of_the_code() -> None:
    text = rooms.PAGE.read_text(encoding="utf-8")
    assert text == rooms.page_with(rooms.block()), "run: python -m tests.rooms"


def test_a_new_import_between_rooms_would_be_found() -> None:
    imports = {"site": {"answers"}, "answers": {"sources"}, "sources": set[str]()}
    assert rooms.without_detours(imports | {"site": {"answers", "sources"}}) == imports
    assert rooms.room_of("pipelines.capture.http.client") == "capture"


@pytest.mark.parametrize("page", source_table.PAGES, ids=lambda page: page.name)
def test_the_table_of_sources_is_that_of_the_code(page: Path) -> None:
    made = source_table.written(page)
    assert page.read_text(encoding="utf-8") == made, "run python -m tests.source_table"


def licence_row(source: Source) -> str:
    """Return the row of a source in DATA_LICENSES.md, as its declaration says."""
    state = f"no: {source.disabled_reason}" if source.disabled_reason else "yes"
    name = f"[{source.source_id}]({source.homepage_url})"
    return f"| {name} | {source.kind} | {source.licence} | {source.credit} | {state} |"


def test_every_source_has_its_one_row_in_the_licences() -> None:
    text = (ROOT / "DATA_LICENSES.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| \[.+$", text, re.MULTILINE)
    declared = [licence_row(source) for source in all_sources().values()]
    missing = "\n".join(row for row in declared if row not in table)
    assert not missing, f"DATA_LICENSES.md needs these rows:\n{missing}"
    assert table == declared, "DATA_LICENSES.md has rows that no source declares, or another order"


PATH = re.compile(r"(?:cost_engine|warehouse|pipelines|truecost|tests|benchmarks|docs)/[\w./-]+")
MADE_BY_RUNNING = ("warehouse/data",)
TEST_FUNCTIONS = {
    name
    for path in ROOT.glob("tests/**/test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def missing(text: str) -> list[str]:
    """Return the files, modules and tests that a text names and that do not exist."""
    parts = [part for line in code(text) for part in line.split()]
    paths = [part.split("::")[0] for part in parts if PATH.fullmatch(part.split("::")[0])]
    modules = re.findall(r"python -m ((?:tests|warehouse|pipelines)[\w.]*)", text)
    tests = [part.split("::")[-1] for part in parts if re.fullmatch(r"(.*::)?test_\w+", part)]
    return [
        *(path for path in paths if not path.startswith(MADE_BY_RUNNING)
          and not (ROOT / path).exists()),
        *(name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()),
        *(name for name in tests if name not in TEST_FUNCTIONS),
    ]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_file_module_and_test_that_a_document_names_exists(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8")) == []


def test_a_missing_file_module_or_test_would_be_found() -> None:
    text = "`pipelines/nope.py` `tests/test_documents.py::test_nope`\n`python -m tests.nope`"
    assert missing(text) == ["pipelines/nope.py", "tests.nope", "test_nope"]
