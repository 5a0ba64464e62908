"""The bitemporal history: what a thing cost on a day, as it was known on a day.

A *capture* of a scope (``source_id``, ``request_key``) is one good answer: the complete set of
rows of that scope as seen at ``valid_at``, known since ``recorded_at``. What is believed about a
scope at an instant is the content of its last capture at or before it; a newer capture of the same
instant (a re-parse, a correction) replaces the older. A failed capture is no capture and changes
nothing.

Beliefs are kept change-only: one row per value, longest interval ``[valid_from, valid_to)`` and
stretch of knowledge ``[recorded_at, superseded_at)``. Two tables hold them, so that a day costs a
day: ``core.<name>_open`` what stands now (the size of the market), ``core.<name>_closed`` the rest
(append-only but for late captures, which touch their own scope and time range). The view
``core.<view>`` is both. ``core.<name>_capture`` lists the captures merged.

Reading captures and normalising prices belong to ``staged``, deciding which captures are good to
the build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb

from warehouse import models

SCOPE = ("source_id", "request_key")
INTERVAL = ("valid_from", "valid_to", "recorded_at", "superseded_at")
FOREVER = "timestamp 'infinity'"
CARRIED_DAYS = 3  # that a price stands for which nobody has confirmed: docs/decisions/0004
CAPTURE_COLUMNS = {
    "capture_id": "name of the capture, once per content, parser and correction",
    "source_id": "the source",
    "request_key": "the part of the source that the capture covers",
    "valid_at": "when the source was seen, UTC",
    "recorded_at": "since when we know, UTC",
    "parser_version": "version of the parser that read it",
}


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A thing that has a history: its key, what may change, and what comes along.

    ``values`` are what makes a change: the dimensions and the measures. ``provenance`` is where
    the value was first seen; a difference there alone is no change.
    """

    name: str  # offer -> core.offer_open, core.offer_closed, core.offer_capture
    view: str  # the public view in core
    key: str  # unique in a capture
    values: Mapping[str, str] = field(hash=False)  # column: SQL type
    provenance: Mapping[str, str] = field(hash=False)  # column: SQL type

    @property
    def open(self) -> str:
        """Return the table of what stands now."""
        return f"core.{self.name}_open"

    @property
    def closed(self) -> str:
        """Return the table of what ended or is believed no longer."""
        return f"core.{self.name}_closed"

    @property
    def capture(self) -> str:
        """Return the table of the captures merged."""
        return f"core.{self.name}_capture"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the view, in order."""
        return (self.key, *SCOPE, *self.values, *INTERVAL, *self.provenance)

    @property
    def carried(self) -> tuple[str, ...]:
        """Return the columns that an observation brings."""
        return (self.key, *self.values, *self.provenance)


OFFER = Entity(
    name="offer",
    view="offer_price",
    key="offer_key",
    values={
        "provider_id": "varchar",
        "sku": "varchar",
        "region": "varchar",
        "gpu_id": "varchar",
        "gpu_name_printed": "varchar",
        "gpu_count": "integer",
        "gpu_memory_bytes": "bigint",
        "vcpu_count": "double",
        "memory_bytes": "bigint",
        "form_factor": "varchar",
        "interconnect": "varchar",
        "purchase_model": "varchar",
        "commitment_months": "integer",
        "upfront_fraction": "double",
        "market_tier": "varchar",
        "source_kind": "varchar",
        "price_amount": "decimal(38, 18)",
        "currency": "varchar",
        "price_basis": "varchar",
        "price_unit": "varchar",
        "usd_per_gpu_hour": "double",
        "is_available": "boolean",
    },
    provenance={
        "source_url": "varchar",
        "payload_sha256": "varchar",
        "parser_version": "integer",
    },
)

API_PRICE = Entity(
    name="api_price",
    view="api_price",
    key="api_price_key",
    values={
        "api_provider_id": "varchar",
        "api_model_id": "varchar",
        "model_name_printed": "varchar",
        "variant": "varchar",
        "usd_per_million_input_tokens": "double",
        "usd_per_million_output_tokens": "double",
        "usd_per_million_cache_read_tokens": "double",
        "context_tokens": "bigint",
        "is_deprecated": "boolean",
    },
    provenance={
        "source_url": "varchar",
        "payload_sha256": "varchar",
        "parser_version": "integer",
    },
)


def create(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Create the tables and the view of an entity where they are not there yet."""
    if models.table_exists(connection, entity.capture):
        return
    connection.execute("create schema if not exists core")
    connection.execute("create schema if not exists staged")
    types = (
        {entity.key: "varchar", **dict.fromkeys(SCOPE, "varchar")}
        | dict(entity.values)
        | dict.fromkeys(INTERVAL, "timestamp")
        | dict(entity.provenance)
    )
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    for table in (entity.open, entity.closed):
        connection.execute(f"create table {table} ({columns})")
    connection.execute(
        f"create table {entity.capture} (capture_id varchar, source_id varchar,"
        " request_key varchar, valid_at timestamp, recorded_at timestamp, parser_version integer)"
    )
    connection.execute("create table if not exists staged.affected_day (entity varchar, day date)")
    connection.execute(
        f"create view core.{entity.view} as select {', '.join(entity.columns)}"
        f" from {entity.closed} union all select {', '.join(entity.columns)} from {entity.open}"
    )
    _document(connection, entity)


