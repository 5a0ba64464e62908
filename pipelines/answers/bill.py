"""A bill compared with the market, by service and region.

Reading the file and asking in order belongs here. Its columns belong to ``bill_columns``, its GPUs
to ``bill_gpus``, its tokens to ``bill_tokens``, its items and their market prices to
``warehouse/sql/reports/bill*.sql``. Files are only read; printing belongs to the command.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from cost_engine.units import SECONDS_PER_HOUR
from pipelines.answers.as_of import Past, open_past
from pipelines.answers.bill_columns import BillError, layout_of, printed_twice, selection
from pipelines.answers.bill_gpus import Line, Names, identify
from pipelines.answers.bill_tokens import Models, TokenLine
from pipelines.answers.bill_tokens import identify as identify_tokens
from pipelines.answers.foreign_file import ForeignFileError, read_foreign
from pipelines.answers.price_book import OwnPrice
from pipelines.child import limits as child
from warehouse.confinement import Limits
from warehouse.database import DataFolderError, open_published
from warehouse.paths import Home
from warehouse.reports import ReportRows, report, run_report
from warehouse.rows import identifier, plain

UNUSED = "unused capacity of a commitment"  # a reason of reports/bill.sql
MEMORY_BYTES = 2**31
SECONDS = 120


@dataclass(frozen=True)
class Comparison:
    """The lines of a bill beside the market: one line a service, region, GPU and way of buying."""

    columns: tuple[str, ...]
    rows: list[list[Any]]  # values as in JSON
    is_compared: int  # items that have a market price
    items: int


def compare(
    home: Home,
    path: Path,
    past: Past | None = None,
    *,
    prices: Sequence[OwnPrice] = (),
    is_by_token: bool = False,
    memory_bytes: int = MEMORY_BYTES,
    seconds: float = SECONDS,
) -> Comparison:
    """Compare a bill with the market, in a child process.

    Parameters
    ----------
    home : Home
        The data folder, whose published file has the market.
    path : Path
        CSV or Parquet with the columns of FOCUS, or of an export of AWS, Azure or Google Cloud;
        costs in US dollars.
    past : Past, optional
        The past whose market is taken.
    prices : sequence of OwnPrice
        Prices of one's own, each on its days instead of the market's.
    is_by_token : bool
        Whether what AI services bill by the token is compared, in place of GPUs.
    memory_bytes : int
        What reading and comparing may use.
    seconds : float
        How long it may take. [s]

    Raises
    ------
    BillError
        If the file cannot be read, passes a limit, or a column is missing.
    DataFolderError
        If the published file cannot be opened.
    """
    of_call = child.Limits(
        # The address space holds what DuckDB does not count, too.
        memory_bytes=memory_bytes * 3 // 2 + 2**29,
        cpu_seconds=math.ceil(seconds),
        wall_seconds=seconds * 2,
    )
    try:
        found = read_foreign(
            path, compared, home, past, Limits(memory_bytes=memory_bytes, threads=1),
            [asdict(one) | {"row_number": number} for number, one in enumerate(prices)],
            is_by_token, raises=[BillError, DataFolderError], limits=of_call,
        )  # fmt: skip
    except ForeignFileError as error:
        raise BillError(str(error)) from None
    columns, rows = found
    reason, count = columns.index("reason"), columns.index("items")
    items = sum(row[count] for row in rows)
    is_compared = sum(row[count] for row in rows if row[reason] is None)
    return Comparison(tuple(columns), rows, is_compared, items)


def compared(
    path: Path,
    home: Home,
    past: Past | None,
    limits: Limits,
    prices: Sequence[Mapping[str, Any]] = (),
    is_by_token: bool = False,
) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of the comparison, values as in JSON; runs in the child."""
    with open_published(home, limits, folders=[path.parent]) as now:
        opened = nullcontext(now) if past is None else open_past(now, past)
        try:
            with opened as connection:
                answer = compare_in(connection, path, prices, is_by_token)
        except duckdb.OutOfMemoryException as error:
            raise MemoryError from error
    return list(answer.columns), [[plain(value) for value in row] for row in answer.rows]


def compare_in(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    prices: Sequence[Mapping[str, Any]] = (),
    is_by_token: bool = False,
) -> ReportRows:
    """Compare a bill with the market of an open file, in which only temporary tables are made."""
    keep(connection, "bill_price", report("bill_price").select, {"prices": json.dumps(prices)})
    texts = load(connection, path)
    layout = layout_of(texts)
    connection.execute(f"create or replace temp view bill_named as {selection(texts)}")
    keep(connection, "bill_text", report(f"bill_text_{layout.name}").select)
    # A bill is long: one form of its lines is dropped as soon as the next is there.
    connection.execute("drop view bill_named; drop table bill_file")
    units = {"seconds_per_hour": SECONDS_PER_HOUR}
    keep(connection, "bill_item", report("bill_item").select, units)
    connection.execute("drop table bill_text")
    keep(connection, "bill_provider", report("bill_provider").select)
    find_tokens(connection)
    if is_by_token:
        return run_report(connection, "bill_tokens")
    find_gpus(connection)
    return run_report(connection, "bill")


