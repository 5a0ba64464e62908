"""What became of a source: the same in the ledger, in ``meta.source_status`` and on the screen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from pipelines.capture.manifest import Capture
from pipelines.capture.parallel import CaptureResult
from pipelines.commands.run import Screen
from pipelines.derive.load import declared_sources
from pipelines.reading.ledger import LEDGER_SCHEMA, ParseResult, source_state
from pipelines.sources import all_sources
from warehouse.models import SQL_FOLDER

MOMENT = datetime(2026, 7, 1, 6, tzinfo=UTC)
LINE = ParseResult(
    capture_id="acme/1", source_id="acme", request_key="a", request_scope="a",
    is_scope_complete=True, seen_at=MOMENT, recorded_at=MOMENT, status="ok",
)  # fmt: skip
LINES = (
    LINE,
    replace(LINE, status="unchanged"),
    replace(LINE, is_scope_complete=False),  # some pages of it were not requested
    *(
        replace(LINE, status=status, is_scope_complete=False)
        for status in ("failed", "quarantined", "empty", "skipped")
    ),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
        connection.execute(
            "create table core.offer_open (source_id varchar, gpu_name_printed varchar,"
            " gpu_memory_bytes bigint, sku varchar, payload_sha256 varchar, gpu_id varchar);"
            "create table staged.build_clock as select timestamp '2026-07-01 06:20:00' as prices_at"
        )
        runpod = all_sources()["runpod"]
        declared = declared_sources(
            [replace(runpod, source_id="acme"), replace(runpod, source_id="other", kind="feed")]
        )
        connection.register("declared", declared)
        connection.execute("create table meta.source as from declared")
        connection.execute((SQL_FOLDER / "meta_views.sql").read_text(encoding="utf-8"))
        yield connection


def entered(connection: duckdb.DuckDBPyConnection, *lines: ParseResult) -> None:
    connection.execute("delete from meta.capture")
    ledger = pa.Table.from_pylist([vars(line) for line in lines], schema=LEDGER_SCHEMA)
    connection.register("ledger", ledger)
    known = [row[0] for row in connection.execute("describe meta.capture").fetchall()]
    shared = ", ".join(name for name in known if name in ledger.column_names)
    connection.execute(f"insert into meta.capture ({shared}) select {shared} from ledger")


def test_the_table_and_the_ledger_say_the_same_of_every_mixture(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for pair in itertools.combinations_with_replacement(LINES, 2):
        entered(connection, *pair)
        [(state,)] = connection.execute(
            "select status from meta.source_status where source_id = 'acme'"
        ).fetchall()
        assert state == source_state(pair), [line.status for line in pair]


def test_nothing_good_is_failed_and_half_is_partial() -> None:
    good, _, cut_short, failed, held, empty, _ = LINES
    assert source_state([failed, empty]) == source_state([held, failed]) == "failed"
    assert source_state([good, failed]) == source_state([cut_short]) == "partial"


def test_a_source_that_was_never_asked_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    entered(connection, LINE)
    assert connection.execute(
        "select source_id, status, asked_at, rows_read from meta.source_status order by source_id"
    ).fetchall() == [
        ("acme", "ok", MOMENT.replace(tzinfo=None), None),
        ("other", "never_asked", None, None),
    ]


def test_a_feed_whose_address_has_moved_is_frozen_and_a_first_party_list_is_not(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    moved = "the answer repeated our key; moved permanently to https://acme.example/v2; and more"
    entered(
        connection,
        replace(LINE, warnings=moved),
        replace(LINE, source_id="other", capture_id="other/1", warnings=moved),
    )
    assert connection.execute(
        "select source_id, status, error from meta.source_status order by source_id"
    ).fetchall() == [
        ("acme", "ok", None),
        ("other", "frozen", "moved permanently to https://acme.example/v2"),
    ]


def test_rows_are_counted_by_outcome_and_reason(connection: duckdb.DuckDBPyConnection) -> None:
    reasons = '{"held": {"price_zero": 2}, "out_of_scope": {"it\'s \\"a.b\\"": 3}}'
    entered(
        connection,
        replace(
            LINE, rows_read=7, rows_kept=2, rows_held=2, rows_out_of_scope=3, row_reasons=reasons
        ),
        replace(LINE, request_key="b"),
    )
    assert connection.execute(
        "select outcome, reason, row_count from meta.row_outcome order by outcome"
    ).fetchall() == [("held", "price_zero", 2), ("out_of_scope", 'it\'s "a.b"', 3)]
    assert connection.execute(
        "select rows_read, rows_kept + rows_held + rows_out_of_scope from meta.source_status"
        " where source_id = 'acme'"
    ).fetchall() == [(7, 7)]


@pytest.mark.parametrize(
    ("lines", "bucket"),
    [
        (LINES[:1], "ok"),
        (LINES[:2], "ok"),
        ((LINES[0], LINES[3]), "partial"),
        ((LINES[3], LINES[3]), "failed"),
        ((LINES[4],), "failed"),
        ((LINES[6],), "skipped"),
    ],
)
def test_the_screen_counts_a_source_where_the_ledger_does(
    lines: tuple[ParseResult, ...], bucket: str
) -> None:
    screen = Screen(quiet=True)
    capture = Capture(
        source_id="acme", capture_id="acme/1", seen_at=MOMENT, recorded_at=MOMENT, status="ok"
    )
    result = CaptureResult(
        source_id="acme", status="partial", capture=capture, bytes=0, seconds=0.1
    )
    screen.source_read(result, lines)
    found = [name for name in ("ok", "partial", "failed", "skipped") if getattr(screen, name)]
    assert found == [bucket]
