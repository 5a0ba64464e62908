"""What a number of GPUs for some months costs, provider by provider.

The select is ``warehouse/sql/reports/quote.sql``: list prices of whole instances, or by the GPU
where a provider sells them so. Asking and printing belong to the command.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from cost_engine.units import HOURS_PER_MONTH
from pipelines.answers.offers import PRIVATE
from warehouse.reports import ReportRows, run_report

SHOWN = (
    "provider_id", "purchase_model", "commitment_months", "usd_total", "usd_per_month",
    "usd_per_gpu_hour", "gpu_count", "is_joined", "region", "age_hours",
)  # fmt: skip

EXCLUDED = (
    "List prices. Not in them: tax, storage, traffic out, support, negotiated discounts; a"
    " commitment is paid to its end."
)


@dataclass(frozen=True)
class QuoteAsked:
    """What is wanted; None asks for any."""

    gpu_id: str
    gpu_count: int
    months_wanted: float
    purchase_model: str | None = None
    provider_id: str | None = None
    area: str | None = None
    every_contract: bool = False
    with_separate: bool = False  # also machines of one GPU each
    row_limit: int = 5


def quote(connection: duckdb.DuckDBPyConnection, asked: QuoteAsked) -> ReportRows:
    """Return the cheapest providers for what is wanted, each with its cheapest contract.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    asked : QuoteAsked
        What is wanted. [GPU, month]

    Returns
    -------
    ReportRows
        Cheapest provider first; empty where nobody has a fresh price. [USD]
    """
    return run_report(connection, "quote", hours_per_month=HOURS_PER_MONTH, **vars(asked))


def for_people(found: ReportRows) -> ReportRows:
    """Return the columns that people see, without those that say the same in every row."""
    hidden = set(found.columns) - set(SHOWN)
    if PRIVATE in {row[found.columns.index("source_id")] for row in found.rows}:
        hidden.discard("source_id")
    by_name = {name: [row[place] for row in found.rows] for place, name in enumerate(found.columns)}
    if not any(by_name["commitment_months"]):
        hidden.add("commitment_months")
    if all(by_name["is_joined"]):
        hidden.add("is_joined")
    return found.without(hidden)
