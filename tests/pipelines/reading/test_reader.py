"""Rows that keep the contract become Parquet, the others are held, and the ledger tells which."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, Outcome, RequestRecord
from pipelines.capture.packs import make_packs
from pipelines.reading import contract
from pipelines.reading.contract import RECORD_KINDS, SCHEMAS
from pipelines.reading.ledger import (
    LEDGER,
    LEDGER_SCHEMA,
    ParseResult,
    capture_ledger,
    pending_captures,
)
from pipelines.reading.reader import parse_captures
from pipelines.sources.base import (
    ApiPrice,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Row,
    SeriesPoint,
    TableRow,
)
from tests.pipelines.acme import OFFER, source
from warehouse.paths import Home

MOMENT = datetime(2026, 7, 1, 6, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def captured(
    home: Home,
    contents: dict[str, bytes | None],
    *,
    moment: datetime = MOMENT,
    scopes: dict[str, str] | None = None,
    outcome: Outcome = "ok",
) -> Capture:
    """File a capture with the given bodies by key; None is a request that failed."""
    landing = Landing(home)
    records = []
    for key, content in contents.items():
        kept = landing.keep("acme", moment.date(), io.BytesIO(content)) if content else None
        records.append(
            RequestRecord(
                key=key,
                scope=(scopes or {}).get(key, key),
                url=f"https://acme.example/{key}",
                method="GET",
                question=f"GET https://acme.example/{key}",
                outcome=outcome if content else "failed" if content is None else "absent",
                status=200 if content else 404,
                sha256=kept.sha256 if kept else None,
                path=kept.path if kept else None,
                bytes=kept.bytes if kept else 0,
                started_at=moment,
                finished_at=moment,
                attempts=1,
                error_class=None if content is not None else "http_error",
                error=None if content is not None else "acme: HTTP 500",
            )
        )
    return landing.record(
        Capture(
            source_id="acme",
            capture_id="",
            seen_at=moment,
            recorded_at=moment,
            status="ok",
            requests=tuple(records),
        )
    )


def parsed(home: Home, rows: Sequence[Any], **named: Any) -> ParseResult:
    """Return what becomes of some rows of a parser."""
    capture = captured(home, {"prices": b"bytes"})
    found = source(parse=lambda payload: iter(rows), **named)
    return parse_captures(home, [capture], {"acme": found})[0]


def held_rules(home: Home, result: ParseResult) -> list[str]:
    assert result.quarantine_path is not None
    table = pq.read_table(home.root / result.quarantine_path)
    assert table.schema.equals(contract.QUARANTINE_SCHEMA)
    return [str(rule) for rule in table.column("rule").to_pylist()]


# ------------------------------------------------------------------ what is written


def test_every_kind_of_record_has_its_schema_with_every_field():
    for kind, row_class in RECORD_KINDS.items():
        names = SCHEMAS[kind].names
        assert names[: len(fields(row_class))] == [field.name for field in fields(row_class)]
        assert names[-7:] == contract.PROVENANCE.names
    assert LEDGER_SCHEMA.names == [field.name for field in fields(ParseResult)]


def test_rows_come_back_as_they_were_printed(home: Home):
    full = replace(
        OFFER,
        region="us-east-1",
        upfront_fraction=Decimal("0.5"),
        commitment_months=12,
        gpu_memory_bytes=80 * 10**9,
        vcpu_count=Decimal("26"),
        is_available=True,
        source_time=datetime(2026, 7, 1, 9, tzinfo=timezone(timedelta(hours=2))),
        price_amount=Decimal("0.1"),
    )
    result = parsed(home, [full, OFFER])
    table = pq.read_table(home.root / str(result.observation_path))
    assert table.schema.equals(SCHEMAS["offer"])
    first, second = table.to_pylist()
    for name, value in vars(full).items():
        assert first[name] == value, name
    assert second["region"] is None
    assert second["is_available"] is None
    assert {name: first[name] for name in contract.PROVENANCE.names} == {
        "record_kind": "offer",
        "source_id": "acme",
        "request_key": "prices",
        "source_url": "https://acme.example/prices",
        "payload_sha256": result.payload_sha256,
        "parser_version": 1,
        "captured_at": MOMENT,
    }


def test_packed_bytes_give_the_same_rows(home: Home):
    found = {"acme": source(parse=lambda payload: iter([OFFER]))}
    captured(home, {"prices": b"bytes"})

    def rows() -> tuple[list[ParseResult], list[dict[str, Any]]]:
        shutil.rmtree(home.observations, ignore_errors=True)
        lines = parse_captures(home, pending_captures(home, ["acme"]), found)
        assert pending_captures(home, ["acme"]) == []
        return lines, pq.read_table(home.root / str(lines[0].observation_path)).to_pylist()

    before = rows()
    assert make_packs(home, date(2026, 8, 1))[0][0].files == 2
    assert rows() == before


def test_other_kinds_are_written_too(home: Home):
    for number, row in enumerate(
        (
            ApiPrice(
                api_provider_id="acme",
                api_model_id="llama",
                usd_per_million_input_tokens=Decimal(0),
                usd_per_million_output_tokens=None,
                price_from=date(2026, 7, 1),
            ),
            SeriesPoint(series_id="CPI", on=date(2026, 7, 1), value=Decimal("-0.1"), unit="%"),
            TableRow(table="hardware", row_key="H100", values={"Notes": "n" * 3000, "TDP": None}),
        )
    ):
        result = parsed(home, [row], parser_version=number + 1)
        assert (result.status, result.offers_kept, result.offers_held) == ("ok", 1, 0)
        [read] = pq.read_table(home.root / str(result.observation_path)).to_pylist()
        for name, value in vars(row).items():
            assert (dict(read[name]) if name == "values" else read[name]) == value


def test_two_kinds_in_one_answer_are_two_lines_of_the_ledger(home: Home):
    point = SeriesPoint(series_id="CPI", on=date(2026, 7, 1), value=Decimal(1), unit="1")
    capture = captured(home, {"prices": b"bytes"})
    held = Held(rule="odd", reason="odd", row={})
    results = parse_captures(
        home, [capture], {"acme": source(parse=lambda payload: iter([OFFER, point, OFFER, held]))}
    )
    assert [(r.record_kind, r.offers_kept) for r in results] == [("offer", 1), ("series_point", 1)]
    assert [(r.offers_held, r.offers_duplicate, r.bytes) for r in results] == [(1, 1, 5), (0, 0, 0)]


def test_every_row_of_an_answer_is_kept_held_or_out_of_scope(home: Home):
    capture = captured(home, {"prices": b"bytes"})
    held = Held(rule="odd", reason="odd", row={})
    free = replace(OFFER, price_amount=Decimal(0))
    rows = [
        ReadRow({}, (OFFER, replace(OFFER, sku="h200"))),
        ReadRow({}, (OFFER,)),  # the same offer again
        ReadRow({}, (held, replace(OFFER, sku="b200"))),
        ReadRow({}, (held, held)),
        ReadRow({}, (free,)),  # breaks the contract
        ReadRow({"name": "?"}, ()),
        ReadRow({}, (OutOfScope("no accelerator"),)),
        ReadRow({}, (OutOfScope("no accelerator"), held)),
    ]
    (result,) = parse_captures(home, [capture], {"acme": source(parse=lambda payload: iter(rows))})
    assert result.rows_read == 8
    assert (result.rows_kept, result.rows_held, result.rows_out_of_scope) == (3, 4, 1)
    assert (result.offers_kept, result.offers_held, result.offers_duplicate) == (3, 3, 1)
    assert json.loads(result.row_reasons or "") == {
        "held": {"odd": 2, "price_zero": 1, "row_unexplained": 1},
        "out_of_scope": {"no accelerator": 1},
    }


def test_a_ledger_from_before_rows_were_counted_says_offers_and_no_rows(home: Home):
    capture = captured(home, {"prices": b"bytes"})
    parse_captures(home, [capture], {"acme": source(parse=lambda _: iter([OFFER]))})
    (file,) = home.observations.rglob(f"*{LEDGER}")
    entry = json.loads(file.read_bytes())
    (line,) = entry["rows"]
    for name in ("read", "out_of_scope"):
        del line[f"rows_{name}"]
    for name in ("kept", "held", "duplicate"):
        line[f"rows_{name}"] = line.pop(f"offers_{name}")
    file.write_text(json.dumps(entry))
    (row,) = capture_ledger(home).to_pylist()
    assert (row["offers_kept"], row["rows_read"], row["rows_kept"]) == (1, None, None)


def test_addresses_that_do_not_exist_are_no_answer(home: Home):
    found = source(parse=lambda _: iter([OFFER]))
    for contents, expected in (
        ({"a": b"", "b": b""}, {"a": "failed", "b": "failed"}),
        ({"a": b"", "b": None}, {"a": "failed", "b": "failed"}),
        ({"a": b"", "b": b"bytes"}, {"a": "ok", "b": "ok"}),
    ):
        moment = MOMENT + timedelta(days=len(expected) + sum(map(bool, contents.values())))
        results = parse_captures(home, [captured(home, contents, moment=moment)], {"acme": found})
        assert {result.request_key: result.status for result in results} == expected


def test_the_same_reading_twice_is_the_same_file(home: Home, tmp_path: Path):
    files = []
    for name in ("one", "two"):
        other = Home(tmp_path / name)
        result = parsed(other, [OFFER, replace(OFFER, price_amount=Decimal(0))])
        files.append(
            [
                (other.root / str(path)).read_bytes()
                for path in (result.observation_path, result.quarantine_path)
            ]
        )
    assert files[0] == files[1]


# ------------------------------------------------------------------ what is held

BREACHES = {
    "price is a float": ({"price_amount": 2.99}, "wrong_type"),
    "price is a bool": ({"price_amount": True}, "wrong_type"),
    "price is text": ({"price_amount": "2.99"}, "wrong_type"),
    "price is missing": ({"price_amount": None}, "field_missing"),
    "price is 0": ({"price_amount": Decimal(0)}, "price_zero"),
    "price is negative": ({"price_amount": Decimal("-1")}, "price_negative"),
    "price is NaN": ({"price_amount": Decimal("NaN")}, "price_not_a_number"),
    "price is infinite": ({"price_amount": Decimal("Infinity")}, "price_not_a_number"),
    "price is too large": ({"price_amount": Decimal("1e400")}, "amount_does_not_fit"),
    "price is too small": ({"price_amount": Decimal("1e-30")}, "amount_does_not_fit"),
    "count is 0": ({"gpu_count": 0}, "gpu_count_not_positive"),
    "count is a bool": ({"gpu_count": True}, "wrong_type"),
    "count is a fraction": ({"gpu_count": Decimal("0.5")}, "wrong_type"),
    "currency is a sign": ({"currency": "$"}, "currency_unknown"),
    "currency is lower case": ({"currency": "usd"}, "currency_unknown"),
    "purchase model is new": ({"purchase_model": "lease"}, "not_in_list"),
    "purchase model is a list": ({"purchase_model": ["spot"]}, "not_in_list"),
    "tier is new": ({"market_tier": "cloud"}, "not_in_list"),
    "unit is new": ({"price_unit": "day"}, "not_in_list"),
    "availability is text": ({"is_available": "yes"}, "wrong_type"),
    "memory is negative": ({"gpu_memory_bytes": -1}, "size_not_positive"),
    "memory is enormous": ({"gpu_memory_bytes": 2**70}, "amount_does_not_fit"),
    "upfront is in percent": ({"upfront_fraction": Decimal(50)}, "upfront_out_of_range"),
    "term is 0": ({"commitment_months": 0}, "size_not_positive"),
    "time has no zone": ({"source_time": datetime(2026, 7, 1)}, "time_without_zone"),  # noqa: DTZ001
    "time is a day": ({"source_time": date(2026, 7, 1)}, "wrong_type"),
    "region is a number": ({"region": 7}, "wrong_type"),
    "name is a number": ({"gpu_name_printed": 100}, "wrong_type"),
    "name is empty": ({"gpu_name_printed": " "}, "gpu_name_missing"),
    "name is invisible": ({"gpu_name_printed": "\u200b\x00"}, "gpu_name_missing"),
    "sku is empty": ({"sku": ""}, "sku_missing"),
    "name is a novel": ({"gpu_name_printed": "H" * 501}, "text_too_long"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_row_that_breaks_the_contract_is_held_and_the_others_are_kept(home: Home, breach: str):
    change, rule = BREACHES[breach]
    result = parsed(home, [OFFER, replace(OFFER, **change)])
    assert (result.status, result.offers_kept, result.offers_held) == ("ok", 1, 1)
    assert held_rules(home, result) == [rule]


def test_other_kinds_have_a_contract_too(home: Home):
    rows = [
        OFFER,
        ApiPrice(
            api_provider_id="acme",
            api_model_id="m",
            usd_per_million_input_tokens=Decimal(-1),
            usd_per_million_output_tokens=Decimal(1),
        ),
        SeriesPoint(
            series_id="CPI", on=datetime(2026, 7, 1, tzinfo=UTC), value=Decimal(1), unit="1"
        ),
        TableRow(table="t", row_key="k", values={"a": 5}),  # type: ignore[dict-item]
        TableRow(table="t", row_key="k", values={"a": "x" * 100_000}),
    ]
    result = parsed(home, rows)
    assert held_rules(home, result) == [
        "price_negative",
        "wrong_type",
        "wrong_type",
        "text_too_long",
    ]


def test_a_held_row_keeps_what_was_printed(home: Home):
    held = Held(rule="price_zero", reason="price\nis 0", row={"name": "H100\x00", "price": 0})
    result = parsed(home, [OFFER, held])
    [row] = pq.read_table(home.root / str(result.quarantine_path)).to_pylist()
    assert json.loads(row["row_json"]) == {"name": "H100\x00", "price": 0}
    assert row["reason"] == "price is 0"
    assert row["payload_sha256"] == result.payload_sha256


def test_only_held_rows_are_a_failure(home: Home):
    result = parsed(home, [replace(OFFER, price_amount=Decimal(0))])
    assert (result.status, result.is_scope_complete) == ("quarantined", False)
    assert result.error == "acme[prices]: all 1 rows are held"


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("H100\x00\x1b[31m", "H100[31m"),
        ("  H100 \n SXM\t5 ", "H100 SXM 5"),
        ("H100\u202e\ufeff", "H100"),
        ("H100 \ud800", "H100"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("Café 日本 📈", "Café 日本 📈"),
    ],
)
def test_text_loses_what_nobody_can_see(home: Home, printed: str, kept: str):
    result = parsed(home, [replace(OFFER, gpu_name_printed=printed)])
    [row] = pq.read_table(home.root / str(result.observation_path)).to_pylist()
    assert row["gpu_name_printed"] == kept


@pytest.mark.parametrize("printed", ["1.8683333333333334", "0.00012345678901234567", "99999.5"])
def test_prices_keep_their_digits(home: Home, printed: str):
    result = parsed(home, [replace(OFFER, price_amount=Decimal(printed))])
    [(kept,)] = duckdb.execute(
        "select price_amount from read_parquet(?)", [str(home.root / str(result.observation_path))]
    ).fetchall()
    assert abs(kept / Decimal(printed) - 1) < Decimal("1e-12")


# ------------------------------------------------------------------ a mistake costs one payload


def raising(error: Exception) -> Callable[[Payload], Iterator[Row]]:
    def parse(payload: Payload) -> Iterator[Row]:
        yield OFFER
        raise error

    return parse


@pytest.mark.parametrize(
    "error",
    [
        ParseError("acme[prices] no table"),
        KeyError("price"),
        ZeroDivisionError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
        RecursionError("deep"),
        MemoryError(),
    ],
)
def test_an_error_in_a_parser_keeps_the_bytes_and_no_row(home: Home, error: Exception):
    capture = captured(home, {"prices": b"bytes", "other": b"others"})

    def parse(payload: Payload) -> Iterator[Row]:
        return raising(error)(payload) if payload.key == "prices" else iter([OFFER])

    first, second = parse_captures(home, [capture], {"acme": source(parse=parse)})
    kind = "parser_limit" if isinstance(error, MemoryError) else "parse_error"
    assert (first.status, first.error_class, first.offers_kept) == ("failed", kind, 0)
    assert "acme[prices]" in str(first.error)
    if not isinstance(error, (ParseError, MemoryError)):
        assert type(error).__name__ in str(first.error)
    assert (second.status, second.offers_kept, second.is_scope_complete) == ("ok", 1, True)
    assert not list(home.observations.rglob(f"{first.payload_sha256}*.parquet"))


def test_what_is_no_row_is_a_mistake_of_the_parser(home: Home):
    assert parsed(home, [{"price": 1}]).error_class == "parse_error"


def test_a_mended_parser_reads_the_kept_bytes(home: Home):
    capture = captured(home, {"prices": b"bytes"})
    [result] = parse_captures(home, [capture], {"acme": source(parse=raising(KeyError("x")))})
    assert result.status == "failed"
    [result] = parse_captures(home, [capture], {"acme": source(parse=lambda _: iter([OFFER]))})
    assert (result.status, result.offers_kept) == ("ok", 1)
    assert capture_ledger(home).num_rows == 1  # the entry is replaced, not added


def test_a_source_that_is_no_more_is_told(home: Home):
    capture = captured(home, {"prices": b"bytes"})
    [result] = parse_captures(home, [capture], {})
    assert (result.status, result.error_class) == ("failed", "source_error")
    assert "no source named acme" in str(result.error)


def test_a_damaged_landing_file_is_a_failure_with_its_name(home: Home):
    capture = captured(home, {"prices": b"bytes"})
    [file] = home.landing.rglob("*.zst")
    file.write_bytes(b"rotten")
    [result] = parse_captures(home, [capture], {"acme": source(parse=lambda _: iter([OFFER]))})
    assert (result.status, result.error_class) == ("failed", "landing_damaged")
    assert file.name in str(result.error)


# ------------------------------------------------------------------ read once


class Counting:
    """A parser that yields one offer for each line, and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, payload: Payload) -> Iterator[Row]:
        self.calls.append(payload.key)
        for line in payload.content.split():
            if line == b"CPU":
                yield OutOfScope("no accelerator")
            else:
                yield replace(OFFER, sku=line.decode(), region=payload.key)


