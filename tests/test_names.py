"""One quantity, one name: no column, parameter, field or option goes by a name that is not legal.

The list is ``docs/names.md``: what a quantity is called, what it is never called, and the
exceptions with their reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from pipelines.cli import COMMANDS, truecost
from warehouse.models import SQL_FOLDER, read_models

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/names.md").read_text(encoding="utf-8")
PACKAGES = ("cost_engine", "warehouse", "pipelines", "truecost")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table of the page that has a heading."""
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


LEGAL = {quoted(name)[0] for _, name, *_ in rows("quantity")}
FORBIDDEN = {
    old: quoted(name)[0] for _, name, _, never in rows("quantity") for old in quoted(never)
}
EXCEPTIONS = {(quoted(where)[0], quoted(name)[0]) for where, name, _ in rows("where")}
FORMER = {
    (command, quoted(now)[0], old)
    for commands, now, formerly in rows("command")
    for command in quoted(commands)
    for old in quoted(formerly)
}


def ledger_columns() -> Iterator[tuple[str, str]]:
    """Yield (file, column) of the tables that SQL files create by their columns."""
    for path in sorted(SQL_FOLDER.glob("*.sql")):
        for body in re.findall(r"create table[^(]+\((.*?)\n\);", path.read_text(), re.DOTALL):
            for name in re.findall(r"(?:^|,)\s*\"?([a-z_0-9]+)\"? (?:[a-z]+)", body):
                yield path.relative_to(ROOT).as_posix(), name


def names_of(tree: ast.AST) -> Iterator[str]:
    """Yield every parameter and every field of a class in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            arguments = node.args
            for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                yield one.arg
        elif isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id


@cache
def python_names() -> frozenset[tuple[str, str]]:
    """Return (file, name) of every parameter and field."""
    return frozenset(
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in names_of(ast.parse(path.read_text(encoding="utf-8")))
    )


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command and every command of a group, by the words that call it."""
    context = click.Context(truecost, info_name="truecost")
    for name in COMMANDS:
        command = truecost.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                below = command.get_command(context, part)
                assert below is not None
                yield f"{name} {part}", below


def options() -> Iterator[tuple[str, click.Option]]:
    for name, command in commands():
        yield from ((name, one) for one in command.params if isinstance(one, click.Option))


def test_no_column_has_a_forbidden_name():
    columns = [(model.name, one.name) for model in read_models().values() for one in model.columns]
    assert [found for found in [*columns, *ledger_columns()] if found[1] in FORBIDDEN] == []


def test_no_parameter_and_no_field_has_a_forbidden_name():
    wrong = {found for found in python_names() if found[1] in FORBIDDEN} - EXCEPTIONS
    assert {(where, name, f"say {FORBIDDEN[name]}") for where, name in wrong} == set()


def test_no_option_has_a_forbidden_name():
    wrong = [
        (command, word)
        for command, option in options()
        for word in {option.name, *(one.lstrip("-").replace("-", "_") for one in option.opts)}
        if word in FORBIDDEN
        and word not in {"purchase", "goodput", "resale", "interest"}
        and (command, word) not in EXCEPTIONS
    ]
    assert wrong == []


@pytest.mark.parametrize("short", ["purchase", "goodput", "resale", "interest"])
def test_a_short_option_gives_its_parameter_the_whole_name(short):
    found = {option.name for _, option in options() if f"--{short}" in option.opts}
    assert found == {FORBIDDEN[short]}


def test_the_page_lists_the_former_names_of_options():
    former = {
        (command, option.opts[0], old)
        for command, option in options()
        for old in getattr(option, "formerly", ())
    }
    assert former == FORMER


def test_former_names_are_understood_and_not_shown():
    for name, command in commands():
        context = click.Context(command, info_name=name)
        text = command.get_help(context)
        parser = command.make_parser(context)
        for option in command.params:
            for old in getattr(option, "formerly", ()):
                assert not re.search(rf"{old}(?![-\w])", text)
                given, _, _ = parser.parse_args([old, "0.5"])
                assert option.name in given


def test_every_legal_name_is_used():
    columns = {one.name for model in read_models().values() for one in model.columns}
    unused = LEGAL - columns - {name for _, name in ledger_columns()}
    assert unused - {name for _, name in python_names()} - {"asked_at"} == set()
    assert "asked_at" in (SQL_FOLDER / "meta_views.sql").read_text()


def test_no_exception_is_stale():
    words = {(command, one.lstrip("-")) for command, option in options() for one in option.opts}
    assert set(python_names()) | words >= EXCEPTIONS


def test_one_unit_has_one_spelling():
    units = {one.unit for model in read_models().values() for one in model.columns if one.unit}
    assert not units & {"B", "bytes", "hour", "hours", "chip h", "GPU-h", "tokens", "months"}


def test_an_interval_says_its_level():
    """``low`` and ``high`` are not numbers that one can use without knowing how wide they are."""
    level = re.compile(r"\d+ %|percentile|bound|lowest|highest|published range|confidence")
    silent = [
        (model.name, one.name)
        for model in read_models().values()
        for one in model.columns
        if one.name in {"low", "high", "low_80", "high_80"} and not level.search(one.meaning)
    ]
    assert silent == []


def test_a_forbidden_name_would_be_found():
    tree = ast.parse("class A:\n    valid_at: int\ndef f(mfu, *, b=lambda watts: 1): ...")
    assert sorted(names_of(tree)) == ["b", "mfu", "valid_at", "watts"]
    assert set(names_of(tree)) & FORBIDDEN.keys() == {"mfu", "valid_at", "watts"}
