"""Captures of an older parser, recorded again so that the present parser reads them.

Reading them belongs to ``reader``, recording the past of a source to ``capture.backfill``.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

from pipelines.capture.landing import Landing
from pipelines.reading.ledger import capture_ledger
from pipelines.sources.base import Source
from warehouse.paths import Home


def refile(source: Source, *, home: Home, recorded_at: datetime) -> int:
    """Record again, as known from now on, every capture that an older parser has read.

    The bytes are those in landing. What the present parser reads in them supersedes what was
    believed before, and what was believed stays on record.

    Parameters
    ----------
    source : Source
        Whose captures; its parser version decides which are old.
    home : Home
        Landing and the ledger are read; manifests are added to landing.
    recorded_at : datetime
        Since when the new reading is known, UTC.

    Returns
    -------
    int
        Captures recorded again.
    """
    landing = Landing(home)
    parsers = {
        row["capture_id"]: row["parser_version"]
        for row in capture_ledger(home).to_pylist()
        if row["source_id"] == source.source_id and row["parser_version"] is not None
    }
    newest = {capture.seen_at: capture for capture in landing.captures(source.source_id)}
    old = [
        capture
        for capture in newest.values()
        if parsers.get(capture.capture_id, source.parser_version) < source.parser_version
    ]
    for capture in old:
        landing.record(dataclasses.replace(capture, recorded_at=recorded_at))
    return len(old)
