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
MOST_BYTES = 2**28  # of one saved answer
KINDS: Mapping[type, str] = {
    Offer: "offer",
    ApiPrice: "api_price",
    SeriesPoint: "series_point",
    TableRow: "table_row",
    Held: "held",
}
CLASSES: Mapping[str, type] = {kind: each for each, kind in KINDS.items()}


class FixtureError(ValueError):
    """A folder that is no fixture, in one line that says why."""


def fixture_payloads(folder: Path, source: Source) -> list[Payload]:
    """Return the saved answers that ``payloads.json`` of a fixture folder lists.

    Each entry has key, url, file and content_type, and may have seen_at. A source that joins
    pages gets one payload of all of them, as in a capture.

    Raises
    ------
    FixtureError
        If the folder has no list of payloads, or a saved answer is missing.
    """
    entries = _listed(folder)
    bodies = [_content(folder, entry["file"]) for entry in entries]
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


def _listed(folder: Path) -> list[dict[str, str]]:
    """Return the entries of a list of payloads, each with texts under the keys it must have."""
    try:
        entries = json.loads(_content(folder, LISTING))
        for entry in entries:
            if not all(isinstance(entry[name], str) for name in ("key", "url", "file")):
                raise ValueError("key, url and file are texts")
            seen_at = datetime.fromisoformat(entry.get("seen_at", FIXTURE_TIME.isoformat()))
            if seen_at.tzinfo is None:
                raise ValueError("seen_at names its time zone")
            entry.setdefault("content_type", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FixtureError(
            f"{folder / LISTING} is no list of payloads: {error}; see docs/how-to/source.md"
        ) from None
    found: list[dict[str, str]] = entries
    return found


def _content(folder: Path, name: str) -> bytes:
    """Return the content of a file that lies in a fixture folder itself."""
    path = folder / name
    if path.parent != folder or path.is_symlink() or not path.is_file():
        raise FixtureError(f"no file {name!r} in {folder}; see docs/how-to/source.md")
    if path.stat().st_size > MOST_BYTES:
        raise FixtureError(f"{path} has over {MOST_BYTES:,} bytes")
    return path.read_bytes()


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