def keep(
    connection: duckdb.DuckDBPyConnection, table: str, select: str, parameters: Any = None
) -> None:
    """Keep the rows of a select as a temporary table of this connection."""
    connection.execute(f"create or replace temp table {table} as {select}", parameters)


def load(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Load the file into ``bill_file`` and return how each of its columns is read as text."""
    if re.search(r"[*?\[\]]", str(path)):
        raise BillError(f"{path.name}: a name with * ? [ ] matches many files; rename it")
    is_parquet = path.suffix.lower() == ".parquet"
    if path.stat().st_size == 0:
        raise BillError(f"{path.name} is empty")
    reader = "read_parquet(?)" if is_parquet else CSV
    try:
        connection.execute(f"create or replace temp table bill_file as from {reader}", [str(path)])
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        if "unicode" in str(error).lower() or "utf-8" in str(error).lower():
            raise BillError(f"{path.name} is not UTF-8: save it as UTF-8") from None
        raise BillError(
            f"{path.name} is neither CSV nor Parquet that can be read: {first}"
        ) from None
    table = connection.table("bill_file")
    if twice := printed_twice(table.columns):
        raise BillError(f"{path.name}: two columns are called {twice}: delete one")
    texts: dict[str, str] = {}
    for name, kind in zip(table.columns, table.types, strict=True):
        texts |= as_text(name, identifier(name), kind)
    return texts


def as_text(name: str, value: str, kind: Any) -> dict[str, str]:
    """Return how a column is read as text: fields of a struct apart, lists and maps as JSON.

    Examples
    --------
    >>> as_text("sku", '"sku"', duckdb.dtype("struct(id varchar, n integer[])"))
    {'sku.id': '"sku"."id"::varchar', 'sku.n': 'to_json("sku"."n")::varchar'}
    """
    if kind.id == "struct":
        fields: dict[str, str] = {}
        for field, inner in kind.children:
            fields |= as_text(f"{name}.{field}", f"{value}.{identifier(field)}", inner)
        return fields
    is_nested = kind.id in ("list", "array", "map")
    return {name: f"to_json({value})::varchar" if is_nested else f"{value}::varchar"}


def find_gpus(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the accelerators of each kind of line as ``bill_gpu``."""
    offers = {
        (provider_id, sku): (gpu_id, gpu_count)
        for provider_id, sku, gpu_id, gpu_count in run_report(connection, "bill_type").rows
    }
    names = Names.of(offers, dict(run_report(connection, "bill_spelling").rows))
    lines = [Line(*row) for row in run_report(connection, "bill_line").rows]
    found = [(line, identify(line, names)) for line in lines]
    named = [
        {
            **line._asdict(), "gpu_count_printed": line.gpu_count,
            "gpu_id": one.gpu_id, "gpu_count": one.gpu_count, "role": one.role,
        }
        for line, one in found if one.gpu_id
    ]  # fmt: skip
    keep(connection, "bill_gpu", report("bill_gpu").select, {"lines": json.dumps(named)})


def find_tokens(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the tokens of each kind of line as ``bill_token``."""
    models = Models.of(run_report(connection, "bill_model").rows)
    lines = [TokenLine(*row) for row in run_report(connection, "bill_token_line").rows]
    found = [(line, identify_tokens(line, models)) for line in lines]
    named = [line._asdict() | asdict(one) for line, one in found if one]
    keep(connection, "bill_token", report("bill_token").select, {"lines": json.dumps(named)})


def total(comparison: Comparison) -> Sequence[float]:
    """Return what was paid for the items compared, and what the market asks for them, in USD."""
    paid = comparison.columns.index("paid_usd")
    above = comparison.columns.index("above_usd")
    rows = [row for row in comparison.rows if row[above] is not None]
    spent = sum(float(str(row[paid])) for row in rows)
    return spent, spent - sum(float(str(row[above])) for row in rows)


def unused(comparison: Comparison) -> float:
    """Return what was paid for capacity that was not used, in USD."""
    paid, reason = comparison.columns.index("paid_usd"), comparison.columns.index("reason")
    return math.fsum(row[paid] or 0.0 for row in comparison.rows if row[reason] == UNUSED)


CSV = "read_csv(?, all_varchar = true, header = true, null_padding = true)"
