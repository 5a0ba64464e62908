"""Quality gates of token prices: the same two kinds as those of offers (``quality``).

A list of token prices is judged by itself (its prices before, the reference models, output against
input) and by the other lists: what they print for the same models. A capture whose prices are those
of no other list is held and its reason names the lists that bear witness against it. Decisions are
those of ``quality``: an entry is accepted or rejected whatever it is about.

The rules are the two selects ``sql/quality/api_price_batch.sql`` and ``api_price_row.sql``.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from warehouse import quality
from warehouse.working import keep, load_select

BATCH_RULES = (
    "row_count_fall",
    "common_factor",
    "aggregate_drift",
    "share_changed",
    "input_output_swapped",
    "reference_factor",
    "witness_factor",
)
ROW_RULES = (
    "duplicate_key",
    "duplicate_row",
    "price_zero",
    "provider_unit",
    "price_out_of_band",
    "far_from_peers",
    "far_from_witness",
    "far_from_provider",
    "output_below_input",
    "provider_factor",
    "price_jump",
)


def hold_api_prices(connection: duckdb.DuckDBPyConnection, seen_at: datetime) -> None:
    """Remove from ``api_price_observation`` and ``good_api_capture`` what must not count.

    Each capture and row held goes to ``meta.quarantine`` with its rule and reason. Where the model
    of a held row had a price before, the earlier price takes its place.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with both working tables filled.
    seen_at : datetime
        When the captures were seen, UTC without a zone: prices of other lists count as of then.
    """
    keep(connection, "api_price_standing")
    keep(connection, "api_price_peer", seen_at=seen_at)
    quality.keep_captures(connection, "from good_api_capture")
    quality.enter_batches(connection, "api_price_batch")
    keep(connection, "api_price_held_row", quality.rules_of("api_price_row"))
    connection.execute(
        "insert into meta.quarantine by name " + load_select("api_price_row_quarantine")
    )
    keep(connection, "api_price_kept_standing")
    connection.execute(
        "delete from api_price_observation where rowid in (select row_id from api_price_held_row)"
    )
    connection.execute("insert into api_price_observation by name from api_price_kept_standing")
    connection.execute(
        "delete from good_api_capture where capture_id in (select capture_id from held_batch)"
    )
