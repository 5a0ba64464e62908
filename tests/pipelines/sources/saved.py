"""The saved answers of a source, read with its parser, whole or changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.sources import all_sources
from pipelines.sources.base import (
    Held,
    Offer,
    Payload,
    Row,
    records,
)
from pipelines.sources.fixtures import fixture_payloads

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
GIB = 2**30


def payloads(source_id: str, key: str = "") -> list[Payload]:
    source = all_sources()[source_id]
    found = list(fixture_payloads(FIXTURES / source_id, source))
    return [payload for payload in found if not key or payload.key == key]


def read(payload: Payload) -> list[Row]:
    return list(records(all_sources()[payload.source_id].parse(payload)))


def rows(source_id: str, key: str = "") -> list[Row]:
    return [row for payload in payloads(source_id, key) for row in read(payload)]


def offers(source_id: str, key: str = "", **wanted: object) -> list[Offer]:
    found = [row for row in rows(source_id, key) if isinstance(row, Offer)]
    return [o for o in found if all(getattr(o, name) == value for name, value in wanted.items())]


def prices(source_id: str, key: str = "", **wanted: object) -> list[str]:
    return [str(offer.price_amount) for offer in offers(source_id, key, **wanted)]


def held(source_id: str, rule: str, key: str = "") -> list[Held]:
    return [row for row in rows(source_id, key) if isinstance(row, Held) and row.rule == rule]


def changed(source_id: str, change: Callable[[Any], object], key: str = "") -> list[Row]:
    (payload, *_) = payloads(source_id, key)
    document = json.loads(payload.content)
    change(document)
    return read(replace(payload, content=json.dumps(document).encode()))


def csv_rows(source_id: str, key: str, text: str) -> list[Row]:
    (payload, *_) = payloads(source_id, key)
    return read(replace(payload, content=text.encode()))
