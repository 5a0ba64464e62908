"""Loading: new captures into staged tables and the history, by one writer, in one process.

It reads the files that ``reading`` wrote and runs what ``warehouse`` defines. It fetches nothing
and holds no rule about prices. Making the other tables belongs to ``make``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

import warehouse
from pipelines.derive.reference_tables import load_reference
from pipelines.derive.registry import MADE_WHILE_LOADING
from pipelines.reading.contract import SCHEMAS
from pipelines.reading.ledger import capture_ledger
from pipelines.reading.reader import repair
from pipelines.reading.whole import has_readings
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from warehouse import history, quality
from warehouse.api_price_quality import hold_api_prices
from warehouse.database import open_build
from warehouse.macros import run_formulas
from warehouse.models import SQL_FOLDER, read_models
from warehouse.paths import Home
from warehouse.working import keep, load_select

SNAPSHOT = Path(warehouse.__file__).parent / "snapshot"
FIRST_PARTY = ("api", "page")  # what it prints holds when it answers, however old the bytes are
KIND_RANK = {"api": 1, "page": 2, "marketplace": 3, "feed": 5, "reference": 6}
LIST_COPY_RANK = 4  # before feeds that gather many providers


@dataclass
class BuildReport:
    """What one build did."""

    captures_new: int = 0
    offers_kept: int = 0
    offers_held: int = 0
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
        load_reference(connection, home.own_calibration)
        keep(connection, "price_correction_change")
        known = {row[0] for row in connection.execute(load_select("known_capture")).fetchall()}
        for capture_id in repair(home, known):
            say(f"{capture_id}: its rows were damaged and are read again")
        ledger, root = capture_ledger(home, known), home.root
        is_bundled = not has_readings(home)
        if is_bundled:
            bundled = bundled_ledger(now, known)
            if has_rows(bundled):
                ledger, root = pa.concat_tables([bundled, ledger]), SNAPSHOT
                report.from_snapshot = True
                say(f"no source has answered yet: the bundled snapshot is used, {span(bundled)}")
            elif not known:
                say(f"no source has answered yet, and the bundled snapshot begins after {now:%F}")
        arrive(connection, ledger, root)
        load_tables(connection)
        for number, (recorded_at, seen_at, has_offers, has_token_prices) in enumerate(
            rounds(connection), start=1
        ):
            quality.apply_decisions(connection, recorded_at)
            if has_offers:
                load_offers(connection, recorded_at, seen_at)
            if has_token_prices:
                load_api_prices(connection, recorded_at, seen_at)
            if number % 20 == 0:
                say(f"{number} moments of capture merged")
        record(connection, report)
        if is_bundled:
            connection.execute(load_select("bundled_prices"))
    return report


def has_rows(ledger: pa.Table) -> bool:
    """Return whether any line of a ledger has rows."""
    return any(path is not None for path in ledger.column("observation_path").to_pylist())


def bundled_ledger(now: datetime, known: Collection[str]) -> pa.Table:
    """Return the ledger of the bundled snapshot as of a moment, without the known captures."""
    ledger = capture_ledger(Home(SNAPSHOT), known)
    return ledger.filter(pc.less_equal(ledger["seen_at"], pa.scalar(now, ledger["seen_at"].type)))


def span(ledger: pa.Table) -> str:
    """Return the first and the last day of a ledger."""
    ends = pc.min_max(ledger["seen_at"]).as_py()
    return f"{ends['min']:%F} to {ends['max']:%F}"


def arrive(connection: duckdb.DuckDBPyConnection, ledger: pa.Table, root: Path) -> None:
    """Write the new lines of the ledger into the table ``arrived``."""
    connection.register("arrived_ledger", ledger)
    keep(connection, "arrived", root=str(root))
    connection.unregister("arrived_ledger")
    connection.execute(
        "create or replace temp table capture_source_time"
        " (capture_id varchar, source_time timestamp)"
    )


def as_utc(moment: datetime) -> datetime:
    """Return a moment as the warehouse writes it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def prepare(connection: duckdb.DuckDBPyConnection, now: datetime, run_id: str) -> None:
    """Create the ledgers and the formulas that models use, and set the clock of this build."""
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
    run_formulas(connection)
    for entity in history.ENTITIES:
        history.create(connection, entity)
    connection.execute(
        "create or replace table staged.build_clock as"
        " select ?::timestamp as now_at, ?::varchar as run_id, now_at as prices_at,"
        " false as is_bundled",
        [as_utc(now), run_id],
    )
    connection.register("declared_source", declared_sources(all_sources().values()))
    connection.execute("create or replace table meta.source as from declared_source")
    connection.unregister("declared_source")


def declared_sources(sources: Iterable[Source]) -> pa.Table:
    """Return what each source declares, one row a source."""
    skipped = {"requests", "parse", "follow", "known_gpus", "past"}
    rows = []
    for source in sources:
        row = {k: v for k, v in vars(source).items() if k not in skipped}
        row["source_kind"] = row.pop("kind")
        row["kind_rank"] = LIST_COPY_RANK if source.copies_list else KIND_RANK[source.kind]
        row["is_first_party"] = source.kind in FIRST_PARTY
        row["frozen_after_hours"] = source.frozen_after_hours or 7 * source.cadence_hours
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


