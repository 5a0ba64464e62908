"""The temporary tables of a load: what each holds, who writes it and who reads it.

Each is the select of ``sql/load/<name>.sql``, whose first line is its grain, except for those
marked below. They live as long as the connection. Rows that stay are written to ``meta`` and
``core`` by the modules named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import duckdb

from warehouse.models import SQL_FOLDER


@dataclass(frozen=True)
class WorkingTable:
    """Who writes a temporary table, and who reads it; paths from the top of the project."""

    writer: str
    readers: tuple[str, ...]


LOAD = "pipelines/derive/load.py"
QUALITY = "warehouse/quality.py"
API_PRICE_QUALITY = "warehouse/api_price_quality.py"
SQL_LOAD = "warehouse/sql/load/"
SQL_QUALITY = "warehouse/sql/quality/"
WORKING_TABLES = {
    # What arrived, for the whole load.
    "arrived": WorkingTable(
        LOAD,
        (
            LOAD,
            *(
                f"{SQL_LOAD}{name}.sql"
                for name in (
                    "newest_file", "offer_observation", "good_capture", "good_api_capture",
                    "api_price_observation", "capture", "parsed_quarantine",
                )
            ),
        ),
    ),
    # When corrections of prices changed; made before it is known what arrived.
    "price_correction_change": WorkingTable(
        LOAD, (f"{SQL_LOAD}known_capture.sql", f"{SQL_LOAD}arrived.sql")
    ),
    # The sources' own times; filled row by row.
    "capture_source_time": WorkingTable(LOAD, (LOAD, f"{SQL_LOAD}capture.sql")),
    # The good captures of one moment: of offers, those that are the newest, and of token prices.
    "good_capture": WorkingTable(
        LOAD, (LOAD, f"{SQL_LOAD}ended_part.sql", f"{SQL_LOAD}offer_stated.sql")
    ),
    "good_api_capture": WorkingTable(
        LOAD,
        (
            LOAD,
            API_PRICE_QUALITY,
            f"{SQL_LOAD}api_price_standing.sql",
            f"{SQL_LOAD}api_price_peer.sql",
            f"{SQL_QUALITY}api_price_batch.sql",
        ),
    ),
    "api_price_observation": WorkingTable(
        LOAD,
        (
            LOAD,
            API_PRICE_QUALITY,
            *(
                f"{SQL_LOAD}api_price_{name}.sql"
                for name in ("peer", "row_quarantine", "kept_standing")
            ),
            f"{SQL_QUALITY}api_price_batch.sql",
            f"{SQL_QUALITY}api_price_row.sql",
        ),
    ),
    # What the gates of token prices judge against, and what they hold.
    "api_price_standing": WorkingTable(
        API_PRICE_QUALITY,
        (
            f"{SQL_LOAD}api_price_kept_standing.sql",
            f"{SQL_QUALITY}api_price_batch.sql",
            f"{SQL_QUALITY}api_price_row.sql",
        ),
    ),
    "api_price_peer": WorkingTable(
        API_PRICE_QUALITY,
        (f"{SQL_QUALITY}api_price_batch.sql", f"{SQL_QUALITY}api_price_row.sql"),
    ),
    "api_price_held_row": WorkingTable(
        API_PRICE_QUALITY,
        (
            API_PRICE_QUALITY,
            f"{SQL_LOAD}api_price_row_quarantine.sql",
            f"{SQL_LOAD}api_price_kept_standing.sql",
        ),
    ),
    "api_price_kept_standing": WorkingTable(API_PRICE_QUALITY, (API_PRICE_QUALITY,)),
    # What the quality gates judge, and against what.
    "quality_capture": WorkingTable(
        QUALITY,
        (
            f"{SQL_LOAD}quality_scope.sql",
            f"{SQL_LOAD}batch_quarantine.sql",
            f"{SQL_QUALITY}held_batch.sql",
        ),
    ),
    "quality_scope": WorkingTable(
        QUALITY,
        (
            QUALITY,
            f"{SQL_LOAD}quality_standing.sql",
            f"{SQL_LOAD}quality_standing_late.sql",
            f"{SQL_QUALITY}held_batch.sql",
            f"{SQL_QUALITY}held_row.sql",
        ),
    ),
    "quality_standing": WorkingTable(
        QUALITY,
        (QUALITY, f"{SQL_QUALITY}held_batch.sql", f"{SQL_QUALITY}held_row.sql"),
    ),
    # What they hold; the selects are in sql/quality.
    "held_batch": WorkingTable(
        QUALITY,
        (
            QUALITY,
            API_PRICE_QUALITY,
            f"{SQL_LOAD}batch_quarantine.sql",
            f"{SQL_QUALITY}api_price_row.sql",
        ),
    ),
    "held_row": WorkingTable(QUALITY, (QUALITY, f"{SQL_LOAD}row_quarantine.sql")),
    "kept_standing": WorkingTable(QUALITY, (QUALITY,)),
}  # fmt: skip


@cache
def load_select(name: str) -> str:
    """Return the select of ``sql/load/<name>.sql``."""
    return (SQL_FOLDER / "load" / f"{name}.sql").read_text(encoding="utf-8")


def keep(
    connection: duckdb.DuckDBPyConnection, name: str, select: str | None = None, **values: object
) -> None:
    """Recreate a working table from its select.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    name : str
        A table of ``WORKING_TABLES``.
    select : str, optional
        Its select, if it is not that of ``sql/load``.
    **values : object
        The parameters of the select.
    """
    text = select or load_select(name)
    connection.execute(f"create or replace temp table {name} as {text}", values)
