"""The ledger: the outcome of every request of every capture, one file a capture.

    observations/<source>/<day of the capture>/<HHMMSSffffff>.ledger.json

The lines, their files and their Arrow table belong here. Reading the payloads belongs to
``reader``; the table ``meta.capture`` is made from the ledger by the build.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from pipelines.capture.field_names import from_disk
from pipelines.capture.landing import Landing, filed
from pipelines.capture.manifest import Capture, skipping_damage
from pipelines.capture.packs import Packs
from pipelines.reading.contract import TIMESTAMP
from pipelines.reading.whole import entry_of
from warehouse.paths import Home

RequestStatus = Literal["ok", "unchanged", "empty", "quarantined", "failed", "skipped"]
GOOD = frozenset({"ok", "unchanged"})
LEDGER = ".ledger.json"


@dataclass(frozen=True, kw_only=True)
class ParseResult:
    """One line of the ledger: the outcome of one request of a capture, for one kind of record."""

    capture_id: str
    source_id: str
    request_key: str | None  # null where a capture had no requests (skipped)
    request_scope: str | None  # the key of its first page
    is_scope_complete: bool  # all requests of the scope are good: what is missing is gone
    seen_at: datetime
    recorded_at: datetime
    status: RequestStatus
    http_status: int | None = None
    source_url: str | None = None
    payload_sha256: str | None = None
    parser_version: int | None = None
    record_kind: str | None = None  # null where nothing was kept
    observation_path: str | None = None  # below the home folder
    quarantine_path: str | None = None  # below the home folder
    rows_read: int | None = None  # rows of the answer; null where it was not read
    rows_kept: int | None = None  # that gave an offer, a token price, a point or a table row
    rows_held: int | None = None  # that gave none, by a rule
    rows_out_of_scope: int | None = None  # that are nothing the source is read for
    row_reasons: str | None = None  # JSON: {"held": {rule: rows}, "out_of_scope": {reason: rows}}
    offers_kept: int = 0  # records of this kind: offers, token prices, points or table rows
    offers_held: int = 0
    offers_duplicate: int = 0
    bytes: int = 0
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    mirror: str | None = None
    warnings: str | None = None
    error_class: str | None = None
    error: str | None = None


def source_state(lines: Iterable[ParseResult]) -> str:
    """Return the state of a source after one capture, as ``meta.source_status`` has it.

    ``frozen`` is not one of them: only a series of captures shows that an answer has not changed
    for too long, so ``meta.source_status`` works it out.

    Examples
    --------
    >>> from dataclasses import replace
    >>> now = datetime(2026, 7, 1)
    >>> line = ParseResult(capture_id="a/1", source_id="a", request_key="k", request_scope="k",
    ...                    is_scope_complete=True, seen_at=now, recorded_at=now, status="ok")
    >>> failed = replace(line, status="failed", is_scope_complete=False)
    >>> source_state([line]), source_state([line, failed]), source_state([failed])
    ('ok', 'partial', 'failed')
    >>> source_state([])
    'never_asked'
    """
    states = [(line.status, line.is_scope_complete) for line in lines]
    statuses = {status for status, _ in states}
    if statuses & GOOD:
        is_whole = statuses <= GOOD and all(is_complete for _, is_complete in states)
        whole = "unchanged" if statuses == {"unchanged"} else "ok"
        return whole if is_whole else "partial"
    worst = ("failed", "quarantined", "empty", "skipped")
    return next((status for status in worst if status in statuses), "never_asked")


_LEDGER_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
    datetime: TIMESTAMP,
    RequestStatus: pa.string(),
}


def _ledger_type(hint: Any) -> pa.DataType:
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
    return _LEDGER_TYPES[parts[0] if isinstance(hint, types.UnionType) else hint]


LEDGER_SCHEMA = pa.schema(
    [(name, _ledger_type(hint)) for name, hint in typing.get_type_hints(ParseResult).items()]
)
LEDGER_TIMES = {
    field.name: datetime.fromisoformat for field in LEDGER_SCHEMA if field.type == TIMESTAMP
}


def pending_captures(home: Home, source_ids: Iterable[str]) -> list[Capture]:
    """Return the captures of some sources that are not in the ledger yet, oldest first.

    A capture whose manifest is damaged is left out; a warning and ``truecost verify`` name it.
    """
    landing = Landing(home)
    pending = []
    for source_id in source_ids:
        entered = set(entries(home, source_id))
        for capture_id in landing.capture_ids(source_id):
            if capture_id.partition("/")[2] not in entered:
                with skipping_damage():
                    pending.append(landing.capture(capture_id))
    return pending


def entries(home: Home, source_id: str) -> list[str]:
    """Return ``<day>/<moment>`` of every capture of a source in the ledger, oldest first."""
    loose = filed(home.observations / source_id, LEDGER)  # before the packs they may go to
    packed = Packs(home.observations).names(source_id)
    return sorted({*loose, *(n.removesuffix(LEDGER) for n in packed if n.endswith(LEDGER))})


def lines_by_day(home: Home, source_id: str) -> dict[date, list[ParseResult]]:
    """Return the ledger of a source by the UTC day of the capture, oldest first."""
    found: dict[date, list[ParseResult]] = {}
    for name in entries(home, source_id):
        entry = entry_of(ledger_file(home, f"{source_id}/{name}"))
        day = date.fromisoformat(name.partition("/")[0])
        for row in entry["rows"] if entry else ():
            found.setdefault(day, []).append(ParseResult(**_counted(from_disk(row))))
    return found


def capture_ledger(home: Home, known: Collection[str] = frozenset()) -> pa.Table:
    """Return the ledger of all captures but the known ones, oldest first within a source.

    Returns
    -------
    pyarrow.Table
        One row per request of a capture and record kind, with the columns of ``ParseResult``.
    """
    rows: list[dict[str, Any]] = []
    for folder in sorted(home.observations.glob("[!.]*")):
        for name in entries(home, folder.name):
            if f"{folder.name}/{name}" not in known:
                entry = entry_of(ledger_file(home, f"{folder.name}/{name}"))
                rows += (_counted(from_disk(row)) for row in entry["rows"]) if entry else ()
    for row in rows:
        for name, kind in LEDGER_TIMES.items():
            row[name] = kind(row[name]) if row[name] else None
    return pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA)


def ledger_file(home: Home, capture_id: str) -> Path:
    """Return where the entry of a capture lies."""
    return home.observations / f"{capture_id}{LEDGER}"


def rows_before(home: Home, capture: Capture) -> dict[str, int]:
    """Return how many rows each scope of a source had when it was last good before a capture."""
    source_id, _, own = capture.capture_id.partition("/")
    for name in reversed(entries(home, source_id)):
        entry = entry_of(ledger_file(home, f"{source_id}/{name}")) if name < own else None
        if entry is not None:
            known: dict[str, int] = entry["rows_known"]
            return known
    return {}


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    """Return a line with its counts under today's names: ``rows_*`` counted offers at first."""
    if "rows_read" in row:
        return row
    former = {f"rows_{name}": f"offers_{name}" for name in ("kept", "held", "duplicate")}
    return {former.get(name, name): value for name, value in row.items()}