def load_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace reference tables and series by those of the newest good capture of each request."""
    for kind, table in (("table_row", "staged.table_row"), ("series_point", "core.series_point")):
        newest = connection.execute(load_select("newest_file"), {"record_kind": kind}).fetchall()
        for source_id, request_key, file in newest:
            connection.execute(
                f"delete from {table} where source_id = ? and request_key = ?",
                [source_id, request_key],
            )
            columns = ", ".join(f'"{name}"' for name in columns_of(connection, table))
            # Parquet files keep the column ``captured_at`` of every version of truecost.
            renamed = columns.replace('"table_name"', '"table" as table_name').replace(
                '"seen_at"', '"captured_at" as seen_at'
            )
            connection.execute(
                f"insert into {table} ({columns}) select {renamed} from read_parquet(?)", [file]
            )


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the column names of a table, in order."""
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def rounds(connection: duckdb.DuckDBPyConnection) -> list[tuple[datetime, datetime, bool, bool]]:
    """Return the moments of what arrived, in the order of knowledge.

    Of each: ``recorded_at``, ``seen_at``, and whether it has offers and token prices. A complete
    answer without a row ends the offers of its scope.
    """
    return connection.execute(
        "select recorded_at, seen_at, bool_or(coalesce(record_kind, 'offer') = 'offer'),"
        " bool_or(coalesce(record_kind, 'offer') = 'api_price')"
        " from arrived where record_kind in ('offer', 'api_price')"
        " or (record_kind is null and is_scope_complete)"
        " group by recorded_at, seen_at order by recorded_at, seen_at"
    ).fetchall()


def load_offers(
    connection: duckdb.DuckDBPyConnection, recorded_at: datetime, seen_at: datetime
) -> None:
    """Normalise, judge and merge the offers of the captures of one moment."""
    moment = {"recorded_at": recorded_at, "seen_at": seen_at}
    files = connection.execute(
        "select distinct observation_file from arrived where record_kind = 'offer'"
        " and recorded_at = $recorded_at and seen_at = $seen_at",
        moment,
    ).fetchall()
    observed = observations(connection, [file for (file,) in files])
    observed.create_view("observed")
    connection.execute(
        "create or replace table staged.offer_observation as " + load_select("offer_observation"),
        moment,
    )
    connection.execute("drop view observed")  # it would be published with the file
    for name in MADE_WHILE_LOADING:  # their comments are written once, when all are loaded
        connection.execute(f"create or replace table {name} as {read_models()[name].select}")
    connection.execute(
        "insert into capture_source_time select capture_id, max(source_time)"
        " from staged.offer_observation group by capture_id"
    )
    keep(connection, "good_capture", recorded_at=recorded_at, seen_at=seen_at)
    quality.hold_batches(connection, "from good_capture")
    quality.hold_rows(connection)
    connection.execute(
        "delete from good_capture where capture_id in (select capture_id from staged.held_capture)"
    )
    connection.execute("insert into good_capture by name " + load_select("ended_part"))
    history.merge(connection, "staged.normalised_offer", "good_capture", history.OFFER)
    connection.execute(
        "delete from staged.offer_stated where (source_id, request_key, seen_at)"
        " in (select (source_id, request_key, seen_at) from good_capture)"
    )
    connection.execute("insert into staged.offer_stated by name " + load_select("offer_stated"))


def observations(
    connection: duckdb.DuckDBPyConnection, files: list[str], record_kind: str = "offer"
) -> duckdb.DuckDBPyRelation:
    """Return the rows of files of one kind, with the name of the file of each.

    A column that files of an earlier version do not have is null.
    """
    empty = connection.from_arrow(SCHEMAS[record_kind].empty_table())
    if not files:
        return empty.project("*, null::varchar as filename")
    found = connection.read_parquet(files, union_by_name=True, filename=True)
    missing = [
        f"cast(null as {kind}) as {name}"
        for name, kind in zip(empty.columns, empty.types, strict=True)
        if name not in found.columns
    ]
    return found.project(", ".join(["*", *missing]))


def load_api_prices(
    connection: duckdb.DuckDBPyConnection, recorded_at: datetime, seen_at: datetime
) -> None:
    """Judge and merge the token prices of the captures of one moment."""
    moment = {"recorded_at": recorded_at, "seen_at": seen_at}
    keep(connection, "good_api_capture", recorded_at=recorded_at, seen_at=seen_at)
    files = connection.execute(
        "select distinct observation_file from arrived where record_kind = 'api_price'"
        " and recorded_at = $recorded_at and seen_at = $seen_at",
        moment,
    ).fetchall()
    observations(connection, [file for (file,) in files], "api_price").create_view("observed")
    keep(connection, "api_price_observation", recorded_at=recorded_at, seen_at=seen_at)
    connection.execute("drop view observed")
    hold_api_prices(connection, seen_at)
    history.merge(connection, "api_price_observation", "good_api_capture", history.API_PRICE)


def record(connection: duckdb.DuckDBPyConnection, report: BuildReport) -> None:
    """Enter what arrived into ``meta.capture`` and the held rows into ``meta.quarantine``."""
    connection.execute("insert into meta.capture by name " + load_select("capture"))
    connection.execute(
        "update meta.quarantine_audit set recorded_at = (select now_at from staged.build_clock)"
        " where recorded_at is null"
    )
    connection.execute(
        "update meta.price_correction set read_at = coalesce(superseded_at, recorded_at)"
    )
    files = connection.execute(
        "select distinct quarantine_file from arrived where quarantine_file is not null"
    ).fetchall()
    if files:
        connection.execute(
            "insert into meta.quarantine by name " + load_select("parsed_quarantine"),
            {"files": [file for (file,) in files]},
        )
    report.captures_new, report.offers_kept, report.offers_held = connection.execute(
        "select count(distinct capture_id), sum(offers_kept) filter (where decisions is null),"
        " sum(offers_held) filter (where decisions is null) from arrived"
    ).fetchall()[0]
    quality.apply_decisions(connection, None)
    connection.execute("drop table arrived")