def test_the_same_bytes_on_another_day_are_not_read_again(home: Home):
    parse = Counting()
    results = []
    for day in range(3):
        capture = captured(home, {"a": b"x y", "b": b"x y"}, moment=MOMENT + timedelta(days=day))
        results.append(parse_captures(home, [capture], {"acme": source(parse=parse)}))
    assert parse.calls == ["a", "b"]  # the same bytes under another key are another reading
    assert {tuple(r.observation_path for r in day) for day in results} == {
        tuple(r.observation_path for r in results[0])
    }
    assert results[2][0].seen_at == MOMENT + timedelta(days=2)
    regions = duckdb.execute(
        "select distinct region from read_parquet(?) order by all",
        [str(home.root / str(results[2][1].observation_path))],
    ).fetchall()
    assert regions == [("b",)]


def test_the_same_bytes_are_read_once_a_day_where_the_day_counts(home: Home):
    parse = Counting()
    dated = {"acme": source(parse=parse, reads_day=True)}
    results = [
        parse_captures(home, [captured(home, {"a": b"x"}, moment=moment)], dated)[0]
        for moment in (MOMENT, MOMENT + timedelta(hours=1), MOMENT + timedelta(days=1))
    ]
    assert parse.calls == ["a", "a"]
    first, later, tomorrow = (result.observation_path for result in results)
    assert first == later
    assert Path(str(tomorrow)).parent.name == str((MOMENT + timedelta(days=1)).date())
    assert Path(str(tomorrow)).name == Path(str(first)).name