def _document(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Say in comments what the tables hold; their columns are those of the documented view."""
    comments = {
        entity.open: "One row per belief that stands: valid_to and superseded_at are null.",
        entity.closed: "One row per belief that ended or was superseded, in order of knowledge.",
        entity.capture: "One row per good capture of a scope that the history holds.",
    }
    for table, grain in comments.items():
        connection.execute(f"comment on table {table} is {models.quote(grain)}")
    for column, meaning in CAPTURE_COLUMNS.items():
        connection.execute(
            f"comment on column {entity.capture}.{column} is {models.quote(meaning)}"
        )
    path = models.SQL_FOLDER / "core" / f"{entity.view}.sql"
    if path.exists():
        view = models.read_model(path)
        models.comment(connection, view)
        for table in (entity.open, entity.closed):
            models.comment(
                connection, replace(view, name=table, grain=comments[table], kind="table")
            )


def row_count(connection: duckdb.DuckDBPyConnection, entity: Entity) -> int:
    """Return how many beliefs there are; to count the view would be to read them."""
    counts = f"select (select count(*) from {entity.open}) + (select count(*) from {entity.closed})"
    return int(connection.execute(counts).fetchall()[0][0])


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection, is_open: bool) -> Iterator[None]:
    """Run a block in the caller's transaction, if it has opened one, or in one of its own."""
    if is_open:
        yield
        return
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def merge(
    connection: duckdb.DuckDBPyConnection,
    observations: str,
    captures: str,
    entity: Entity,
    *,
    is_in_transaction: bool = False,
) -> int:
    """Merge new captures into the history, all or nothing.

    A capture whose ``capture_id`` is merged already is passed over: twice is once. Knowledge never
    runs backwards: a capture with an earlier ``recorded_at`` than the last one merged is recorded
    as known from that one on, so that no answer about a past ``known_on`` changes.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, or a lake.
    observations : str
        Table or view: ``capture_id`` and the key, value and provenance columns of the entity; the
        complete rows of every capture.
    captures : str
        Table or view of the good captures: ``capture_id, source_id, request_key, valid_at,
        recorded_at, parser_version``. A capture without observations says that the scope is empty.
    entity : Entity
        What the rows are.
    is_in_transaction : bool
        Whether the caller has opened a transaction that this is to be a part of.

    Returns
    -------
    int
        How many captures were new. The days whose derived rows must be made again are added to
        ``staged.affected_day (entity, day)``; the build empties it when these passed its checks.

    Raises
    ------
    ValueError
        If a capture holds a key twice: which of the two would be believed?
    """
    create(connection, entity)
    with _transaction(connection, is_in_transaction):
        new = connection.execute(
            f"""
            create or replace temp table merging_new_capture as
            with watermark as (select max(recorded_at) as recorded_at from {entity.capture})
            select capture_id, source_id, request_key, valid_at::timestamp as valid_at,
                greatest(recorded_at::timestamp, (from watermark)) as recorded_at,
                parser_version
            from {captures} where capture_id not in (select capture_id from {entity.capture})
            """
        ).fetchall()[0][0]
        if not new:
            return 0
        _refuse_doubles(connection, observations, entity)
        horizon = connection.execute(
            f"select max(valid_at)::date from {entity.capture}"
        ).fetchall()[0][0]
        steps = connection.execute(
            "select distinct recorded_at from merging_new_capture order by recorded_at"
        ).fetchall()
        connection.execute(
            "create or replace temp table merging_all_replaced_range"
            " (source_id varchar, request_key varchar, valid_from timestamp, valid_to timestamp)"
        )
        for (recorded_at,) in steps:
            _step(connection, observations, entity, recorded_at)
        _note_affected_days(connection, entity, horizon)
    return int(new)


def _refuse_doubles(
    connection: duckdb.DuckDBPyConnection, observations: str, entity: Entity
) -> None:
    double = connection.execute(
        f"""
        select capture_id, {entity.key}
        from {observations} semi join merging_new_capture using (capture_id)
        group by capture_id, {entity.key} having count(*) > 1 order by all limit 1
        """
    ).fetchall()
    if double:
        raise ValueError(f"capture {double[0][0]} holds {entity.key} {double[0][1]!r} twice")


def _step(
    connection: duckdb.DuckDBPyConnection,
    observations: str,
    entity: Entity,
    recorded_at: datetime,
) -> None:
    """Merge the captures of one instant of knowledge."""
    _choose_captures(connection, entity, recorded_at)
    _gather_beliefs(connection, observations, entity)
    _derive_new_beliefs(connection, entity)
    _apply_difference(connection, observations, entity, recorded_at)
    connection.execute(
        f"insert into {entity.capture} by name select * from merging_new_capture"
        " where recorded_at = ? order by source_id, request_key, valid_at, capture_id",
        [recorded_at],
    )


def _choose_captures(
    connection: duckdb.DuckDBPyConnection, entity: Entity, recorded_at: datetime
) -> None:
    """Choose one capture per scope and instant, and find how far each reaches.

    ``is_next`` marks the usual case: one capture of the scope, after all captures before.
    """
    rank = "(recorded_at, coalesce(parser_version, -1), capture_id)"
    connection.execute(
        f"""
        create or replace temp table merging_chosen as
        with best as (
            select source_id, request_key, valid_at, max({rank}) as rank
            from merging_new_capture where recorded_at = ? group by all
        ), known as (
            select source_id, request_key, valid_at, max({rank}) as rank
            from {entity.capture} semi join best using (source_id, request_key, valid_at)
            group by all
        )
        select source_id, request_key, valid_at, best.rank[3] as capture_id
        from best left join known using (source_id, request_key, valid_at)
        where known.rank is null or best.rank > known.rank
        """,
        [recorded_at],
    )
    connection.execute(
        f"""
        create or replace temp table merging_replaced_range as
        with earliest as (
            select source_id, request_key, min(valid_at) as starts_at
            from merging_chosen group by all
        ), later as (
            select distinct source_id, request_key, valid_at
            from {entity.capture} join earliest using (source_id, request_key)
            where valid_at >= starts_at
        ), reach as (
            select source_id, request_key, valid_at, lead(valid_at, 1, {FOREVER}) over (
                partition by source_id, request_key order by valid_at
            ) as valid_to
            from (select source_id, request_key, valid_at from merging_chosen union from later)
        )
        select source_id, request_key, valid_at as valid_from, valid_to, capture_id, is_late,
            not is_late and count(*) over (partition by source_id, request_key) = 1 as is_next
        from (
            select *, (source_id, request_key) in (select (source_id, request_key) from later)
                as is_late
            from reach join merging_chosen using (source_id, request_key, valid_at)
        )
        """
    )
    connection.execute(
        "insert into merging_all_replaced_range by name"
        " select source_id, request_key, valid_from, valid_to from merging_replaced_range"
    )


def _gather_beliefs(
    connection: duckdb.DuckDBPyConnection, observations: str, entity: Entity
) -> None:
    """Gather what was believed about the scopes and what the captures saw, as far as they reach.

    Values stand for themselves by their hash (64 bits, compared within one key only) and are
    fetched by row when they are written. For captures in order what was believed is what stands
    open; closed rows are read for late captures only.
    """
    values = ", ".join(f"cast({name} as {kind})" for name, kind in entity.values.items())
    connection.execute(
        f"""
        create or replace temp table merging_seen as
        select source_id, request_key, {entity.key}, valid_from, valid_to, capture_id, is_next,
            hash({values}) as value_hash
        from (select capture_id, {entity.key}, {", ".join(entity.values)} from {observations})
        join merging_replaced_range using (capture_id)
        """
    )
    old = f"""
        select source_id, request_key, {entity.key}, rowid as row_id, valid_from,
            recorded_at, hash({", ".join(entity.values)}) as value_hash
    """
    connection.execute(
        f"""
        create or replace temp table merging_old_belief as
        {old}, true as is_open, {FOREVER} as valid_to
        from {entity.open} semi join merging_replaced_range using (source_id, request_key)
        """
    )
    late = connection.execute(
        "select 1 from merging_replaced_range where is_late limit 1"
    ).fetchall()
    if late:
        connection.execute(
            f"""
            insert into merging_old_belief by name
            {old.replace("rowid", "closed.rowid")}, false as is_open, valid_to
            from {entity.closed} as closed join (
                select source_id, request_key,
                    min(valid_from) as starts_at, max(valid_to) as ends_at
                from merging_replaced_range where is_late group by all
            ) using (source_id, request_key)
            where superseded_at is null and valid_from <= ends_at and valid_to >= starts_at
            """
        )
    # What the next capture confirms needs no more work: most of the market, on most days.
    thing = f"source_id, request_key, {entity.key}"
    connection.execute(
        f"""
        create or replace temp table merging_confirmed as
        select {thing} from merging_old_belief join merging_seen using ({thing}, value_hash)
        where is_open and is_next
        """
    )
    for table in ("merging_seen", "merging_old_belief"):
        connection.execute(
            f"create or replace temp table {table} as"
            f" select * from {table} anti join merging_confirmed using ({thing})"
        )


def _derive_new_beliefs(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Cut the new captures' ranges out of the old beliefs, fill them, and join equal neighbours."""
    thing = f"source_id, request_key, {entity.key}"
    connection.execute(
        f"""
        create or replace temp table merging_new_belief as
        with kept_range as (
            select source_id, request_key,
                timestamp '-infinity' as kept_from, min(valid_from) as kept_to
            from merging_replaced_range group by all
            union all
            select source_id, request_key, valid_to, lead(valid_from, 1, {FOREVER}) over (
                partition by source_id, request_key order by valid_from
            )
            from merging_replaced_range
        ), piece as (
            select {thing}, value_hash, is_open, row_id, null as capture_id,
                greatest(valid_from, kept_from) as valid_from, least(valid_to, kept_to) as valid_to
            from merging_old_belief join kept_range using (source_id, request_key)
            where valid_from < kept_to and kept_from < valid_to and kept_from < kept_to
            union all by name
            select {thing}, value_hash, null as is_open, null as row_id, capture_id,
                valid_from, valid_to
            from merging_seen
        ), marked as (
            select *,
                coalesce(valid_from = lag(valid_to) over times, false)
                and value_hash = lag(value_hash) over times as continues
            from piece
            window times as (partition by {thing} order by valid_from)
        ), stretch as (
            select *, count(*) filter (not continues) over (
                partition by {thing} order by valid_from
            ) as number
            from marked
        )
        select * exclude (continues, number)
            replace (max(valid_to) over (partition by {thing}, number) as valid_to)
        from stretch
        qualify not continues
        """
    )


def _apply_difference(
    connection: duckdb.DuckDBPyConnection,
    observations: str,
    entity: Entity,
    recorded_at: datetime,
) -> None:
    """Supersede the old beliefs that are no longer held, and record the new ones."""
    at = f"timestamp '{recorded_at.isoformat(sep=' ')}'"
    same = f"using (source_id, request_key, {entity.key}, valid_from, valid_to, value_hash)"
    for table, here, there in (
        ("merging_gone", "merging_old_belief", "merging_new_belief"),
        ("merging_come", "merging_new_belief", "merging_old_belief"),
    ):
        connection.execute(
            f"create or replace temp table {table} as select * from {here} anti join {there} {same}"
        )
    columns = ", ".join(entity.columns)
    carried = ", ".join(entity.carried)
    believed = ", ".join(f"belief.{name}" for name in ("source_id", "request_key", *entity.carried))
    interval = "come.valid_from, nullif(come.valid_to, timestamp 'infinity') as valid_to"
    connection.execute(
        f"""
        create or replace temp table merging_written as
        select {believed}, belief.valid_from, null::timestamp as valid_to, belief.recorded_at,
            {at} as superseded_at
        from {entity.open} as belief join merging_gone as gone on belief.rowid = gone.row_id
        where gone.is_open and belief.recorded_at < {at}
        union all by name
        select {believed}, {interval}, {at} as recorded_at, null::timestamp as superseded_at
        from {entity.open} as belief join merging_come as come on belief.rowid = come.row_id
        where come.is_open
        union all by name
        select come.source_id, come.request_key,
            {", ".join(f"belief.{name}" for name in entity.carried)}, {interval},
            {at} as recorded_at, null::timestamp as superseded_at
        from (select capture_id, {carried} from {observations}) as belief
        join merging_come as come
            on belief.capture_id = come.capture_id and belief.{entity.key} = come.{entity.key}
        """
    )
    late = connection.execute(
        "select 1 from merging_replaced_range where is_late limit 1"
    ).fetchall()
    if late:
        connection.execute(
            f"""
            insert into merging_written by name
            select {believed}, {interval}, {at} as recorded_at, null::timestamp as superseded_at
            from {entity.closed} as belief
            join merging_come as come on belief.rowid = come.row_id
            where not come.is_open
            """
        )
        # A belief recorded at this very instant was never an answer to anyone: it leaves.
        leaving = "select row_id from merging_gone where not is_open"
        connection.execute(
            f"delete from {entity.closed} where rowid in ({leaving} and recorded_at = {at})"
        )
        connection.execute(
            f"update {entity.closed} set superseded_at = {at} where rowid in ({leaving})"
        )
    connection.execute(
        f"delete from {entity.open} where rowid in (select row_id from merging_gone where is_open)"
    )
    _resume(connection, entity, at)
    stands = "valid_to is null and superseded_at is null"
    for table, belongs in ((entity.open, stands), (entity.closed, f"not ({stands})")):
        connection.execute(
            f"insert into {table} ({columns}) select {columns} from merging_written where {belongs}"
            f" order by source_id, request_key, {entity.key}, valid_from, recorded_at"
        )


def _resume(connection: duckdb.DuckDBPyConnection, entity: Entity, at: str) -> None:
    """Let a belief go on that an earlier merge of the same instant of knowledge superseded."""
    if not connection.execute(
        f"select 1 from {entity.capture} where recorded_at = {at} limit 1"
    ).fetchall():
        return
    values = ", ".join(f"{{0}}.{name}" for name in entity.values)
    connection.execute(
        f"""
        create or replace temp table merging_resumed as
        select closed.rowid as row_id, written.rowid as written_id
        from merging_written as written join {entity.closed} as closed
            using (source_id, request_key, {entity.key}, valid_from)
        where closed.superseded_at = {at} and written.recorded_at = {at}
            and written.superseded_at is null
            and written.valid_to is not distinct from closed.valid_to
            and hash({values.format("written")}) = hash({values.format("closed")})
        """
    )
    connection.execute(
        "delete from merging_written where rowid in (select written_id from merging_resumed)"
    )
    resumed = f"from {entity.closed} where rowid in (select row_id from merging_resumed)"
    connection.execute(
        "insert into merging_written by name"
        f" select * replace (null::timestamp as superseded_at) {resumed}"
    )
    connection.execute(f"delete {resumed}")


def _note_affected_days(
    connection: duckdb.DuckDBPyConnection, entity: Entity, horizon: date | None
) -> None:
    """Note the days on which another answer may stand than before.

    Those are the days that a new capture reaches, up to the last day captured; the days since
    ``horizon``, the last day captured before: nobody has looked at them yet; and the days of a
    silence that a new capture ends: what stood before it was carried for three days only.
    """
    connection.execute(
        f"""
        insert into staged.affected_day
        with last as (select max(valid_at)::date as day from {entity.capture}), touched as (
            select valid_from::date as first_day, case when valid_to < {FOREVER}
                then least((valid_to - interval 1 microsecond)::date, last.day) else last.day
                end as last_day
            from merging_all_replaced_range, last
            union all
            select ?::date + 1, last.day from last
            union all
            select max(valid_at)::date + {CARRIED_DAYS + 1}, valid_from::date - 1
            from merging_all_replaced_range join {entity.capture} using (source_id, request_key)
            where valid_at < valid_from
            group by source_id, request_key, valid_from
        )
        select distinct
            '{entity.name}',
            unnest(generate_series(first_day, last_day, interval 1 day))::date as day
        from touched where first_day is not null
        except from staged.affected_day
        order by day
        """,
        [horizon],
    )
