"""The bitemporal history: what a thing cost on a day, as it was known on a day.

A *capture* of a scope (``source_id``, ``request_key``) is one good answer: the complete set of
rows of that scope as seen at ``seen_at``, known since ``recorded_at``. What is believed about a
scope at an instant is the content of its last capture at or before it; a newer capture of the same
instant (a re-parse, a correction) replaces the older. A failed capture does not count and changes
nothing.

Beliefs are kept change-only: one row per value, longest interval ``[valid_from, valid_to)`` and
stretch of knowledge ``[recorded_at, superseded_at)``. Two tables hold them, so that the work of a
day does not grow with the history: ``core.<name>_open`` what is valid now (the size of the market),
``core.<name>_closed`` the rest (append-only except for late captures, which affect their own scope
and time range). The view ``core.<view>`` is both; ``core.<name>_capture`` lists the captures.

Reading captures and normalising prices belong to ``staged``, deciding which captures are good to
the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache

import duckdb

from warehouse import models
from warehouse.rows import literal

SCOPE = ("source_id", "request_key")
INTERVAL = ("valid_from", "valid_to", "recorded_at", "superseded_at")
CAPTURE_COLUMNS = {
    "capture_id": "name of the capture, once per content, parser and correction",
    "source_id": "the source",
    "request_key": "the part of the source that the capture covers",
    "seen_at": "when the source was seen, UTC",
    "recorded_at": "since when we know, UTC",
    "parser_version": "version of the parser that read it",
}


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A thing that has a history: its key, what may change, and what comes along.

    ``values`` are what makes a change: the dimensions and the measures. ``provenance`` is where
    the value was first seen; a difference there alone is not a change.
    """

    name: str  # offer -> core.offer_open, core.offer_closed, core.offer_capture
    view: str  # the public view in core
    key: str  # unique in a capture
    values: Mapping[str, str] = field(hash=False)  # column: SQL type
    provenance: Mapping[str, str] = field(hash=False)  # column: SQL type

    @property
    def open(self) -> str:
        """Return the table of beliefs that are valid now."""
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
        "correction_id": "varchar",
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
        "above_input_tokens": "bigint",
        "modality": "varchar",
        "usd_per_million_input_tokens": "double",
        "usd_per_million_output_tokens": "double",
        "usd_per_million_cache_read_tokens": "double",
        "usd_per_million_cache_write_tokens": "double",
        "context_tokens": "bigint",
        "is_deprecated": "boolean",
    },
    provenance={
        "source_url": "varchar",
        "payload_sha256": "varchar",
        "parser_version": "integer",
    },
)

ENTITIES = (OFFER, API_PRICE)  # every thing that has a history