def test_a_new_parser_version_reads_again_and_keeps_the_old_file(home: Home):
    parse = Counting()
    capture = captured(home, {"a": b"x"})
    [old] = parse_captures(home, [capture], {"acme": source(parse=parse)})
    [new] = parse_captures(home, [capture], {"acme": source(parse=parse, parser_version=2)})
    assert len(parse.calls) == 2
    assert old.observation_path != new.observation_path
    assert (home.root / str(old.observation_path)).is_file()


def test_captures_without_an_entry_are_pending(home: Home):
    first = captured(home, {"a": b"x"})
    second = captured(home, {"a": b"y"}, moment=MOMENT + timedelta(days=1))
    parse_captures(home, [first], {"acme": source(parse=Counting())})
    assert pending_captures(home, ["acme", "nobody"]) == [second]


def test_observations_can_be_made_again_from_landing(home: Home):
    captures = [
        captured(home, {"a": b"x" * (day + 1)}, moment=MOMENT + timedelta(days=day))
        for day in range(3)
    ]
    sources = {"acme": source(parse=Counting())}
    for capture in captures:
        parse_captures(home, [capture], sources)
    before = capture_ledger(home)
    files = {f: f.read_bytes() for f in home.observations.rglob("*.parquet")}
    for file in [f for f in home.observations.rglob("*") if f.is_file()]:
        file.unlink()
    parse_captures(home, reversed(list(Landing(home).captures("acme"))), sources)
    assert capture_ledger(home).equals(before)
    assert {f: f.read_bytes() for f in home.observations.rglob("*.parquet")} == files


