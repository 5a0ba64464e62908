"""The build: new captures into staged, history and marts, by one writer, in one process.

It reads files that ``pipelines.parse`` wrote and runs what ``warehouse`` defines. It fetches
nothing, computes no cost and holds no rule about prices. Dagster assets call these functions;
they know nothing of Dagster.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

import cost_engine
import warehouse.reference
from pipelines.parse import SCHEMAS, capture_ledger
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from warehouse import history, quality
from warehouse.database import open_build
from warehouse.models import (
    SQL_FOLDER,
    CheckResult,
    Model,
    column_lineage,
    comment,
    models_hash,
    read_models,
    row_count,
    run_checks,
    run_macros,
    run_models,
    table_exists,
)
from warehouse.paths import Home
from warehouse.reference import REFERENCE_FOLDER, reference_rows

SNAPSHOT = Path(warehouse.__file__).parent / "snapshot"
KIND_RANK = {"api": 1, "page": 2, "marketplace": 3, "feed": 4, "reference": 5}
HISTORIES = {f"core.{entity.view}": entity for entity in (history.OFFER, history.API_PRICE)}
COSTING = "pipelines/costing/"  # models that say "-- made by: pipelines/costing/..."
COSTINGS: tuple[str, ...] = (
    "training",
    "inference",
)  # modules with derive(connection, on), in running order


class ChecksFailedError(RuntimeError):
    """A check of the warehouse found wrong rows; nothing is published."""


@dataclass
class BuildReport:
    """What one build did."""

    captures_new: int = 0
    rows_kept: int = 0
    rows_held: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    from_snapshot: bool = False


Say = Callable[[str], None]


def load(home: Home, *, now: datetime, run_id: str, say: Say = lambda _: None) -> BuildReport:
    """Load the reference data and every capture that the build file does not know yet.

    Parameters
    ----------
    home : Home
        The data folder.
    now : datetime
        The clock of the run, UTC.
    run_id : str
        Name of the run, for ``meta.run``.
    say : callable
        Gets a line of progress.
    """
    report = BuildReport()
    with open_build(home) as connection:
        prepare(connection, now, run_id)
        load_reference(connection)
        known = {
            row[0]
            for row in connection.execute(
                "select distinct capture_id from meta.capture where capture_id not in"
                " (select capture_id from meta.quarantine_audit where known_at is null)"
            ).fetchall()
        }
        ledger, root = capture_ledger(home, known), home.root
        if not known and not has_rows(ledger) and SNAPSHOT.is_dir():
            ledger, root = pa.concat_tables([capture_ledger(Home(SNAPSHOT)), ledger]), SNAPSHOT
            report.from_snapshot = True
            say("no source has answered yet: starting from the bundled snapshot")
        arrive(connection, ledger, root)
        load_tables(connection)
        for number, moment in enumerate(rounds(connection), start=1):
            quality.apply_decisions(connection, moment[0])
            load_offers(connection, *moment)
            if number % 20 == 0:
                say(f"{number} moments of capture merged")
        load_api_prices(connection)
        record(connection, report)
    return report


def has_rows(ledger: pa.Table) -> bool:
    """Tell whether any line of a ledger has rows."""
    return any(path is not None for path in ledger.column("observation_path").to_pylist())


def arrive(connection: duckdb.DuckDBPyConnection, ledger: pa.Table, root: Path) -> None:
    """Put the new lines of the ledger into the table ``arrived``."""
    connection.register("arrived_ledger", ledger)
    connection.execute(
        """
        create or replace temp table arrived as
        -- A capture that someone decided on is read anew, and known so from the build that does it.
        with decision as (
            select distinct a.capture_id, a.known_at is null as is_new,
                coalesce(a.known_at, c.now_at) as known_at,
                count(*) over (
                    partition by a.capture_id order by coalesce(a.known_at, c.now_at)
                ) as decisions
            from meta.quarantine_audit as a
            cross join staged.build_clock as c
        ),
        reading as (
            select l.*, l.recorded_at::timestamp as known_at, null::bigint as decisions
            from arrived_ledger as l
            where l.capture_id not in (select capture_id from meta.capture)
            union all
            select l.*, d.known_at, d.decisions
            from arrived_ledger as l
            inner join decision as d on l.capture_id = d.capture_id
            where d.is_new or l.capture_id not in (select capture_id from meta.capture)
        )
        select * exclude (captured_at, recorded_at, known_at, started_at, finished_at, mirror),
            captured_at::timestamp as valid_at, known_at as recorded_at,
            ? || '/' || observation_path as observation_file,
            ? || '/' || quarantine_path as quarantine_file,
            concat_ws('#', capture_id, coalesce(request_scope, ''), coalesce(parser_version, 0),
                decisions) as scope_capture_id
        from reading
        """,
        [str(root), str(root)],
    )
    connection.unregister("arrived_ledger")
    connection.execute(
        "create or replace temp table own_time (capture_id varchar, source_time timestamp)"
    )


def as_utc(moment: datetime) -> datetime:
    """Return a moment as the warehouse writes it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def prepare(connection: duckdb.DuckDBPyConnection, now: datetime, run_id: str) -> None:
    """Create the ledgers where they are not there yet, and set the clock of this build."""
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
    for entity in HISTORIES.values():
        history.create(connection, entity)
    connection.execute(
        "create or replace table staged.build_clock as"
        " select ?::timestamp as now_at, ?::varchar as run_id",
        [as_utc(now), run_id],
    )
    connection.register("declared_source", declared_sources(all_sources().values()))
    connection.execute("create or replace table meta.source as from declared_source")
    connection.unregister("declared_source")


