"""A parser that passes a limit, or dies, fails its own payload: no other one, and only once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.capture import parsers
from pipelines.capture.manifest import Capture
from pipelines.child.limits import LimitError, Limits
from pipelines.reading import sheet
from pipelines.reading.ledger import ParseResult, pending_captures
from pipelines.reading.reader import has_reading, parse_captures
from pipelines.reading.sheet import start_of_json
from pipelines.sources import all_sources
from pipelines.sources.base import ParseError, Payload, Request, Row
from tests.pipelines.acme import OFFER
from tests.pipelines.captures import MOMENT, filed
from warehouse.paths import Home

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
GOOD = (FIXTURES / "akash" / "gpu_prices.json").read_bytes()
BOMB = b"[" + b"[],{}," * 800_000 + b"[]]"
LINODE = "https://api.linode.com/v4/linode/types"
TIGHT = Limits(memory_bytes=64 * 2**20)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the ids of the sources that the child was asked to read."""
    asked: list[str] = []
    call = parsers.CHILD.call

    def counted(limits: Limits, function: Any, source_id: str, *args: Any) -> Any:
        asked.append(source_id)
        return call(limits, function, source_id, *args)

    monkeypatch.setattr(parsers.CHILD, "call", counted)
    return asked


def read(home: Home, *captures: Capture) -> list[ParseResult]:
    return parse_captures(home, captures)


@pytest.mark.parametrize("order", [("akash", "runpod"), ("vast", "akash")])
@pytest.mark.usefixtures("fresh_child")
def test_a_bomb_fails_alone_whatever_the_order(
    home: Home, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    captures = [filed(home, GOOD if name == "akash" else BOMB, source_id=name) for name in order]
    results = {result.source_id: result for result in read(home, *captures)}
    good, bad = results.pop("akash"), results.popitem()[1]
    assert (good.status, good.offers_kept > 0) == ("ok", True)
    assert (bad.status, bad.error_class) == ("failed", "parser_limit")
    assert str(bad.payload_sha256)[:12] in str(bad.error)
    # Where C code gets no memory, the process ends before Python can say why.
    assert re.search("64 MiB of memory|ended the process", str(bad.error))
    assert pending_captures(home, order) == []


@pytest.mark.usefixtures("fresh_child")
def test_bytes_that_pass_a_limit_are_tried_once_for_a_parser_version(
    home: Home, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    days = [filed(home, BOMB, days=day) for day in range(3)]
    results = [result for day in days for result in read(home, day)]
    assert calls == ["akash"]
    assert [result.error_class for result in results] == ["parser_limit"] * 3
    akash = all_sources()["akash"]
    assert not has_reading(home, akash, days[0], days[0].requests[0])  # it is no good answer
    newer = replace(akash, parser_version=akash.parser_version + 1, parse=lambda _: iter([OFFER]))
    [result] = parse_captures(home, days[:1], {"akash": newer})
    assert (result.status, result.offers_kept) == ("ok", 1)


def test_what_a_busy_machine_may_have_caused_is_tried_again_the_next_day(
    home: Home, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    first, second = filed(home, GOOD), filed(home, GOOD, days=1)
    monkeypatch.setattr(parsers, "LIMITS", Limits(wall_seconds=0))
    [result] = read(home, first)
    assert (result.status, result.error_class) == ("failed", "parser_ended")
    monkeypatch.setattr(parsers, "LIMITS", Limits())
    [result] = read(home, second)
    assert result.status == "ok"
    assert calls == ["akash", "akash"]


def offers(count: int, **fields: Any) -> Iterator[Row]:
    return (replace(OFFER, sku=str(number), **fields) for number in range(count))


@pytest.mark.parametrize(("rows", "is_read"), [(offers(30), True), (offers(31), False)])
def test_far_more_rows_than_a_source_expects_are_refused_with_the_reason(
    home: Home, rows: Iterator[Row], is_read: bool
) -> None:
    akash = replace(all_sources()["akash"], expected_rows=(1, 10), parse=lambda _: rows)
    [result] = parse_captures(home, [filed(home, GOOD)], {"akash": akash})
    assert (result.status == "ok") is is_read
    if not is_read:
        assert (result.error_class, result.offers_kept) == ("parser_limit", 0)
        assert "over 30 rows, where 10 are expected" in str(result.error)


def test_held_rows_are_no_less_counted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MAX_HELD", 35)
    free = offers(36, price_amount=Decimal(0))
    akash = replace(all_sources()["akash"], expected_rows=(1, 10), parse=lambda _: free)
    [result] = parse_captures(home, [filed(home, GOOD)], {"akash": akash})
    assert (result.error_class, result.offers_held) == ("parser_limit", 0)


def test_the_start_of_a_row_costs_no_more_than_it_shows() -> None:
    tree: Any = "leaf"
    for _ in range(100):
        tree = [tree, tree]  # 2^100 leaves, written out
    assert len(start_of_json({"row": tree})) == sheet.MAX_ROW_JSON_CHARACTERS
    row = {"name": "H100", "price": Decimal("2.50"), "sizes": [1, None, "é"]}
    assert start_of_json(row) == json.dumps(row, default=str)


@pytest.mark.usefixtures("fresh_child")
def test_the_next_pages_are_read_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    linode, request = all_sources()["linode"], Request(key="types/1", url="https://x.example/")
    page = Payload(
        source_id="linode",
        key="types/1",
        url="",
        content=b'{"pages": 2}',
        sha256="ab",
        seen_at=MOMENT,
    )
    [following] = parsers.next_requests(linode, request, page)
    assert (following.key, following.url.partition("?")[0]) == ("types/2", LINODE)
    with pytest.raises(ParseError, match="not JSON"):
        parsers.next_requests(linode, request, replace(page, content=b"<html>"))
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    with pytest.raises(LimitError, match=r"64 MiB of memory|ended the process"):
        parsers.next_requests(linode, request, replace(page, content=BOMB))