# ------------------------------------------------------------------ empty, gone, incomplete


def days(home: Home, *contents: bytes | None, **named: Any) -> list[ParseResult]:
    """Capture one day for each body; return the ledger line of each."""
    results = []
    for number, content in enumerate(contents):
        capture = captured(home, {"a": content}, moment=MOMENT + timedelta(days=number))
        [result] = parse_captures(home, [capture], {"acme": source(parse=Counting(), **named)})
        results.append(result)
    return results


def test_no_rows_after_some_is_a_failure_for_as_long_as_it_lasts(home: Home):
    results = days(home, b"x y", b" ", b"  ", None, b"   ", b"x", b" ")
    assert [r.status for r in results] == [
        "ok",
        "empty",
        "empty",
        "failed",
        "empty",
        "ok",
        "empty",
    ]
    assert results[1].error_class == "empty"
    assert "2 before" in str(results[1].error)
    assert not results[1].is_scope_complete


def test_no_rows_where_none_ever_were_is_nothing(home: Home):
    assert [r.status for r in days(home, b" ", b"  ")] == ["ok", "ok"]


def test_no_rows_on_the_first_day_is_a_failure_where_rows_are_expected(home: Home):
    assert [r.status for r in days(home, b" ", expected_rows=(1, 10))] == ["empty"]


