"""Verification: published prices, read again from the bytes that they came from.

Choosing a sample and comparing belongs here; hashes of files to ``pipelines.capture.landing`` and
``warehouse.publication``.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import duckdb

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import LandingDamagedError
from pipelines.capture.parsers import UNREADABLE, in_child
from pipelines.reading.snapshot import SNAPSHOT
from pipelines.sources import all_sources
from pipelines.sources.base import Offer, Source, records
from warehouse.paths import Home
from warehouse.reports import run_report

Identity = tuple[str, str, str | None, str, int | None]


def wrong_prices(
    connection: duckdb.DuckDBPyConnection, landing: Landing, rows: int
) -> tuple[int, int, list[str]]:
    """Parse a sample of published prices again and compare.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    landing : Landing
        Where the payloads are.
    rows : int
        How many prices to take, spread over sources. Skipped are those whose parser has changed
        since, and those from many pages or a file too big for memory.

    Returns
    -------
    tuple of int, int and list of str
        How many were compared; how many come from the bundled snapshot, whose bytes are not in this
        landing; and one line for each that differs or cannot be read.
    """
    sources = all_sources()
    readable = {
        source.source_id: source.parser_version
        for source in sources.values()
        if not source.joins_pages and not source.reads_path
    }
    sample = run_report(connection, "price_sample", source_ids=list(readable), row_count=rows).rows
    by_payload: defaultdict[tuple[str, str, str], list[tuple[Identity, Decimal]]]
    by_payload = defaultdict(list)
    wrong: list[str] = []
    for source_id, capture_id, sha256, version, amount, *printed in sample:
        if capture_id is None:
            wrong.append(f"{source_id}: no capture of payload {sha256[:12]}")
        elif version == readable[source_id]:
            by_payload[source_id, capture_id, sha256].append((_identity(*printed), amount))
    checked = bundled = 0
    for (source_id, capture_id, sha256), expected in by_payload.items():
        if is_bundled(landing, capture_id):
            bundled += len(expected)
            continue
        try:
            amounts = in_child(sources[source_id], _amounts, landing, capture_id, sha256)
        except (LandingDamagedError, OSError, *UNREADABLE) as error:
            wrong.append(f"{source_id}: {error}")
            continue
        found: defaultdict[Identity, set[Decimal]] = defaultdict(set)
        for printed, amount in amounts:
            found[_identity(*printed)].add(Decimal(amount))
        for identity, amount in expected:
            checked += 1
            if amount not in found[identity]:
                there = ", ".join(map(str, sorted(found[identity]))) or "no such offer"
                wrong.append(f"{source_id}: {identity} is {amount} published, {there} in landing")
    return checked, bundled, wrong


def is_bundled(landing: Landing, capture_id: str) -> bool:
    """Return whether a capture came with the bundled snapshot and was never made here."""
    from pipelines.reading.ledger import ledger_file  # pyarrow, which the child does without

    try:
        landing.capture(capture_id)
    except FileNotFoundError:
        return ledger_file(Home(SNAPSHOT), capture_id).is_file()
    except LandingDamagedError:
        pass  # said when its payload is read
    return False


def _amounts(
    source: Source, landing: Landing, capture_id: str, sha256: str
) -> list[tuple[list[Any], str]]:
    """Return what a payload's offers cost, whatever the part that was asked for; in the child."""
    capture = landing.capture(capture_id)
    return [
        (
            [row.provider_id, row.sku, row.region, row.purchase_model, row.commitment_months],
            str(row.price_amount),
        )
        for record in capture.requests
        if record.sha256 == sha256
        for row in records(source.parse(landing.payload(capture, record)))
        if isinstance(row, Offer)
    ]


def _identity(
    provider_id: str,
    sku: str,
    region: str | None,
    purchase_model: str,
    commitment_months: int | None,
) -> Identity:
    return provider_id, sku, region, purchase_model, commitment_months
