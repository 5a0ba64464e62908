"""From bytes in landing to rows in Parquet, and one entry in the ledger for every capture.

What becomes of each request belongs here, reading one payload to ``payload``. A parser reads only
bytes, so the same bytes are read once and every capture that brought them refers to the same files;
where a list dates its prices ahead (``Source.reads_day``), they are read once a day. Nothing here
touches the network; what a price means is decided in ``warehouse/sql/staged``.

    observations/<source>/<day the bytes were first kept>/<sha256>-<key>-<parser version>.*
                                       (with ``Source.reads_day``: the day of the capture)
        .<record kind>.parquet  the rows     .quarantine.parquet  the rows that were held
        .result.json            what the parser made of the payload, written last
        .limit.json             instead of it: which limit the parser passed; not tried again
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipelines.capture.field_names import on_disk
from pipelines.capture.landing import Landing, prepare_folder
from pipelines.capture.manifest import Capture, RequestRecord, skipping_damage
from pipelines.reading.ledger import (
    GOOD,
    ParseResult,
    RequestStatus,
    entries,
    ledger_file,
    rows_before,
)
from pipelines.reading.packed import unpack
from pipelines.reading.payload import UNFINISHED, Reading, Task, failed, read
from pipelines.reading.whole import PATHS, entry_of, is_whole_parquet, reading_of
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from warehouse.files import new_file
from warehouse.paths import Home
from warehouse.rows import exact

RESULT, LIMIT = ".result.json", ".limit.json"


def parse_captures(
    home: Home, captures: Iterable[Capture], sources: Mapping[str, Source] | None = None
) -> list[ParseResult]:
    """Read the payloads of captures, write rows and held rows, and add each request to the ledger.

    Parameters
    ----------
    home : Home
        Landing is read, observations are written.
    captures : iterable of Capture
        In any order; each source's are read oldest first.
    sources : Mapping, optional
        The parsers by source id; by default all there are.

    Returns
    -------
    list of ParseResult
        At least one per capture. A payload that cannot be read is a result, not an exception.

    Raises
    ------
    OSError
        If observations cannot be written.
    """
    sources = all_sources() if sources is None else sources
    prepare_folder(home.observations / UNFINISHED)
    results: list[ParseResult] = []
    for capture in sorted(captures, key=lambda one: (one.source_id, one.capture_id)):
        results += _CaptureReader(home, capture, sources.get(capture.source_id)).read()
    return results


def repair(home: Home, known: Collection[str] = frozenset()) -> list[str]:
    """Read captures again from landing whose ledger or rows were damaged since they were read.

    Rows that are packed come back to their places.

    Parameters
    ----------
    home : Home
        Landing is read, observations are written.
    known : collection of str
        Captures that are in the build already: their files are not needed.

    Returns
    -------
    list of str
        The ids of the captures that were read again.
    """
    again = []
    landing = Landing(home)
    for folder in sorted(home.observations.glob("[!.]*")):
        for name in entries(home, folder.name):
            capture_id = f"{folder.name}/{name}"
            if capture_id in known:
                continue
            entry = entry_of(ledger_file(home, capture_id))
            paths = [row.get(kind) for row in (entry or {"rows": []})["rows"] for kind in PATHS]
            for path in paths:
                if path:
                    unpack(home.root / path)
            cut = [path for path in paths if path and not is_whole_parquet(home.root / path)]
            if entry is not None and not cut:
                continue
            with skipping_damage():
                again.append(landing.capture(capture_id))
                for path in cut:
                    stem = (home.root / path).name.partition(".")[0]
                    (home.root / path).with_name(stem + RESULT).unlink(missing_ok=True)
    parse_captures(home, again)
    return [capture.capture_id for capture in again]


def has_reading(home: Home, source: Source, capture: Capture, record: RequestRecord) -> bool:
    """Return whether this parser has read the bytes of a request without an error."""
    return _named(_stem(home, source, capture, [record]), RESULT).is_file()


class _CaptureReader:
    """One capture: its requests, their payloads, its entry in the ledger."""

    def __init__(self, home: Home, capture: Capture, source: Source | None) -> None:
        self._home = home
        self._capture = capture
        self._source = source
        self._unfinished = home.observations / UNFINISHED
        self._rows_before = rows_before(home, capture)
        self._has_answer = any(record.outcome in GOOD for record in capture.requests)

    def read(self) -> list[ParseResult]:
        capture = self._capture
        readings = self._readings()
        rows: defaultdict[str, int] = defaultdict(int)
        for record in capture.requests:
            rows[record.scope] += readings[record.key].kept
        is_barren = bool(self._source and self._source.expected_rows[0] > 0) and not any(
            rows.values()
        )
        statuses = {
            record.key: self._status(record, readings[record.key], rows, is_barren)
            for record in capture.requests
        }
        broken = {
            record.scope for record in capture.requests if statuses[record.key][0] not in GOOD
        }
        results = [
            result
            for record in capture.requests
            for result in self._results(
                record,
                readings[record.key],
                statuses[record.key],
                is_complete=record.scope not in broken and not capture.was_cut_short,
            )
        ]
        if not capture.requests:
            results = [self._result_without_requests()]
        rows_known = self._rows_before | {
            scope: count for scope, count in rows.items() if scope not in broken and count
        }
        self._enter(results, rows_known)
        return results

    def _status(
        self, record: RequestRecord, reading: Reading, rows: Mapping[str, int], is_barren: bool
    ) -> tuple[RequestStatus, str | None, str | None]:
        where = f"{self._capture.source_id}[{record.key}]"
        before = self._rows_before.get(record.scope, 0)
        if record.outcome == "failed":
            return "failed", record.error_class, record.error
        if record.outcome == "absent":
            if before:
                reason = f"{where}: HTTP {record.status}; it had {before} rows before"
                return "failed", "source_gone", reason
            if not self._has_answer:
                reason = f"{where}: HTTP {record.status}; no address answered"
                return "failed", "source_gone", reason
            return "ok", None, None
        if reading.error_class:
            return "failed", reading.error_class, reading.error
        if not reading.kept and reading.held:
            reason = f"{where}: all {reading.held} rows are held"
            return "quarantined", "contract", reason
        is_valid = (
            self._source is not None
            and self._source.may_be_empty
            and not any((reading.outcomes or {}).values())  # no row at all, not rows out of scope
        )
        if not rows[record.scope] and (before or is_barren) and not is_valid:
            sha256 = (record.sha256 or "")[:12]
            return "empty", "empty", f"{where} {sha256}: no rows; it had {before or 'some'} before"
        return ("unchanged" if record.outcome == "unchanged" else "ok"), None, None

    def _results(
        self,
        record: RequestRecord,
        reading: Reading,
        status: tuple[RequestStatus, str | None, str | None],
        *,
        is_complete: bool,
    ) -> list[ParseResult]:
        if status[0] in GOOD and self._capture.was_cut_short:
            status = status[0], self._capture.error_class, self._capture.error
        first = ParseResult(
            capture_id=self._capture.capture_id,
            source_id=self._capture.source_id,
            request_key=record.key,
            request_scope=record.scope,
            is_scope_complete=is_complete,
            seen_at=self._capture.seen_at,
            recorded_at=self._capture.recorded_at,
            status=status[0],
            http_status=record.status,
            source_url=record.url,
            payload_sha256=record.sha256,
            parser_version=self._source.parser_version if self._source else None,
            quarantine_path=reading.quarantine_path,
            **reading.row_counts(),
            offers_held=reading.held,
            offers_duplicate=reading.duplicates,
            bytes=record.bytes,
            attempts=record.attempts,
            started_at=record.started_at,
            finished_at=record.finished_at,
            mirror=self._capture.mirror,
            warnings="; ".join(record.warnings) or None,
            error_class=status[1],
            error=status[2],
        )
        # Counts of the payload are on its first line only.
        further = dataclasses.replace(
            first,
            quarantine_path=None,
            rows_read=0,
            rows_kept=0,
            rows_held=0,
            rows_out_of_scope=0,
            row_reasons=None,
            offers_held=0,
            offers_duplicate=0,
            bytes=0,
        )
        return [
            dataclasses.replace(
                further if number else first,
                record_kind=kind,
                observation_path=reading.files[kind],
                offers_kept=count,
            )
            for number, (kind, count) in enumerate(sorted(reading.rows.items()))
        ] or [first]

    def _result_without_requests(self) -> ParseResult:
        capture = self._capture
        return ParseResult(
            capture_id=capture.capture_id,
            source_id=capture.source_id,
            request_key=None,
            request_scope=None,
            is_scope_complete=False,
            seen_at=capture.seen_at,
            recorded_at=capture.recorded_at,
            status="skipped" if capture.status == "skipped" else "failed",
            mirror=capture.mirror,
            error_class=capture.error_class,
            error=capture.error,
        )

    def _readings(self) -> dict[str, Reading]:
        """Return the reading of every request by its key, of joined pages under the first key."""
        groups: defaultdict[str, list[RequestRecord]] = defaultdict(list)
        is_joined = self._source is not None and self._source.joins_pages
        for record in self._capture.requests:
            groups[record.scope if is_joined else record.key].append(record)
        nothing = Reading(rows={}, files={})
        readings = {record.key: nothing for record in self._capture.requests}
        return readings | {pages[0].key: self._reading(pages) for pages in groups.values()}

    def _reading(self, pages: list[RequestRecord]) -> Reading:
        """Return the rows of a payload, from an earlier reading if there is one."""
        capture, source, first = self._capture, self._source, pages[0]
        missing = [page.key for page in pages if page.path is None or page.outcome == "failed"]
        if missing and len(pages) > 1:
            reason = f"{capture.source_id}[{first.key}]: without {missing[0]} its sums are wrong"
            return failed("truncated", reason)
        if missing:
            return Reading(rows={}, files={})
        if source is None:
            reason = f"there is no source named {capture.source_id}"
            return failed("source_error", reason)
        stem = _stem(self._home, source, capture, pages)
        for known in (_named(stem, RESULT), _named(stem, LIMIT)):
            found = reading_of(known)
            if found is not None and (found.outcomes is not None or found.error_class):
                return found  # else of a version that did not count rows
        task = Task(
            home=self._home,
            pages=pages,
            seen_at=capture.seen_at,
            stem=stem,
        )
        reading = read(task, source)
        if reading.error_class is None:  # most errors are not kept: a later parser may read it
            self._write_json(_named(stem, RESULT), dataclasses.asdict(reading))
        elif reading.error_class == "parser_limit":
            self._write_json(_named(stem, LIMIT), dataclasses.asdict(reading))
        return reading

    def _write_json(self, target: Path, content: object) -> None:
        with new_file(target, temporary_folder=self._unfinished) as file:
            file.write(json.dumps(content, default=exact).encode())

    def _enter(self, results: list[ParseResult], rows_known: Mapping[str, int]) -> None:
        entry = {"rows": [on_disk(vars(result)) for result in results], "rows_known": rows_known}
        self._write_json(ledger_file(self._home, self._capture.capture_id), entry)


def _stem(home: Home, source: Source, capture: Capture, pages: list[RequestRecord]) -> Path:
    """Return the name of a reading: it depends on the bytes, the key, the parser, maybe the day."""
    first = pages[0]
    hashes = [page.sha256 or "" for page in pages]
    content = hashes[0] if len(pages) == 1 else _sha256(" ".join(hashes))
    name = f"{content}-{_sha256(first.key)[:8]}-{source.parser_version}"
    of_day = capture.capture_id if source.reads_day else first.path or ""
    return home.observations / Path(of_day).parent / name


def _named(stem: Path, ending: str) -> Path:
    return stem.with_name(f"{stem.name}{ending}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