def test_no_rows_end_the_offers_of_a_source_that_lists_what_is_free(home: Home):
    results = days(home, b"x y", b" ", expected_rows=(1, 10), may_be_empty=True)
    assert [(r.status, r.is_scope_complete) for r in results] == [("ok", True), ("ok", True)]


def test_rows_out_of_scope_are_no_empty_list_of_what_is_free(home: Home):
    results = days(home, b"x y", b"CPU CPU", expected_rows=(1, 10), may_be_empty=True)
    assert [(r.status, r.is_scope_complete) for r in results] == [("ok", True), ("empty", False)]


def test_a_part_that_had_rows_and_is_gone_closes_nothing(home: Home):
    first, second = days(home, b"x", b"")  # "" means an optional part that is not there
    assert first.status == "ok"
    assert (second.status, second.error_class) == ("failed", "source_gone")
    assert not second.is_scope_complete


def test_pages_share_a_scope_and_it_is_complete_with_all_of_them(home: Home):
    scopes = {"a/1": "a", "a/2": "a", "b/1": "b", "b/2": "b"}
    capture = captured(home, {"a/1": b"x", "a/2": b"y", "b/1": b"x", "b/2": None}, scopes=scopes)
    results = parse_captures(home, [capture], {"acme": source(parse=Counting())})
    assert [(r.request_scope, r.is_scope_complete) for r in results] == [
        ("a", True),
        ("a", True),
        ("b", False),
        ("b", False),
    ]


