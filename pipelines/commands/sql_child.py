"""The process that answers one question in SQL: it reads it, confines itself, and prints.

The answer goes to standard output. A refusal goes to standard error with exit status 2.
DuckDB and what prints are imported inside functions, so that the process that asks needs neither.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FORMATS = ("table", "csv", "json", "parquet")
BATCH_ROWS = 2048


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, how it is printed, and what it may use."""

    query: str
    output: str
    as_of: str | None
    known_on: str | None
    seconds: float
    rows: int
    memory_bytes: int
    threads: int


class TooManyRowsError(ValueError):
    """An answer with more rows than are allowed."""


def main() -> None:
    """Answer the question on standard input."""
    question = Question(**json.load(sys.stdin))
    import click

    from pipelines.text import one_line
    from warehouse.confinement import QueryRefusedError
    from warehouse.database import OutOfMemoryError

    try:
        answer(question)
        sys.stdout.flush()
    except click.ClickException as error:
        reason = error.format_message()
    except (QueryRefusedError, TooManyRowsError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename or 'the answer'}: {error.strerror or error}"
    except (MemoryError, OutOfMemoryError):
        reason = needs_memory(question)
    else:
        return
    sys.stderr.write(one_line(reason))
    sys.stderr.flush()
    sys.exit(2)


def answer(question: Question) -> None:
    """Run the query in this process, which is confined from then on, and print the answer."""
    from pipelines.commands.answer import print_rows
    from pipelines.commands.opening import past_of, published, refuse_duckdb
    from warehouse.confinement import Limits, admit, confine_process, confined
    from warehouse.database import DatabaseError, OutOfMemoryError

    limits = Limits(
        seconds=question.seconds,
        memory_bytes=question.memory_bytes,
        threads=question.threads,
    )
    if question.output == "parquet":
        import pyarrow.parquet  # noqa: F401  before the limits: it starts threads
    confine_process(limits)
    past = past_of(question.as_of, question.known_on)
    with published(past, limits=limits, is_dated=False) as connection:
        try:
            admit(confined(connection), question.query)
            found = connection.execute(question.query)
            if question.output == "parquet":
                write_parquet(found, question.rows)
                return
            columns = [column[0] for column in found.description or ()]
            rows = at_most(question.rows, found)
            print_rows(columns, rows, question.output)
        except OutOfMemoryError:
            raise
        except DatabaseError as error:
            raise refuse_duckdb(error, connection) from error


def at_most(limit: int, found: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an answer, batch by batch, up to a limit."""
    left = limit
    while batch := found.fetchmany(BATCH_ROWS):
        yield from batch[:left]
        left -= len(batch)
        if left < 0:
            raise TooManyRowsError(too_many_rows(limit))


def write_parquet(found: Any, limit: int) -> None:
    """Write an answer as Parquet to standard output, batch by batch, up to a limit of rows."""
    import pyarrow.parquet

    from pipelines.commands.answer import refuse_equal_names

    left = limit
    batches = found.to_arrow_reader(BATCH_ROWS * 32)
    refuse_equal_names(batches.schema.names)
    with pyarrow.parquet.ParquetWriter(
        sys.stdout.buffer, batches.schema, compression="zstd"
    ) as writer:
        for batch in batches:
            left -= batch.num_rows
            if left < 0:
                raise TooManyRowsError(too_many_rows(limit))
            writer.write_batch(batch)


def too_many_rows(limit: int) -> str:
    """Return the line that refuses an answer by its rows."""
    return f"the answer has more than {limit:,} rows: narrow it, or give --max-rows"


def needs_memory(question: Question) -> str:
    """Return the line that refuses a query by its memory."""
    return (
        f"the query needs over {question.memory_bytes // 2**20:,} MiB of memory: narrow it, or"
        " give --max-memory-mib"
    )
