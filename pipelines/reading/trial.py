"""A parser tried on the answers of a visit: its rows as a reviewed file has them.

Nothing is kept. Reading for the warehouse belongs to ``payload``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture
from pipelines.child.limits import at_most
from pipelines.reading.sheet import MAX_ROWS, Sheet
from pipelines.sources.base import Payload, Source, joined, records
from pipelines.sources.fixtures import row_as_json


class Trial(TypedDict):
    """What a parser made of one answer."""

    rows: list[dict[str, Any]]  # each record once, held ones included
    outcomes: dict[str, dict[str, int]]  # outcome -> reason -> rows of the answer
    offers: int  # records that keep the contract


def trial(source: Source, payload: Payload) -> Trial:
    """Return the rows of an answer; for ``in_child``.

    Raises
    ------
    ParseError
        If the parser cannot read it.
    LimitError
        If it gives over half a million rows.
    """
    sheet = Sheet(payload, source.parser_version)
    found = []
    for row in at_most(source.parse(payload), MAX_ROWS):
        sheet.add(row)
        found.append(row)
    return {
        "rows": [row_as_json(record) for record in records(found)],
        "outcomes": {name: dict(rows) for name, rows in sheet.outcomes.items()},
        "offers": sheet.kept_count,
    }


def payloads(source: Source, capture: Capture, landing: Landing, folder: Path) -> Iterator[Payload]:
    """Yield the answers of a visit as the parser wants them; ``folder`` takes those on disk.

    Requests that failed have none.
    """
    pages = [record for record in capture.requests if record.path and record.outcome != "failed"]
    bodies = [landing.content(record.path or "") for record in pages]
    if source.joins_pages and bodies:
        pages, bodies = pages[:1], [joined(bodies)]
    for number, (record, body) in enumerate(zip(pages, bodies, strict=True)):
        path = None
        if source.reads_path:
            path = folder / f"payload-{number}"
            path.write_bytes(body)
        yield Payload(
            source_id=source.source_id,
            key=record.key,
            url=record.url,
            content=b"" if source.reads_path else body,
            sha256=record.sha256 or "",
            seen_at=capture.seen_at,
            content_type=record.content_type,
            path=path,
        )