def test_an_empty_last_page_is_no_failure(home: Home):
    scopes = {"a/1": "a", "a/2": "a"}
    for day in range(2):
        capture = captured(
            home,
            {"a/1": b"x", "a/2": b" " * (day + 1)},
            scopes=scopes,
            moment=MOMENT + timedelta(days=day),
        )
        results = parse_captures(home, [capture], {"acme": source(parse=Counting())})
        assert [r.status for r in results] == ["ok", "ok"]


def join(payload: Payload) -> Iterator[Row]:
    total = sum(Decimal(str(page["price"])) for page in payload.json())
    yield replace(OFFER, price_amount=total)


def test_joined_pages_are_read_as_one_and_not_without_each_other(home: Home):
    joined = {"acme": source(parse=join, joins_pages=True)}
    scopes = {"a/1": "a", "a/2": "a"}
    bodies: dict[str, bytes | None] = {"a/1": b'\xef\xbb\xbf{"price": 1}', "a/2": b'{"price": 2}'}
    capture = captured(home, bodies, scopes=scopes)
    first, second = parse_captures(home, [capture], joined)
    assert [(r.status, r.offers_kept) for r in (first, second)] == [("ok", 1), ("ok", 0)]
    [row] = pq.read_table(home.root / str(first.observation_path)).to_pylist()
    assert row["price_amount"] == 3
    moment = MOMENT + timedelta(days=1)
    capture = captured(home, {**bodies, "a/2": None}, scopes=scopes, moment=moment)
    first, second = parse_captures(home, [capture], joined)
    assert (first.status, first.offers_kept) == ("failed", 0)
    assert "a/2" in str(first.error)


