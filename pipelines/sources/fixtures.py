"""Saved answers of a source, and its rows as a reviewed file has them.

A fixture folder holds ``payloads.json``, the saved bytes, and ``expected.json``. The tests and
``truecost source --fixture`` read the same files in the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.sources.base import (
    ApiPrice,
    Held,
    Offer,
    Payload,
    Row,
    SeriesPoint,
    Source,
    TableRow,
    joined,
)

LISTING, EXPECTED = "payloads.json", "expected.json"
FIXTURE_TIME = datetime(2026, 11, 21, 6, tzinfo=UTC)  # of a saved answer that names no other
KINDS: Mapping[type, str] = {
    Offer: "offer",
    ApiPrice: "api_price",
    SeriesPoint: "series_point",
    TableRow: "table_row",
    Held: "held",
}
CLASSES: Mapping[str, type] = {kind: each for each, kind in KINDS.items()}


def fixture_payloads(folder: Path, source: Source) -> list[Payload]:
    """Return the saved answers that ``payloads.json`` of a fixture folder lists.

    Each entry has key, url, file and content_type, and may have seen_at. A source that joins
    pages gets one payload of all of them, as in a capture.

    Raises
    ------
    FileNotFoundError
        If the folder has no list of payloads, or a saved answer is missing.
    """
    listing = folder / LISTING
    if not listing.is_file():
        raise FileNotFoundError(f"no {LISTING} in {folder}; see docs/how-to/source.md")
    entries = json.loads(listing.read_text())
    bodies = [(folder / entry["file"]).read_bytes() for entry in entries]
    if source.joins_pages:
        entries, bodies = entries[:1], [joined(bodies)]
    return [
        Payload(
            source_id=source.source_id,
            key=entry["key"],
            url=entry["url"],
            content=b"" if source.reads_path else body,
            sha256=hashlib.sha256(body).hexdigest(),
            seen_at=datetime.fromisoformat(entry["seen_at"])
            if "seen_at" in entry
            else FIXTURE_TIME,
            content_type=entry["content_type"],
            path=folder / entry["file"] if source.reads_path else None,
        )
        for entry, body in zip(entries, bodies, strict=True)
    ]


def row_as_json(row: Row) -> dict[str, Any]:
    """Return a row for a reviewed file: its kind, and every field that is not null.

    Prices stay text, so that no digit is lost; of a held row only rule and reason are shown.

    Examples
    --------
    >>> row_as_json(Held(rule="price_zero", reason="price is 0", row={"sku": "x"}))
    {'record': 'held', 'rule': 'price_zero', 'reason': 'price is 0'}
    """
    if isinstance(row, Held):
        return {"record": "held", "rule": row.rule, "reason": row.reason}
    fields = {name: _exact(value) for name, value in vars(row).items() if value is not None}
    return {"record": kind_of(row), **fields}


def kind_of(row: Row) -> str:
    """Return the kind of record that a row is, or ``held``."""
    return KINDS[type(row)]


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: part for name, part in value.items() if part is not None}
    if isinstance(value, (str, int, bool)):
        return value
    return value.isoformat()
