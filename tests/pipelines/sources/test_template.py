"""The file that people copy to add a source works, and is not a source itself."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from pipelines.reading.sheet import Sheet, fill
from pipelines.sources import _template, all_sources
from pipelines.sources.base import Fetching, ParseError, Payload, records

ROW = {"id": "h100x8", "gpu": "H100 SXM", "gpus": 8, "usd": "23.92", "memory_gib": 2048}


def payload(*rows: dict[str, object]) -> Payload:
    return Payload(
        source_id="_template",
        key="instances",
        url=_template.URL,
        content=json.dumps({"instances": rows}).encode(),
        sha256="0" * 64,
        seen_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_the_template_is_not_discovered() -> None:
    assert not [name for name in all_sources() if name.startswith("_")]


def test_its_rows_keep_the_contract() -> None:
    sheet = Sheet(payload(ROW), 1)
    assert fill(sheet, payload(ROW), _template.SOURCE) is None
    [offer] = sheet.kept["offer"]
    assert (offer["gpu_count"], str(offer["price_amount"])) == (8, "23.920000000000000000")
    assert offer["memory_bytes"] == 2048 * 2**30


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"gpus": 0.5}, "fractional_gpu"),
        ({"usd": None}, "price_missing"),
        ({"usd": "0"}, "price_zero"),
    ],
)
def test_a_row_that_is_no_offer_is_held(change: dict[str, object], rule: str) -> None:
    sheet = Sheet(payload(ROW), 1)
    assert fill(sheet, payload(ROW, ROW | change), _template.SOURCE) is None
    assert [held["rule"] for held in sheet.held] == [rule]
    assert len(sheet.kept["offer"]) == 1


def test_a_machine_without_gpus_is_no_row() -> None:
    assert list(records(_template.parse(payload(ROW | {"gpu": ""})))) == []


def test_a_changed_answer_is_an_error() -> None:
    with pytest.raises(ParseError, match="no list of objects at 'instances'"):
        list(records(_template.parse(Payload(**vars(payload()) | {"content": b"{}"}))))


def test_it_asks_only_its_declared_host() -> None:
    [request] = _template.SOURCE.requests(Fetching(on=date(2026, 1, 1)))
    assert request.url.split("/")[2] in _template.SOURCE.allowed_hosts
