"""Questions from other programs: the answer of a command as one object, within limits.

``serve`` and ``mcp`` ask here. A question runs in a child process (``pipelines.child``), so that it
can take neither the memory nor the time of the server, and a statement in SQL in the child of
``truecost sql``, which can also write and read nothing. Options that name a file of this machine do
not exist for those who ask from outside.
"""

from __future__ import annotations

import importlib
import io
import json
import queue
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pipelines.child.limits import LimitError, Limits
from pipelines.child.process import BoundedChild
from pipelines.commands.handover import Answered, handed_over, options_of
from pipelines.commands.opening import published
from pipelines.commands.sql import pass_on, running
from pipelines.commands.sql_child import Question
from warehouse.database import OutOfMemoryError
from warehouse.paths import Home
from warehouse.reports import report_dicts
from warehouse.rows import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

# Commands whose answer is rows or one object of the published file.
ASKED = (
    "offers", "quote", "compare", "index", "flop", "infer", "api", "fit", "train", "trend",
    "budget", "napkin", "own-vs-rent", "reserve", "why", "status",
)  # fmt: skip
MOST_ROWS = 10_000
MOST_BYTES = 16 * 2**20
MOST_PARAMETERS = 64
MOST_CHARACTERS = 10_000  # of one parameter
SECONDS = 60.0
LIMITS = Limits(
    memory_bytes=4 * 2**30,  # address space; DuckDB and numpy reserve more than they use
    cpu_seconds=60,
    wall_seconds=SECONDS,
    result_bytes=MOST_BYTES,
)
SQL_SECONDS = 20.0
SQL_MEMORY_BYTES = 2**30
YES, NO = ("", "1", "true", "yes"), ("0", "false", "no")

Parameters = Mapping[str, Sequence[str]]


class QuestionError(ValueError):
    """A question that is refused: one line that says what exists or works."""


class Asker:
    """Answers questions on the data folder; what is published meanwhile is read.

    Parameters
    ----------
    child_count : int
        Questions that are answered at once; others wait.
    most_rows : int
        Of one answer.
    """

    def __init__(self, child_count: int = 2, most_rows: int = MOST_ROWS) -> None:
        self._child_count = child_count
        self._most_rows = most_rows
        self._children: queue.SimpleQueue[BoundedChild] = queue.SimpleQueue()
        for _ in range(child_count):
            self._children.put(BoundedChild(prepare=[_load], raises=[QuestionError]))

    def close(self) -> None:
        """End the processes."""
        for _ in range(self._child_count):
            self._children.get().close()

    def ask(self, name: str, parameters: Parameters) -> dict[str, Any]:
        """Return the answer to a question: rows or one object, with its moment and how to cite it.

        Parameters
        ----------
        name : str
            A command (``ASKED``) or ``sql``.
        parameters : mapping of str to list of str
            Its arguments and options by their names without dashes; several values where it
            takes several.

        Raises
        ------
        QuestionError
            If the command refuses, or a limit is passed.
        """
        if name == "sql":
            return self._sql(parameters)
        answer: dict[str, Any] = json.loads(
            self._call(answered, name, dict(parameters), self._most_rows)
        )
        return answer

    def page(self, name: str, parameters: Parameters) -> str:
        """Return a text that other programs read: ``metrics``, or a page of OpenCost's prices.

        Raises
        ------
        QuestionError
            As ``ask``.
        """
        return str(self._call(page, name, dict(parameters)))

    def publication(self) -> dict[str, Any]:
        """Return what the published file is: run, version, time, licence, how to cite it.

        Raises
        ------
        QuestionError
            If there is no published file, or it cannot be read.
        """
        found: dict[str, Any] = self._call(publication)
        return found

    def _call(self, function: Any, *arguments: Any) -> Any:
        child = self._children.get()
        try:
            return child.call(LIMITS, function, *arguments)
        except LimitError as error:
            raise QuestionError(f"the question {error}: narrow it") from None
        finally:
            self._children.put(child)

    def _sql(self, parameters: Parameters) -> dict[str, Any]:
        unknown = parameters.keys() - {"query", "as_of", "known_on"}
        if unknown or len(parameters.get("query", ())) != 1:
            raise QuestionError("sql takes query, and as_of and known_on where wanted")
        [query] = parameters["query"]
        as_of, known_on = (next(iter(parameters.get(n, ())), None) for n in ("as_of", "known_on"))
        question = Question(
            query=query, output="json", seconds=SQL_SECONDS, rows=self._most_rows,
            memory_bytes=SQL_MEMORY_BYTES, threads=1, as_of=as_of,
            known_on=known_on,
        )  # fmt: skip
        with _refusing():
            printed = _Bounded()
            with running(question, is_file=True) as child:
                pass_on(child, printed, SQL_SECONDS)
        rows = json.loads(printed.getvalue())
        return {
            "command": "sql", "parameters": dict(parameters), "rows": rows,
            "publication": self.publication(),
        }  # fmt: skip


