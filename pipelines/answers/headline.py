"""The figures that a run prints at its end: the cheapest offers and three cost tables.

The selects are ``warehouse/sql/reports/headline_*.sql``; printing belongs to the commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb

from warehouse.models import table_exists
from warehouse.reports import ReportRows, run_report

MAIN_MODELS = (
    "llama-3.1-8b",
    "llama-3.3-70b",
    "llama-3.1-405b",
    "gpt-oss-120b",
    "qwen3-235b-a22b",
    "deepseek-r1",
    "kimi-k2.5",
)
# Report: the table without which it is left out, and its title.
COSTS = {
    "headline_flop": (
        "marts.cost_per_flop",
        "Renting operations: USD per 10^18 dense BF16 FLOP, on demand, neoclouds, US;"
        " 3 providers or more; lower is better",
    ),
    "headline_inference": (
        "marts.inference_cost",
        "Serving: USD per 1,000 tokens on the cheapest set on offer, chat at 25 tokens/s per user"
        " or more, on demand, neoclouds, US, busy all the time",
    ),
    "headline_training": (
        "marts.training_cost",
        "Training: renting the same compute as H100 SXM today, million USD, 90 % interval",
    ),
}


def newest_answer(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the newest answer that an offer rests on; None without offers. [UTC]."""
    at: datetime | None
    [(at,)] = run_report(connection, "headline_moment").rows
    return at


def cheapest(connection: duckdb.DuckDBPyConnection, gpu_ids: Sequence[str]) -> ReportRows:
    """Return the cheapest offer on demand of each GPU."""
    return run_report(connection, "headline_offers", gpu_ids=list(gpu_ids))


def costs(
    connection: duckdb.DuckDBPyConnection, gpu_ids: Sequence[str]
) -> Iterator[tuple[str, ReportRows]]:
    """Yield the title and the rows of each cost table that exists."""
    for report, (table, title) in COSTS.items():
        if table_exists(connection, table):
            yield (
                title,
                run_report(connection, report, gpu_ids=list(gpu_ids), model_ids=list(MAIN_MODELS)),
            )


def unmapped(connection: duckdb.DuckDBPyConnection) -> ReportRows:
    """Return the printed names with most offers that no GPU is known for."""
    return run_report(connection, "headline_unmapped")
