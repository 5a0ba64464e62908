"""Days of an invented source, merged into the history without a capture or a parser."""

from __future__ import annotations

from datetime import datetime

from duckdb import DuckDBPyConnection

from warehouse import history


def merge_day(
    connection: DuckDBPyConnection, day: int, seen_at: datetime, offers: int, usd: str
) -> None:
    """Merge one capture of so many offers; ``usd`` is SQL over n, the number of the offer."""
    given = {
        "offer_key": "'offer ' || n",
        "usd_per_gpu_hour": usd,
        "payload_sha256": f"'{day}'",
    }
    columns = ", ".join(f"{given.get(c, 'null')} as {c}" for c in history.OFFER.carried)
    connection.execute(
        "create temp table seen as select $1 as capture_id, 'acme' as source_id,"
        " 'all' as request_key, $2::timestamp as seen_at, $2::timestamp as recorded_at,"
        " 1 as parser_version",
        [str(day), seen_at],
    )
    connection.execute(
        f"create temp table observed as select capture_id, {columns}"
        f" from seen, range({offers}) t(n)"
    )
    history.merge(connection, "observed", "seen", history.OFFER)
