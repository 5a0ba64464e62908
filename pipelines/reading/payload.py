"""One payload: from its bytes in landing to rows in Parquet, in a child process with limits.

What strangers wrote is read in the child alone. A parser that passes a limit, or takes its process
with it, is a reading with an error. Captures, requests and the ledger belong to ``reader``, rows to
``sheet``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import LandingDamagedError, RequestRecord
from pipelines.capture.parsers import in_child
from pipelines.child.limits import CallError, LimitError
from pipelines.reading.sheet import Sheet, fill, message
from pipelines.sources.base import Payload, Source, joined
from warehouse.files import new_file
from warehouse.paths import Home

UNFINISHED = ".unfinished"
OF_THE_MACHINE = ("wall", "killed")  # limits that the same bytes may keep another time


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a parser made of one payload; kept as ``.result.json``."""

    rows: dict[str, int]  # record kind -> records kept
    files: dict[str, str]  # record kind -> path below the home folder
    outcomes: dict[str, dict[str, int]] | None = None  # outcome -> reason -> rows of the answer
    quarantine_path: str | None = None
    held: int = 0
    duplicates: int = 0
    error_class: str | None = None
    error: str | None = None

    @property
    def kept(self) -> int:
        """The records that keep the contract."""
        return sum(self.rows.values())

    def row_counts(self) -> dict[str, Any]:
        """Return the rows of the answer by outcome; null where nothing was read."""
        if self.outcomes is None:
            return {}
        counts = {f"rows_{name}": sum(rows.values()) for name, rows in self.outcomes.items()}
        reasons = {name: rows for name, rows in self.outcomes.items() if name != "kept"}
        return {"rows_read": sum(counts.values()), **counts, "row_reasons": json.dumps(reasons)}


def failed(error_class: str, error: str) -> Reading:
    """Return the reading of a payload that has no rows, because of an error."""
    return Reading(rows={}, files={}, error_class=error_class, error=message(error))


@dataclass(frozen=True, kw_only=True)
class Task:
    """A payload to read: where its bytes are, and where its rows go."""

    home: Home
    pages: Sequence[RequestRecord]  # one, or those that are joined
    seen_at: datetime
    stem: Path  # of the files


def read(task: Task, source: Source) -> Reading:
    """Parse a payload and write its rows.

    Returns
    -------
    Reading
        Of the error class ``parser_limit`` if the same bytes would pass the limit again, and
        ``parser_ended`` if the machine may have caused it.

    Raises
    ------
    OSError
        If observations cannot be written.
    """
    where = f"{source.source_id}[{task.pages[0].key}] {(task.pages[0].sha256 or '')[:12]}"
    try:
        return Reading(**in_child(source, parsed, task))
    except LandingDamagedError as error:
        return failed("landing_damaged", str(error))
    except LimitError as error:
        kind = "parser_ended" if error.limit in OF_THE_MACHINE else "parser_limit"
        return failed(kind, f"{where}: the parser {error}")
    except MemoryError:
        return failed("parser_limit", f"{where}: the parser needs more memory than there is")
    except CallError as error:
        return failed("parse_error", f"{where}: {error}")


def parsed(source: Source, task: Task) -> dict[str, Any]:
    """Parse a payload in this process, write its rows, and return its ``Reading`` as JSON."""
    with _opened(task, source) as payload:
        sheet = Sheet(payload, source.parser_version)
        failure = fill(sheet, payload, source)
    return dataclasses.asdict(failed(*failure) if failure else _written(task, sheet))


@contextlib.contextmanager
def _opened(task: Task, source: Source) -> Iterator[Payload]:
    """Yield a payload as bytes, as a file path, or as joined pages, as the source declares."""
    landing, first = Landing(task.home), task.pages[0]
    assert first.path is not None and first.sha256 is not None
    payload = Payload(
        source_id=source.source_id,
        key=first.key,
        url=first.url,
        content=b"",
        sha256=first.sha256,
        seen_at=task.seen_at,
        content_type=first.content_type,
    )
    if source.reads_path:
        with tempfile.NamedTemporaryFile(dir=task.home.observations / UNFINISHED) as file:
            landing.unpack(first.path, file, first.bytes or None)
            file.flush()
            yield dataclasses.replace(payload, path=Path(file.name))
    elif source.joins_pages:
        bodies = [landing.content(page.path or "", page.bytes or None) for page in task.pages]
        yield dataclasses.replace(payload, content=joined(bodies))
    else:
        yield dataclasses.replace(payload, content=landing.content(first.path, first.bytes or None))


def _written(task: Task, sheet: Sheet) -> Reading:
    files = {kind: _file(task, kind, table) for kind, table in sheet.tables().items()}
    return Reading(
        rows={kind: len(rows) for kind, rows in sorted(sheet.kept.items())},
        files=files,
        outcomes={name: dict(reasons) for name, reasons in sheet.outcomes.items()},
        quarantine_path=_file(task, "quarantine", sheet.quarantine()) if sheet.held else None,
        held=len(sheet.held),
        duplicates=sheet.duplicates,
    )


def _file(task: Task, kind: str, table: pa.Table) -> str:
    target = task.stem.with_name(f"{task.stem.name}.{kind}.parquet")
    with new_file(target, temporary_folder=task.home.observations / UNFINISHED) as file:
        pq.write_table(table, file, compression="zstd")
    return target.relative_to(task.home.root).as_posix()