def test_a_parser_may_read_from_disk(home: Home):
    def parse(payload: Payload) -> Iterator[Row]:
        assert payload.path is not None and payload.content == b""
        for line in payload.path.read_bytes().split():
            yield replace(OFFER, sku=line.decode())

    capture = captured(home, {"a": b"x y z"})
    [result] = parse_captures(home, [capture], {"acme": source(parse=parse, reads_path=True)})
    assert result.offers_kept == 3
    assert list((home.observations / ".unfinished").iterdir()) == []


def test_what_a_killed_run_left_is_swept(home: Home):
    left_over = home.observations / ".unfinished" / "half.tmp"
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"half")
    os.utime(left_over, (0, 0))
    days(home, b"x")
    assert not left_over.exists()


def test_the_ledger_leaves_out_what_is_known(home: Home):
    days(home, b"x", b"y", b"z")
    ledger = capture_ledger(home)
    assert ledger.schema.equals(LEDGER_SCHEMA)
    ids = ledger.column("capture_id").to_pylist()
    assert ids == sorted(ids)
    assert capture_ledger(home, known=ids[:2]).column("capture_id").to_pylist() == ids[2:]
    assert capture_ledger(Home(home.root / "nothing")).num_rows == 0


def test_a_token_price_in_another_unit_is_held() -> None:
    row = {
        "usd_per_million_input_tokens": Decimal(15_000),
        "usd_per_million_output_tokens": Decimal(60_000),
        "usd_per_million_cache_read_tokens": None,
        "usd_per_million_cache_write_tokens": None,
    }
    rules = contract.CONTRACT["api_price"]
    assert [rule for rule, _, is_kept in rules if not is_kept(row)] == ["price_implausible"]