def create(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Create the tables and the view of an entity where they are not there yet."""
    is_new = not models.table_exists(connection, f"core.{entity.view}")  # the view is made last
    if is_new:
        _create_tables(connection, entity)
    if _add_columns(connection, entity) or is_new:
        _create_view(connection, entity)
        _document(connection, entity)


def _create_tables(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Create the tables; those that a run left which was killed in between stay."""
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
        connection.execute(f"create table if not exists {table} ({columns})")
    connection.execute(
        f"create table if not exists {entity.capture} (capture_id varchar, source_id varchar,"
        " request_key varchar, seen_at timestamp, recorded_at timestamp, parser_version integer)"
    )
    connection.execute("create table if not exists staged.affected_day (entity varchar, day date)")


def _create_view(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    columns = ", ".join(entity.columns)
    connection.execute(
        f"create or replace view core.{entity.view} as select {columns} from {entity.closed}"
        f" union all select {columns} from {entity.open}"
    )


def _add_columns(connection: duckdb.DuckDBPyConnection, entity: Entity) -> bool:
    """Add the values that tables of an earlier version lack, as null; return whether any was."""
    there = {row[0] for row in connection.execute(f"describe {entity.open}").fetchall()}
    missing = {name: kind for name, kind in entity.values.items() if name not in there}
    for name, kind in missing.items():
        for table in (entity.open, entity.closed):
            connection.execute(f"alter table {table} add column if not exists {name} {kind}")
    return bool(missing)


def _document(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Comment the tables with what they hold; their columns are those of the documented view."""
    comments = {
        entity.open: "One row per belief that is valid now: valid_to and superseded_at are null.",
        entity.closed: "One row per belief that ended or was superseded, in order of knowledge.",
        entity.capture: "One row per good capture of a scope that the history holds.",
    }
    for table, grain in comments.items():
        connection.execute(f"comment on table {table} is {literal(grain)}")
    for column, meaning in CAPTURE_COLUMNS.items():
        connection.execute(f"comment on column {entity.capture}.{column} is {literal(meaning)}")
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

    A capture whose ``capture_id`` is merged already is skipped. Knowledge never
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
        Table or view of the good captures: ``capture_id, source_id, request_key, seen_at,
        recorded_at, parser_version``. A capture without observations says that the scope is empty.
    entity : Entity
        What the rows are.
    is_in_transaction : bool
        Whether the caller has opened a transaction that this is to be a part of.

    Returns
    -------
    int
        How many captures were new. The days whose derived rows must be recomputed are added to
        ``staged.affected_day (entity, day)``; the build empties it when these passed its checks.

    Raises
    ------
    ValueError
        If a capture holds a key twice: which of the two would be believed?
    """
    create(connection, entity)
    with _transaction(connection, is_in_transaction):
        new = connection.execute(_keep("new_capture", entity, captures=captures)).fetchall()[0][0]
        if not new:
            return 0
        _refuse_doubles(connection, observations, entity)
        horizon = connection.execute(f"select max(seen_at)::date from {entity.capture}").fetchall()[
            0
        ][0]
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


@cache
def _text(name: str) -> str:
    return (models.SQL_FOLDER / "history" / f"{name}.sql").read_text(encoding="utf-8")


def _select(name: str, entity: Entity, **more: object) -> str:
    """Return the select of ``sql/history/<name>.sql`` for an entity.

    The files hold ``{name}`` where the tables and the columns of the entity belong.
    """

    def of(table: str, names: Iterable[str]) -> str:
        return ", ".join(f"{table}.{name}" for name in names)

    return _text(name).format(
        entity=entity.name,
        open=entity.open,
        closed=entity.closed,
        capture=entity.capture,
        key=entity.key,
        values=", ".join(entity.values),
        typed_values=", ".join(f"cast({name} as {kind})" for name, kind in entity.values.items()),
        written_values=of("written", entity.values),
        closed_values=of("closed", entity.values),
        carried=", ".join(entity.carried),
        believed_carried=of("belief", entity.carried),
        believed=of("belief", (*SCOPE, *entity.carried)),
        **more,
    )


def _keep(name: str, entity: Entity, **more: object) -> str:
    """Return the statement that recreates the temporary table ``merging_<name>``."""
    return f"create or replace temp table merging_{name} as {_select(name, entity, **more)}"


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
        " where recorded_at = ? order by source_id, request_key, seen_at, capture_id",
        [recorded_at],
    )


def _choose_captures(
    connection: duckdb.DuckDBPyConnection, entity: Entity, recorded_at: datetime
) -> None:
    """Choose one capture per scope and instant, and find how far each reaches.

    ``is_next`` marks the usual case: one capture of the scope, after all captures before.
    """
    rank = "(recorded_at, coalesce(parser_version, -1), capture_id)"
    connection.execute(_keep("chosen", entity, rank=rank), {"recorded_at": recorded_at})
    connection.execute(_keep("replaced_range", entity))
    connection.execute(
        "insert into merging_all_replaced_range by name"
        " select source_id, request_key, valid_from, valid_to from merging_replaced_range"
    )


def _gather_beliefs(
    connection: duckdb.DuckDBPyConnection, observations: str, entity: Entity
) -> None:
    """Gather what was believed about the scopes and what the captures saw, as far as they reach.

    Values are compared by their hash (64 bits, within one key only) and fetched by row when they
    are written. For captures in order, the beliefs are the open rows. Closed rows are read for late
    captures only.
    """
    connection.execute(_keep("seen", entity, observations=observations))
    connection.execute(_keep("old_belief", entity))
    late = connection.execute(
        "select 1 from merging_replaced_range where is_late limit 1"
    ).fetchall()
    if late:
        connection.execute(
            "insert into merging_old_belief by name " + _select("old_belief_late", entity)
        )
    # What the next capture confirms needs no more work.
    thing = f"source_id, request_key, {entity.key}"
    connection.execute(_keep("confirmed", entity))
    for table in ("merging_seen", "merging_old_belief"):
        connection.execute(
            f"create or replace temp table {table} as"
            f" select * from {table} anti join merging_confirmed using ({thing})"
        )


def _derive_new_beliefs(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Cut the new captures' ranges out of the old beliefs, fill them, and join equal neighbours."""
    connection.execute(_keep("new_belief", entity))


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
    connection.execute(_keep("written", entity, at=at, observations=observations))
    late = connection.execute(
        "select 1 from merging_replaced_range where is_late limit 1"
    ).fetchall()
    if late:
        connection.execute(
            "insert into merging_written by name " + _select("written_late", entity, at=at)
        )
        # A belief recorded at this same instant was never published: it is deleted.
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
    is_open = "valid_to is null and superseded_at is null"
    for table, belongs in ((entity.open, is_open), (entity.closed, f"not ({is_open})")):
        connection.execute(
            f"insert into {table} ({columns}) select {columns} from merging_written where {belongs}"
            f" order by source_id, request_key, {entity.key}, valid_from, recorded_at"
        )


def _resume(connection: duckdb.DuckDBPyConnection, entity: Entity, at: str) -> None:
    """Undo a supersession by an earlier merge at the same ``recorded_at`` if the value returns."""
    if not connection.execute(
        f"select 1 from {entity.capture} where recorded_at = {at} limit 1"
    ).fetchall():
        return
    connection.execute(_keep("resumed", entity, at=at))
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
    """Note the days whose derived values may change.

    They are those that a new capture affects, up to the last day captured, and those since
    ``horizon``, the last day captured before, which have not been derived yet.
    """
    connection.execute(
        "insert into staged.affected_day " + _select("affected_day", entity),
        {"horizon": horizon},
    )
