"""Quality gates: hold suspicious rows and batches until accepted or confirmed by the next days.

Two kinds. A *batch* rule compares a capture with the prices before it and holds it whole, so that
the earlier rows stay. A *row* rule holds one offer; where the offer had a price before, that price
stays. Held rows and batches are in ``meta.quarantine`` with rule, reason and the row. The prices
before a capture are those believed of the moment before it, whenever it arrives
(docs/decisions/0012-late-captures-are-judged-as-of-their-time.md).

The rules are the two selects in ``sql/quality``. Not here: what a parser can see by itself (no
price, text for a number), and which GPU a row is about (``sql/staged/gpu_identity.sql``).
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import duckdb

from warehouse.models import SQL_FOLDER
from warehouse.working import keep, load_select

BATCH_RULES = (
    "row_count_fall",
    "gpus_gone",
    "duplicate_share",
    "currency_factor",
    "common_factor",
    "per_node_factor",
    "aggregate_drift",
    "currency_changed",
    "unit_changed",
)
ROW_RULES = (
    "no_exchange_rate",
    "price_missing",
    "price_not_finite",
    "price_zero",
    "price_negative",
    "gpu_count_implausible",
    "duplicate_row",
    "duplicate_key",
    "price_out_of_band",
    "gpu_count_changed",
    "currency_changed",
    "provider_factor",
    "price_jump",
    "placeholder",
    "far_from_peers",
    "spot_equals_on_demand",
    "spot_above_on_demand",
)
_DUPLICATES = ("duplicate_row", "duplicate_key")  # the offer itself is kept, once


def hold_batches(connection: duckdb.DuckDBPyConnection, captures: str | None = None) -> int:
    """Compare each capture in ``staged.normalised_offer`` with the prices before it.

    Refills ``staged.held_capture (capture_id)`` and enters each reason into
    ``meta.quarantine`` (scope ``batch``). Run it before ``hold_rows``.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    captures : str, optional
        A select of ``capture_id, source_id, request_key, seen_at, payload_sha256,
        parser_version``: the good captures that are being loaded, with those that have no offer
        at all. By default those that have one.

    Returns
    -------
    int
        Captures held.
    """
    keep_captures(connection, captures or load_select("loading_capture"))
    _recall(connection)
    enter_batches(connection, "held_batch")
    connection.execute(
        "create or replace table staged.held_capture as select distinct capture_id from held_batch"
    )
    return _count(connection, "staged.held_capture")


def keep_captures(connection: duckdb.DuckDBPyConnection, captures: str) -> None:
    """Fill ``quality_capture``, the captures that are judged, from a select."""
    keep(connection, "quality_capture", captures)


def enter_batches(connection: duckdb.DuckDBPyConnection, rules: str) -> None:
    """Fill ``held_batch`` by a file of ``sql/quality``, and enter each into ``meta.quarantine``."""
    keep(connection, "held_batch", rules_of(rules))
    connection.execute("insert into meta.quarantine by name " + load_select("batch_quarantine"))


def hold_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """Remove the rows that must not count from ``staged.normalised_offer``.

    Captures in ``staged.held_capture`` are skipped. Each held row goes to ``meta.quarantine``
    (scope ``row``). Where its offer had a price before, the earlier row takes its place, so that
    the history neither changes nor ends. Run ``hold_batches`` first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.

    Returns
    -------
    int
        Rows held.
    """
    keep(connection, "held_row", rules_of("held_row"))
    connection.execute("insert into meta.quarantine by name " + load_select("row_quarantine"))
    arriving = set(_columns(connection, "staged.normalised_offer")) - {"recorded_at"}
    standing = ", ".join(
        f"b.{name}" for name in _columns(connection, "core.offer_open") if name in arriving
    )
    keep(
        connection,
        "kept_standing",
        f"""
        select distinct o.capture_id, o.seen_at, o.recorded_at, {standing}
        from staged.normalised_offer as o
        inner join held_row as h on o.rowid = h.row_id
        inner join quality_standing as b
            on o.capture_id = b.capture_id and o.offer_key = b.offer_key
        where h.rule not in {_DUPLICATES}
        """,
    )
    connection.execute(
        "delete from staged.normalised_offer where rowid in (select row_id from held_row)"
    )
    connection.execute(
        """
        insert into staged.normalised_offer by name
        from kept_standing as s
        where not exists (
            from staged.normalised_offer as o
            where o.capture_id = s.capture_id and o.offer_key = s.offer_key
        )
        """
    )
    return _count(connection, "held_row")


def _recall(connection: duckdb.DuckDBPyConnection) -> None:
    """Collect the offers that were valid just before each capture that is being loaded.

    For the usual capture, after all others of its scope, they are the open rows. Closed rows are
    read for late captures only.
    """
    keep(connection, "quality_scope")
    keep(connection, "quality_standing")
    if connection.execute("select 1 from quality_scope where is_late limit 1").fetchall():
        connection.execute("insert into quality_standing " + load_select("quality_standing_late"))


@cache
def rules_of(name: str) -> str:
    """Return the select of ``sql/quality/<name>.sql``."""
    return (SQL_FOLDER / "quality" / f"{name}.sql").read_text(encoding="utf-8")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def decide(
    connection: duckdb.DuckDBPyConnection, held_id: str, state: str, reason: str, at: datetime
) -> int:
    """Accept or reject what is held, with an audit row.

    An accepted row or batch is judged by the next build, which reads its capture again. It is
    believed from then on (knowledge time), for the time at which it was seen (valid time). A
    rebuild from landing does the same at the same place.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    held_id : str
        Id in ``meta.quarantine``, or its beginning.
    state : {"accepted", "rejected"}
        The decision.
    reason : str
        Why, for the audit.
    at : datetime
        When it was decided, UTC without a zone.

    Returns
    -------
    int
        Entries decided; 0 if there is none of that id, more than 1 if the beginning is ambiguous
        (nothing is written then).
    """
    found = connection.execute(
        "select held_id, split_part(capture_id, '#', 1) from meta.quarantine"
        " where starts_with(held_id, ?)",
        [held_id],
    ).fetchall()
    if len(found) != 1:
        return len(found)
    full_id, capture_id = found[0]
    connection.begin()
    connection.execute("update meta.quarantine set state = ? where held_id = ?", [state, full_id])
    connection.execute(
        "insert into meta.quarantine_audit values (?, ?, ?, ?, ?, null)",
        [full_id, capture_id, state, reason, at],
    )
    connection.commit()
    return 1


def apply_decisions(connection: duckdb.DuckDBPyConnection, recorded_at: datetime | None) -> None:
    """Set the decided state of held rows and batches: of one build, or of all builds (None)."""
    connection.execute(
        """
        update meta.quarantine as q set state = a.state
        from (
            select held_id, arg_max(state, decided_at) as state
            from meta.quarantine_audit
            where $recorded_at is null or recorded_at = $recorded_at
            group by held_id
        ) as a
        where q.held_id = a.held_id and q.state <> a.state
        """,
        {"recorded_at": recorded_at},
    )
