"""The offers of one GPU, and the names that a question about offers may use.

The select is ``warehouse/sql/reports/offers.sql``. Asking and printing belong to the commands.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.reports import ReportRows, run_report

PRIVATE = "private"
"""The source of an offer whose price is of a price book."""

# Columns that people see; machines get all.
SHOWN = (
    "usd_per_gpu_hour", "usd_per_node_hour", "gpu_count", "provider_id", "sku", "region",
    "purchase_model", "commitment_months", "availability", "network", "age_hours", "source_time",
    "is_stale", "source_id", "is_witness", "correction_id",
)  # fmt: skip


MOST_ROWS = 100_000
MOST_NAMED = 8


@dataclass(frozen=True)
class OffersAsked:
    """What a question about offers asks for; None asks for any."""

    gpu_id: str
    gpu_count: int | None = None  # GPUs of the instance
    purchase_model: str | None = None
    commitment_months: int | None = None
    provider_id: str | None = None
    area: str | None = None
    include_stale: bool = False
    with_witnesses: bool = False
    row_limit: int = 15


def offers(connection: duckdb.DuckDBPyConnection, asked: OffersAsked) -> ReportRows:
    """Return the current offers that match, cheapest first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    asked : OffersAsked
        What to look for.
    """
    return run_report(connection, "offers", **vars(asked))


def for_people(found: ReportRows, asked: OffersAsked) -> ReportRows:
    """Return the columns that people see, without those that say the same in every row."""
    hidden = set(found.columns) - set(SHOWN)
    if asked.purchase_model is not None:
        hidden.add("purchase_model")
        if asked.purchase_model != "reserved":
            hidden.add("commitment_months")
    if not asked.with_witnesses:
        hidden.add("is_witness")
    place = found.columns.index("correction_id")
    if not any(row[place] for row in found.rows):
        hidden.add("correction_id")
    return found.without(hidden)


FILTERS = {
    "gpu_count": "-n",
    "purchase_model": "--purchase",
    "commitment_months": "--commitment-months",
    "provider_id": "--provider",
    "area": "--area",
}


def would_leave(connection: duckdb.DuckDBPyConnection, asked: OffersAsked) -> str:
    """Return a line that says which filter leaves nothing, and what there is without it.

    Each filter is left out alone; where none of them alone is the reason, the line says what there
    is of the GPU at all.
    """
    without, everything = [], vars(asked) | {"row_limit": MOST_ROWS}
    for name, option in FILTERS.items():
        value = getattr(asked, name)
        if value is None:
            continue
        found = run_report(connection, "offers", **(everything | {name: None}))
        if found.rows:
            at = found.columns.index(name if name in found.columns else "region")
            there = sorted({row[at] for row in found.rows if row[at] is not None})
            named = ", ".join(map(str, there[:MOST_NAMED]))
            more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
            without.append(f"without {option} {value} there are {len(found.rows)} ({named}{more})")
    if not without:
        return standing(connection, asked.gpu_id)
    return f"Nothing is left: {'; '.join(without)}."


def standing(connection: duckdb.DuckDBPyConnection, gpu_id: str) -> str:
    """Return a line that says which offers of a GPU there are."""
    rows = run_report(connection, "offers_standing", gpu_id=gpu_id).rows
    if not rows:
        return f"No source offers {gpu_id} now."
    return "There are: " + "; ".join(
        f"{count} {purchase_model} with {gpu_counts} GPUs ({stale} stale)"
        for purchase_model, count, gpu_counts, stale in rows
    )


def providers(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every provider that has an offer standing."""
    return {provider_id for provider_id, _ in run_report(connection, "offers_named").rows}


def areas(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every area that has an offer standing."""
    return {area for _, area in run_report(connection, "offers_named").rows if area is not None}