def declared_sources(sources: Iterable[Source]) -> pa.Table:
    """Return what each source declares, one row a source."""
    skipped = {"requests", "parse", "follow", "known_gpus"}
    rows = []
    for source in sources:
        row = {k: v for k, v in vars(source).items() if k not in skipped}
        row["source_kind"] = row.pop("kind")
        row["kind_rank"] = KIND_RANK[source.kind]
        row["allowed_hosts"] = ", ".join(source.allowed_hosts)
        row["expected_rows_low"], row["expected_rows_high"] = row.pop("expected_rows")
        row["is_enabled"] = source.disabled_reason is None
        rows.append(row)
    text = {"key_environment", "disabled_reason", "currency", "price_basis", "price_unit"}
    table = pa.Table.from_pylist(rows)
    for name in text:  # a column of nulls only has no type yet
        column = table.column(name).cast(pa.string())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def load_reference(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the reference tables where the reference data changed.

    The days of a break of method that is declared, or not any more, are derived again.
    """
    version = reference_version()
    if table_exists(connection, "meta.reference_version"):
        known = connection.execute("from meta.reference_version").fetchall()
        if known == [(version,)]:
            return
    connection.execute(
        "create table if not exists core.method_break"
        " (source_id varchar, break_on date, settled_on date, change varchar)"
    )
    declared = "select source_id, break_on, settled_on, change from core.method_break"
    connection.execute(f"create or replace temp table break_before as {declared}")
    for name, table in reference_rows().items():
        connection.register("reference_table", table)
        connection.execute(f"create or replace table {name} as from reference_table")
        connection.unregister("reference_table")
    if table_exists(connection, "marts.gpu_price_daily"):
        connection.execute(
            f"""
            insert into staged.affected_day
            select 'offer', d.day
            from marts.gpu_price_daily as d
            inner join (
                (from break_before except {declared})
                union all ({declared} except from break_before)
            ) as b on d.day between b.break_on and b.settled_on
            except from staged.affected_day
            """
        )
    connection.execute(
        "create or replace table meta.reference_version as select ? as version", [version]
    )


def reference_version(folder: Path = REFERENCE_FOLDER) -> str:
    """Return a hash of the reference data and of the code that reads it."""
    digest = hashlib.sha256(Path(warehouse.reference.__file__).read_bytes())
    for path in sorted([*folder.glob("*.csv"), *folder.rglob("*.yaml")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def load_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace reference tables and series by those of the newest good capture of each request."""
    for kind, table in (("table_row", "staged.table_row"), ("series_point", "core.series_point")):
        newest = connection.execute(
            """
            select source_id, request_key, observation_file from arrived
            where record_kind = ? and status in ('ok', 'unchanged')
            qualify row_number() over (
                partition by source_id, request_key order by valid_at desc, recorded_at desc
            ) = 1
            """,
            [kind],
        ).fetchall()
        for source_id, request_key, file in newest:
            connection.execute(
                f"delete from {table} where source_id = ? and request_key = ?",
                [source_id, request_key],
            )
            columns = ", ".join(f'"{name}"' for name in columns_of(connection, table))
            renamed = columns.replace('"table_name"', '"table" as table_name')
            connection.execute(
                f"insert into {table} ({columns}) select {renamed} from read_parquet(?)", [file]
            )


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the column names of a table, in order."""
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def rounds(connection: duckdb.DuckDBPyConnection) -> list[tuple[datetime, datetime]]:
    """Return the (recorded_at, valid_at) pairs of what arrived, in the order of knowledge."""
    return connection.execute(
        "select distinct recorded_at, valid_at from arrived where record_kind = 'offer'"
        " or (record_kind is null and is_scope_complete) order by recorded_at, valid_at"
    ).fetchall()


def load_offers(
    connection: duckdb.DuckDBPyConnection, recorded_at: datetime, valid_at: datetime
) -> None:
    """Normalise, judge and merge the offers of the captures of one moment."""
    moment = [recorded_at, valid_at]
    files = connection.execute(
        "select distinct observation_file from arrived"
        " where record_kind = 'offer' and recorded_at = ? and valid_at = ?",
        moment,
    ).fetchall()
    connection.register("no_offers", SCHEMAS["offer"].empty_table())
    reading = "read_parquet($files, union_by_name = true, filename = true)"
    observed = reading if files else "(select *, null::varchar as filename from no_offers)"
    connection.execute(
        f"""
        create or replace table staged.offer_observation as
        select a.scope_capture_id as capture_id, a.source_id, s.source_kind,
            a.request_scope as request_key, o.* exclude (
                source_id, request_key, captured_at, record_kind, parser_version, source_time,
                filename
            ) replace (a.source_url as source_url),
            -- A time still to come says nothing about age.
            case when o.source_time::timestamp <= a.valid_at + interval 5 minute
                then o.source_time::timestamp end as source_time,
            o.parser_version, a.valid_at, a.recorded_at
        from {observed} as o
        inner join arrived as a on o.filename = a.observation_file and a.record_kind = 'offer'
        inner join meta.source as s on a.source_id = s.source_id
        where a.recorded_at = $recorded_at and a.valid_at = $valid_at
        """,
        {"recorded_at": recorded_at, "valid_at": valid_at}
        | ({"files": [file for (file,) in files]} if files else {}),
    )
    for name in ("exchange_rate", "gpu_identity", "normalised_offer"):
        model = read_models()[f"staged.{name}"]  # commented once, when all moments are loaded
        connection.execute(f"create or replace table {model.name} as {model.select}")
    connection.execute(
        "insert into own_time select capture_id, max(source_time) from staged.offer_observation"
        " group by capture_id"
    )
    connection.execute(
        """
        create or replace temp table good_capture as
        select scope_capture_id as capture_id, source_id, request_scope as request_key,
            valid_at, recorded_at, parser_version, min(payload_sha256) as payload_sha256
        from arrived
        where is_scope_complete and recorded_at = ? and valid_at = ?
            and (record_kind = 'offer' or record_kind is null)
        group by all
        """,
        moment,
    )
    quality.hold_batches(connection, "from good_capture")
    quality.hold_rows(connection)
    connection.execute(
        "delete from good_capture where capture_id in (select capture_id from staged.held_capture)"
    )
    # A part that a change of method ended is never asked for again: the change ends its offers.
    connection.execute(
        """
        insert into good_capture by name
        select distinct
            concat_ws('#', g.source_id || '/' || b.settled_on || '/method_break',
                b.ended_request_key) as capture_id,
            g.source_id, b.ended_request_key as request_key, b.settled_on::timestamp as valid_at,
            g.recorded_at, null::integer as parser_version
        from good_capture as g
        inner join core.method_break as b
            on g.source_id = b.source_id and g.valid_at >= b.settled_on
            and b.ended_request_key is not null
        """
    )
    history.merge(connection, "staged.normalised_offer", "good_capture", history.OFFER)


def load_api_prices(connection: duckdb.DuckDBPyConnection) -> None:
    """Merge the token prices of every new capture."""
    files = connection.execute(
        "select distinct observation_file from arrived where record_kind = 'api_price'"
    ).fetchall()
    if not files:
        return
    connection.execute(
        """
        create or replace temp table api_price_observation as
        select a.scope_capture_id as capture_id, o.* exclude (
                source_id, request_key, record_kind, filename
            ),
            md5(concat_ws('|', a.source_id, o.api_provider_id, o.api_model_id,
                coalesce(o.variant, ''))) as api_price_key
        from read_parquet($files, union_by_name = true, filename = true) as o
        inner join arrived as a
            on o.filename = a.observation_file and a.record_kind = 'api_price'
        qualify row_number() over (
            partition by a.scope_capture_id, api_price_key order by o.price_from desc nulls last
        ) = 1
        """,
        {"files": [file for (file,) in files]},
    )
    connection.execute(
        """
        create or replace temp table good_capture as
        select distinct scope_capture_id as capture_id, source_id, request_scope as request_key,
            valid_at, recorded_at, parser_version
        from arrived where is_scope_complete and record_kind = 'api_price'
        """
    )
    history.merge(connection, "api_price_observation", "good_capture", history.API_PRICE)


def record(connection: duckdb.DuckDBPyConnection, report: BuildReport) -> None:
    """Enter what arrived into ``meta.capture`` and the held rows into ``meta.quarantine``."""
    connection.execute(
        """
        insert into meta.capture by name
        select a.* exclude (
                observation_file, quarantine_file, quarantine_path, scope_capture_id, decisions
            ),
            t.source_time, c.run_id
        from arrived as a
        cross join staged.build_clock as c
        left join own_time as t on a.scope_capture_id = t.capture_id
        where a.decisions is null
        """
    )
    connection.execute(
        "update meta.quarantine_audit set known_at = (select now_at from staged.build_clock)"
        " where known_at is null"
    )
    files = connection.execute(
        "select distinct quarantine_file from arrived where quarantine_file is not null"
    ).fetchall()
    if files:
        connection.execute(
            """
            insert into meta.quarantine by name
            select * exclude (recorded_at) from (
                select
                    md5(concat_ws('|', q.source_id, q.payload_sha256, q.rule, q.row_json))
                        as held_id,
                    'row' as scope, q.source_id, q.request_key, a.capture_id,
                    a.valid_at as captured_at, q.payload_sha256, q.parser_version, q.rule,
                    q.reason, q.row_json, 'held' as state, c.run_id, a.recorded_at
                from read_parquet($files, union_by_name = true, filename = true) as q
                inner join arrived as a on q.filename = a.quarantine_file
                cross join staged.build_clock as c
            )
            -- The same bytes on another day hold the same rows: they stand once, as first known.
            where held_id not in (select held_id from meta.quarantine)
            qualify row_number() over (
                partition by held_id order by recorded_at, captured_at, capture_id
            ) = 1
            """,
            {"files": [file for (file,) in files]},
        )
    report.captures_new, report.rows_kept, report.rows_held = connection.execute(
        "select count(distinct capture_id), sum(rows_kept) filter (where decisions is null),"
        " sum(rows_held) filter (where decisions is null) from arrived"
    ).fetchall()[0]
    quality.apply_decisions(connection, None)
    connection.execute("drop table arrived")


@dataclass(frozen=True)
class Phases:
    """The models in the order in which they are made."""

    loaded: tuple[Model, ...]  # made by the loading above
    before: tuple[Model, ...]  # SQL that needs no cost engine
    made: tuple[Model, ...]  # made by the cost engine
    after: tuple[Model, ...]  # SQL over what the cost engine made

    @property
    def all(self) -> tuple[Model, ...]:
        """Return every model, in order."""
        return self.loaded + self.before + self.made + self.after


def phases(models: dict[str, Model]) -> Phases:
    """Sort the models by what must be there before them."""
    made = {m.name for m in models.values() if (m.made_by or "").startswith(COSTING)}
    after: set[str] = set()
    for model in models.values():  # each comes after what it reads
        if model.select is not None and model.depends_on & (made | after):
            after.add(model.name)
    loaded = {m.name for m in models.values() if m.made_by} - made
    # made anew for each moment of capture
    staged = {"staged.exchange_rate", "staged.gpu_identity", "staged.normalised_offer"}

    def those(names: set[str]) -> tuple[Model, ...]:
        return tuple(model for model in models.values() if model.name in names)

    return Phases(
        loaded=those(loaded | staged),
        before=those(models.keys() - loaded - staged - made - after),
        made=those(made),
        after=those(after),
    )


def make(
    home: Home, order: Phases, say: Say = lambda _: None
) -> Iterator[tuple[Model, int | None]]:
    """Make every table after loading, and yield each with its row count (see ``row_count``).

    Parameters
    ----------
    home : Home
        The data folder.
    order : Phases
        What to make, see ``phases``.
    say : callable
        Gets a line of progress.
    """
    with open_build(home) as connection:
        yield from counted(connection, order.loaded)
        done: list[tuple[Model, int | None]] = []
        run_models(connection, order.before, lambda *pair: done.append(pair))
        yield from done
        newest = connection.execute("select max(day) from marts.gpu_price_daily").fetchall()[0][0]
        if newest is not None:
            for name in COSTINGS:
                say(f"cost engine: {name}")
                importlib.import_module(f"pipelines.costing.{name}").derive(connection, newest)
        yield from counted(connection, order.made)
        done.clear()
        for model in order.after:  # where the cost engine made what it reads
            if all(table_exists(connection, name) for name in model.depends_on):
                run_models(connection, [model], lambda *pair: done.append(pair))
        yield from done
        run_macros(connection)
        connection.execute((SQL_FOLDER / "meta_views.sql").read_text())
        describe(connection, order)


def counted(
    connection: duckdb.DuckDBPyConnection, models: Iterable[Model]
) -> Iterator[tuple[Model, int | None]]:
    """Comment tables that are there already, and yield each with its row count."""
    for model in models:
        if table_exists(connection, model.name):
            comment(connection, model)
            entity = HISTORIES.get(model.name)
            yield (
                model,
                history.row_count(connection, entity) if entity else row_count(connection, model),
            )


def describe(connection: duckdb.DuckDBPyConnection, order: Phases) -> None:
    """Write ``meta.column`` and ``meta.lineage`` where the SQL files changed."""
    version = models_hash()
    if table_exists(connection, "meta.lineage"):
        known = connection.execute("select distinct models_hash from meta.lineage").fetchall()
        if known == [(version,)]:
            return
    columns = pa.Table.from_pylist(
        [
            {
                "table_name": m.name,
                "column_name": c.name,
                "meaning": c.meaning,
                "unit": c.unit,
                "grain": m.grain,
                "made_by": m.made_by or f"warehouse/sql/{m.name.replace('.', '/')}.sql",
            }
            for m in order.all
            for c in m.columns
        ]
    )
    edges = pa.Table.from_pylist(
        [
            {
                "table_name": a,
                "column_name": b or None,
                "from_table": c,
                "from_column": d or None,
                "models_hash": version,
            }
            for a, b, c, d in column_lineage()
        ]
    )
    for name, table in (("meta.column", columns), ("meta.lineage", edges)):
        connection.register("described", table)
        connection.execute(f"create or replace table {name} as from described")
        connection.unregister("described")


def check(home: Home, models: Iterable[Model]) -> list[CheckResult]:
    """Run every check and keep what it found in ``meta.check_result``.

    Of tables that grow, the days that this build may have changed are read. Other SQL, reference
    data or formulas than those of the last build that passed have every row read. The days stay
    in ``staged.affected_day`` until they pass.
    """
    version = derivation_version()
    with open_build(home) as connection:
        connection.execute("create table if not exists staged.checked (version varchar)")
        passed = connection.execute("from staged.checked").fetchall() == [(version,)]
        [(first,)] = connection.execute("select min(day) from staged.affected_day").fetchall()
        results = list(run_checks(connection, models, (first or date.max) if passed else None))
        connection.register("found", pa.Table.from_pylist([vars(result) for result in results]))
        connection.execute("create or replace table meta.check_result as from found")
        connection.unregister("found")
        if not any(result.wrong_rows for result in results):
            connection.execute("delete from staged.affected_day")
            connection.execute(
                "create or replace table staged.checked as select ? as version", [version]
            )
    return results


def derivation_version() -> str:
    """Return a hash of all that derived values hang on, prices apart: SQL, figures, formulas."""
    digest = hashlib.sha256(f"{models_hash()} {reference_version()}".encode())
    for folder in (Path(cost_engine.__file__).parent, Path(__file__).parent / "costing"):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
