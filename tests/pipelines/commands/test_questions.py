"""The twenty questions of docs/questions.md: each command and each query runs and has its shape."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pipelines.commands.conftest import Truecost
from warehouse.confinement import admit, confined
from warehouse.database import open_published
from warehouse.paths import Home

PAGE = Path(__file__).parents[3] / "docs" / "questions.md"
FORM = re.compile(
    r"^## (?P<number>\d+)\. (?P<question>[^\n]+)\n\n```sh\n(?P<command>[^\n]+)\n```\n"
    r"```sql\n(?P<query>.+?)\n```\nColumns: (?P<columns>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)


class Question(NamedTuple):
    number: str
    question: str
    command: str
    query: str
    columns: str


QUESTIONS = [Question(*found) for found in FORM.findall(PAGE.read_text(encoding="utf-8"))]


def test_there_are_twenty_questions() -> None:
    assert [int(question.number) for question in QUESTIONS] == list(range(1, 21))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.number)
def test_the_query_answers(question: Question, answers_home: Home) -> None:
    with confined(open_published(answers_home)) as connection:
        admit(connection, question.query)
        answer = connection.execute(question.query)
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
    assert ", ".join(columns) == question.columns
    assert rows
    numbers = [value for row in rows for value in row if isinstance(value, (int, float))]
    texts = [value for row in rows for value in row if isinstance(value, str)]
    assert numbers or texts


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.number)
def test_the_command_answers(question: Question, ask: Truecost) -> None:
    program, *arguments = shlex.split(question.command)
    assert program == "truecost"
    result = ask(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)


README = PAGE.parents[1] / "README.md"
EXAMPLES = re.findall(r"```sql\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("query", [one for block in EXAMPLES for one in block.split(";") if one])
def test_the_queries_of_the_readme_run(query: str, answers_home: Home) -> None:
    with confined(open_published(answers_home)) as connection:
        admit(connection, query)
        assert connection.execute(query).description
