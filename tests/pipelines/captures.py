"""Captures as a run makes them: an earlier answer counts only if it could be read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pipelines.capture import parallel
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.reading.reader import has_reading
from pipelines.sources.base import Source
from warehouse.paths import Home

MOMENT = datetime(2026, 7, 1, 6, tzinfo=UTC)


def capture(
    sources: Iterable[Source], *, home: Home, **options: Any
) -> list[parallel.CaptureResult]:
    """Visit sources; see ``pipelines.capture.parallel.capture`` for the options."""
    return parallel.capture(sources, home=home, is_read=partial(has_reading, home), **options)


def filed(
    home: Home,
    content: bytes,
    *,
    days: int = 0,
    source_id: str = "akash",
    key: str = "gpu_prices",
) -> Capture:
    """File a capture of one request, as a visit would."""
    landing, moment = Landing(home), MOMENT + timedelta(days=days)
    kept = landing.keep(source_id, moment.date(), io.BytesIO(content))
    record = RequestRecord(
        key=key,
        scope=key,
        url="https://example.org/",
        method="GET",
        question="GET https://example.org/",
        outcome="ok",
        status=200,
        sha256=kept.sha256,
        path=kept.path,
        bytes=kept.bytes,
        started_at=moment,
        finished_at=moment,
        attempts=1,
    )
    return landing.record(
        Capture(
            source_id=source_id,
            capture_id="",
            seen_at=moment,
            recorded_at=moment,
            status="ok",
            requests=(record,),
        )
    )