class _Bounded(io.BytesIO):
    """An answer in memory, up to a limit."""

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > MOST_BYTES:
            raise click.UsageError(f"the answer has over {MOST_BYTES} bytes: narrow it")
        return super().write(piece)


def answered(name: str, parameters: Parameters, most_rows: int) -> str:
    """Return the answer of a command as JSON; runs in the child.

    Raises
    ------
    QuestionError
        See ``Asker.ask``.
    """
    if name not in ASKED:
        raise QuestionError(f"no question {name!r}; there are: {', '.join([*ASKED, 'sql'])}")
    with _refusing():
        values, options = typed(command_of(name), parameters)
        found = handed_over(command_of(name), Home.from_environment(), values, options)
    return json.dumps(
        {"command": name, "parameters": dict(parameters)}
        | plain(_content(found, most_rows))
        | plain(found.facts)
        | {"publication": publication()}
    )


def page(name: str, parameters: Parameters) -> str:
    """Return a text for other programs; runs in the child.

    Raises
    ------
    QuestionError
        See ``Asker.page``.
    """
    from pipelines.commands.export import PAGES, text_of

    if name not in PAGES:
        raise QuestionError(f"no page {name!r}; there are: {', '.join(PAGES)}")
    asked = {key: values[-1] for key, values in parameters.items() if values}
    with _refusing(), published(is_dated=False) as connection:
        return text_of(name, connection, asked)


def publication() -> dict[str, Any]:
    """Return what the published file is; runs in the child.

    Raises
    ------
    QuestionError
        See ``Asker.publication``.
    """
    with _refusing(), published(is_dated=False) as connection:
        [found] = report_dicts(connection, "publication")
    told: dict[str, Any] = plain(found)
    return told


def command_of(name: str) -> click.Command:
    """Return a command by its name."""
    module = importlib.import_module(f"pipelines.commands.{name.replace('-', '_')}")
    command: click.Command = getattr(module, name.replace("-", "_"))
    return command


def parameters_of(name: str) -> dict[str, click.Parameter]:
    """Return what may be asked of a command from outside, by name: no files, no format."""
    return {
        parameter.name: parameter
        for parameter in command_of(name).params
        if parameter.name and parameter.name != "output" and _is_for_others(parameter)
    }


def typed(command: click.Command, parameters: Parameters) -> tuple[list[str], dict[str, Any]]:
    """Return the values of a command's arguments, and its options.

    Raises
    ------
    Refused
        If a parameter names a file of this machine, or is no switch where one is wanted.
    """
    if len(parameters) > MOST_PARAMETERS:
        raise click.UsageError(f"more than {MOST_PARAMETERS} parameters")
    left = {name.replace("-", "_"): list(values) for name, values in parameters.items()}
    if any(len(value) > MOST_CHARACTERS for values in left.values() for value in values):
        raise click.UsageError(f"a parameter has more than {MOST_CHARACTERS} characters")
    values: list[str] = []
    for argument in command.params:
        if isinstance(argument, click.Argument) and argument.name in left:
            values += left.pop(argument.name)
    known = options_of(command)
    options: dict[str, Any] = {}
    for name, given in left.items():
        option = known.get(name)
        if option is not None and (not _is_for_others(option) or option.name == "output"):
            raise click.UsageError(f"{name} is for the command line alone")
        if option is not None and option.is_flag:
            options[name] = _switch(name, given)
        else:
            options[name] = given if option is None or option.multiple else given[-1]
    return values, options


def _switch(name: str, given: Sequence[str]) -> bool:
    value = given[-1].lower()
    if value not in YES + NO:
        raise click.UsageError(f"{name} is a switch: give true or false")
    return value in YES


def _is_for_others(parameter: click.Parameter) -> bool:
    return not isinstance(parameter.type, (click.Path, click.File))


def _content(found: Answered, most_rows: int) -> dict[str, Any]:
    if found.document is not None:
        return {"answer": found.document}
    if len(found.rows) > most_rows:
        raise QuestionError(
            f"the answer has more than {most_rows:,} rows: narrow it, or give limit"
        )
    return {"rows": [dict(zip(found.columns, row, strict=True)) for row in found.rows]}


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what the commands refuse into one line."""
    try:
        yield
    except click.ClickException as error:
        line = error.format_message().partition(", or give --")[0]  # options of the command line
        raise QuestionError(line) from None
    except OutOfMemoryError as error:
        raise MemoryError from error  # the child says which limit


def _load() -> None:
    """Load what questions need, before their limits count."""
    for name in ASKED:
        command_of(name)
