"""Verification: published prices, read again from the bytes that they came from.

Choosing a sample and comparing belongs here; hashes of files to ``pipelines.landing`` and
``warehouse.publication``.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import duckdb

from pipelines.landing import Landing, LandingDamagedError
from pipelines.sources import all_sources
from pipelines.sources.base import Offer, ParseError

Identity = tuple[str, str, str | None, str, int | None]


def wrong_prices(
    connection: duckdb.DuckDBPyConnection, landing: Landing, rows: int
) -> tuple[int, list[str]]:
    """Parse a sample of published prices again and compare.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    landing : Landing
        Where the payloads are.
    rows : int
        How many prices to take, spread over sources; those whose parser has changed since, or
        that come from many pages or a file too big for memory, are passed over.

    Returns
    -------
    tuple of int and list of str
        How many were compared, and one line for each that differs or cannot be read.
    """
    sources = all_sources()
    readable = {
        source.source_id: source.parser_version
        for source in sources.values()
        if not source.joins_pages and not source.reads_path
    }
    sample = connection.execute(
        """
        with chosen as (
            select * from core.offer_price
            where superseded_at is null and source_id in (select unnest($names))
            qualify row_number() over (partition by source_id order by hash(offer_key))
                <= ceil($rows / (select count(distinct source_id) from core.offer_price))
        )
        -- The capture that first showed the price, where it is known; else one of the same bytes.
        select c.source_id, arg_max(w.capture_id, w.valid_at = c.valid_from), c.payload_sha256,
            c.parser_version, c.price_amount, c.provider_id, c.sku, c.region, c.purchase_model,
            c.commitment_months
        from chosen as c left join meta.capture as w using (source_id, payload_sha256)
        group by all order by all
        """,
        {"names": list(readable), "rows": rows},
    ).fetchall()
    by_payload: defaultdict[tuple[str, str, str], list[tuple[Identity, Decimal]]]
    by_payload = defaultdict(list)
    wrong: list[str] = []
    for source_id, capture_id, sha256, version, amount, *identity in sample:
        if capture_id is None:
            wrong.append(f"{source_id}: no capture of payload {sha256[:12]}")
        elif version == readable[source_id]:
            by_payload[source_id, capture_id, sha256].append((_identity(*identity), amount))
    checked = 0
    for (source_id, capture_id, sha256), expected in by_payload.items():
        try:
            found = _amounts(landing, capture_id, sha256)
        except (LandingDamagedError, ParseError, OSError) as error:
            wrong.append(f"{source_id}: {error}")
            continue
        for identity, amount in expected:
            checked += 1
            if amount not in found[identity]:
                there = ", ".join(map(str, sorted(found[identity]))) or "no such offer"
                wrong.append(f"{source_id}: {identity} is {amount} published, {there} in landing")
    return checked, wrong


def _amounts(landing: Landing, capture_id: str, sha256: str) -> defaultdict[Identity, set[Decimal]]:
    """Return what a payload's offers cost, read again, whatever the part that was asked for."""
    capture = landing.capture(capture_id)
    source = all_sources()[capture.source_id]
    found: defaultdict[Identity, set[Decimal]] = defaultdict(set)
    for record in capture.requests:
        if record.sha256 != sha256:
            continue
        for row in source.parse(landing.payload(capture, record)):
            if isinstance(row, Offer):
                found[
                    _identity(
                        row.provider_id,
                        row.sku,
                        row.region,
                        row.purchase_model,
                        row.commitment_months,
                    )
                ].add(row.price_amount)
    return found


def _identity(
    provider_id: str, sku: str, region: str | None, purchase_model: str, months: int | None
) -> Identity:
    return provider_id, sku, region, purchase_model, months
