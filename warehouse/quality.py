"""Quality gates: what must not count until a person, or the following days, say that it may.

Two kinds. A *batch* rule judges a capture against what stood before it and holds it whole, so
that the rows before stay. A *row* rule holds one offer; where the offer had a price before, that
price stays. Held rows and batches are in ``meta.quarantine`` with rule, reason and the row. What
stood before is what is believed of the moment before the capture, whenever it arrives
(docs/decisions/0012-late-captures-are-judged-as-of-their-time.md).

The rules are the two selects in ``sql/quality``. Not here: what a parser can see by itself (no
price, text for a number), and which GPU a row is about (``sql/staged/gpu_identity.sql``).
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import duckdb

from warehouse.models import SQL_FOLDER

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
    "spot_above_on_demand",
)
_DUPLICATES = ("duplicate_row", "duplicate_key")  # the offer itself stands, once
_CAPTURES = """
    select capture_id, source_id, request_key, max(valid_at) as valid_at,
        min(payload_sha256) as payload_sha256, max(parser_version) as parser_version
    from staged.normalised_offer group by capture_id, source_id, request_key
"""


def hold_batches(connection: duckdb.DuckDBPyConnection, captures: str | None = None) -> int:
    """Judge the captures in ``staged.normalised_offer`` against what stood before each.

    Fills ``staged.held_capture (capture_id)`` anew and enters each reason into
    ``meta.quarantine`` (scope ``batch``). Run it before ``hold_rows``.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    captures : str, optional
        A select of ``capture_id, source_id, request_key, valid_at, payload_sha256,
        parser_version``: the good captures that are being loaded, with those that have no offer
        at all. By default those that have one.

    Returns
    -------
    int
        Captures held.
    """
    connection.execute(
        f"create or replace temp table quality_capture as from ({captures or _CAPTURES})"
    )
    _recall(connection)
    connection.execute(f"create or replace temp table held_batch as from ({_select('held_batch')})")
    connection.execute(
        "create or replace table staged.held_capture as select distinct capture_id from held_batch"
    )
    connection.execute(
        """
        insert into meta.quarantine by name
        from (
            select
                -- A day of its own counts for itself, be its bytes those of the day before.
                md5(concat_ws('|', c.source_id, c.request_key, c.payload_sha256, h.rule,
                    c.valid_at::date)) as held_id,
                'batch' as scope, c.source_id, c.request_key, c.capture_id,
                c.valid_at as captured_at, c.payload_sha256, c.parser_version, h.rule, h.reason,
                null::varchar as row_json, 'held' as state, k.run_id
            from held_batch as h
            inner join quality_capture as c on h.capture_id = c.capture_id
            cross join staged.build_clock as k
        ) as held
        where held_id not in (select held_id from meta.quarantine)
        """
    )
    return _count(connection, "staged.held_capture")


def hold_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """Take the rows that must not count out of ``staged.normalised_offer``.

    Captures in ``staged.held_capture`` are passed over. Each held row goes to
    ``meta.quarantine`` (scope ``row``); where its offer stood before, the row that stood takes its
    place, so that the history neither changes nor ends. Run ``hold_batches`` first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.

    Returns
    -------
    int
        Rows held.
    """
    connection.execute(f"create or replace temp table held_row as from ({_select('held_row')})")
    connection.execute(
        """
        insert into meta.quarantine by name
        from (
            select
                -- No word about when or by what it was read: read again, it is the same entry.
                md5(concat_ws('|', o.source_id, o.request_key, o.payload_sha256, h.rule,
                    o.offer_key, o.valid_at, row_number() over (
                        partition by o.capture_id, h.rule, o.offer_key
                        order by o.price_amount, o.rowid
                    ))) as held_id,
                'row' as scope, o.source_id, o.request_key, o.capture_id,
                o.valid_at as captured_at, o.payload_sha256, o.parser_version, h.rule, h.reason,
                to_json(o) as row_json, 'held' as state, k.run_id
            from staged.normalised_offer as o
            inner join held_row as h on o.rowid = h.row_id
            cross join staged.build_clock as k
        ) as held
        where held_id not in (select held_id from meta.quarantine)
        """
    )
    arriving = set(_columns(connection, "staged.normalised_offer")) - {"recorded_at"}
    standing = ", ".join(
        f"b.{name}" for name in _columns(connection, "core.offer_open") if name in arriving
    )
    connection.execute(
        f"""
        create or replace temp table kept_standing as
        select distinct o.capture_id, o.valid_at, o.recorded_at, {standing}
        from staged.normalised_offer as o
        inner join held_row as h on o.rowid = h.row_id
        inner join quality_standing as b
            on o.capture_id = b.capture_id and o.offer_key = b.offer_key
        where h.rule not in {_DUPLICATES}
        """
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
    """Recall what stood just before each capture that is being loaded.

    For the usual capture, after all others of its scope, that is what stands open. What ended is
    read for late captures only.
    """
    connection.execute(
        """
        create or replace temp table quality_scope as
        with loading as (
            select capture_id, source_id, request_key, valid_at from quality_capture
            union
            select capture_id, source_id, request_key, valid_at from staged.normalised_offer
        ),
        placed as (
            select l.capture_id, l.source_id, l.request_key, l.valid_at,
                max(c.valid_at) filter (where c.valid_at < l.valid_at) as predecessor_at,
                coalesce(max(c.valid_at) >= l.valid_at, false) as is_late
            from loading as l
            left join core.offer_capture as c
                on l.source_id = c.source_id and l.request_key = c.request_key
            group by l.capture_id, l.source_id, l.request_key, l.valid_at
        )
        select p.*, exists (
                from core.method_break as b
                where b.source_id = p.source_id
                    and p.predecessor_at < b.settled_on and b.break_on <= p.valid_at
            ) as is_after_break
        from placed as p
        """
    )
    connection.execute(
        """
        create or replace temp table quality_standing as
        select s.capture_id, b.*
        from core.offer_open as b
        inner join quality_scope as s
            on b.source_id = s.source_id and b.request_key = s.request_key
        where b.valid_from < s.valid_at
        """
    )
    if connection.execute("select 1 from quality_scope where is_late limit 1").fetchall():
        connection.execute(
            """
            insert into quality_standing
            select s.capture_id, b.*
            from core.offer_closed as b
            inner join quality_scope as s
                on b.source_id = s.source_id and b.request_key = s.request_key and s.is_late
            where b.superseded_at is null
                and b.valid_from < s.valid_at and b.valid_to >= s.valid_at
            """
        )


@cache
def _select(name: str) -> str:
    return (SQL_FOLDER / "quality" / f"{name}.sql").read_text(encoding="utf-8")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def decide(
    connection: duckdb.DuckDBPyConnection, held_id: str, state: str, reason: str, at: datetime
) -> int:
    """Accept or reject what is held, with an audit row.

    An accepted row or batch is judged again by the next build, which reads its capture anew: it is
    believed from then on (knowledge time), for the time at which it was seen (valid time). A build
    that makes everything again from landing does the same at the same place.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    held_id : str
        Id in ``meta.quarantine``, or its beginning.
    state : {"accepted", "rejected"}
        The decision.
    reason : str
        Why, for whoever reads the audit.
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


def apply_decisions(connection: duckdb.DuckDBPyConnection, known_at: datetime | None) -> None:
    """Give what is held the state that was decided: by one build, or by all of them (None)."""
    connection.execute(
        """
        update meta.quarantine as q set state = a.state
        from (
            select held_id, arg_max(state, decided_at) as state
            from meta.quarantine_audit
            where $known_at is null or known_at = $known_at
            group by held_id
        ) as a
        where q.held_id = a.held_id and q.state <> a.state
        """,
        {"known_at": known_at},
    )
