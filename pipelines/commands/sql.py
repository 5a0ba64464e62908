"""``truecost sql``: a question in SQL to the published file, read-only."""

from __future__ import annotations

import sys
from typing import Any

import click
import duckdb

from pipelines.commands import Refused
from pipelines.commands.answer import FORMATS, print_rows
from pipelines.commands.published import past_options, published, refuse_duckdb
from pipelines.past import Past


@click.command()
@click.argument("query")
@click.option(
    "--format",
    "output",
    type=click.Choice([*FORMATS, "parquet"]),
    default="table",
    show_default=True,
    help="How to print; parquet writes bytes to standard output or to --out.",
)
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Write to this file.")
@past_options
def sql(query: str, output: str, out: str | None, past: Past | None) -> None:
    """Ask the published warehouse one question in DuckDB SQL.

    The tables: core.gpu, core.offer_price, marts.offers_latest, marts.gpu_price_daily,
    marts.cost_per_flop, marts.inference_cost, marts.training_cost, meta.column (all of them, each
    column with its unit). The query cannot write, and cannot read files of this machine.

    \b
    truecost sql "from marts.offers_latest where gpu_id = 'H100-SXM-80GB' limit 5"
    truecost sql "from marts.cost_per_flop where precision = 'fp8'" --as-of 2026-08-01 --json
    """
    with published(past, is_confined=True) as connection:
        try:
            if len(connection.extract_statements(query)) > 1:
                raise Refused("one question at a time, please: this is more than one statement")
            answer = connection.sql(query)
            if answer is None:
                raise Refused("the query returns no rows; ask with select or from")
            if output == "parquet":
                write_parquet(answer, out)
                return
            columns, rows = answer.columns, answer.fetchall()
        except duckdb.Error as error:
            raise refuse_duckdb(error, connection) from error
    if out:
        with click.open_file(out, "w", encoding="utf-8") as file:
            stdout, sys.stdout = sys.stdout, file  # type: ignore[assignment]
            try:
                print_rows(columns, rows, output)
            finally:
                sys.stdout = stdout
    else:
        print_rows(columns, rows, output)


def write_parquet(answer: Any, out: str | None) -> None:
    """Write a relation as Parquet to a file, or to standard output."""
    import pyarrow.parquet

    if out is None and sys.stdout.isatty():
        raise Refused("parquet is not for a screen: redirect it, or give --out FILE.parquet")
    pyarrow.parquet.write_table(
        answer.to_arrow_table(), out or sys.stdout.buffer, compression="zstd"
    )
