"""The offers of a GPU: the strip of marks, and the table with a link to each source."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.charts.parts import is_wide
from pipelines.site.charts.prices import price_strip
from pipelines.site.markup import code, digest, link
from pipelines.site.numbers import words
from pipelines.site.page import Block, Chart, Column, Table
from pipelines.site.published import Answer, Row
from pipelines.site.rows.gpu import fresh_on_demand, strip_marks


def strip(gpu_id: str, offers: Answer, shown: list[Row], market: list[Row]) -> Block:
    """Return the block with one mark for each offer."""
    prices = [row["usd_per_gpu_hour"] for row in shown]
    return Block(
        "strip",
        spread_title(gpu_id, offers.rows),
        "Each mark is an offer, fading with the age of its price: since its source answered, or"
        " since a feed was made. Dashed line and band: median and p10–p90 over the providers'"
        " medians on demand.",
        answer=offers,
        chart=Chart(
            price_strip(
                is_wide(prices),
                frozenset(row["purchase_model"] for row in shown),
                frozenset(row["market_family"] for row in shown),
            ),
            strip_marks(shown, market),
            "Prices of all offers by provider",
        ),
    )


def spread_title(gpu_id: str, offers: list[Row]) -> str:
    """Return the ratio of the most expensive to the cheapest fresh offer on demand."""
    prices = [row["usd_per_gpu_hour"] for row in fresh_on_demand(offers)]
    providers = {row["provider_id"] for row in offers}
    if len(prices) < 2:
        return (
            f"{numbers.plural(len(providers), 'provider')}"
            f" {'offers' if len(providers) == 1 else 'offer'} it"
        )
    return (
        f"On demand, the dearest fresh offer of {numbers.gpu_name(gpu_id)} costs"
        f" {numbers.figure(max(prices) / min(prices))} times the cheapest"
    )


def offer_table(offers: Answer, shown: list[Row]) -> Block:
    """Return the block of the offers, each with its source."""
    total = len(offers.rows)
    note = (
        f"The page carries {len(shown)} of {total:,}: the cheapest of every provider and way of"
        " buying first; the CSV has all."
        if len(shown) < total
        else ""
    )
    return Block(
        "offers",
        offers_title(offers.rows),
        "Each number leads to its query, the source to where it was read; the hash names the bytes"
        " read. Age: since the source answered, for a feed since it was made; rows fade with it."
        f" Witness: a better kind of source prices the same thing. {note}",
        answer=offers,
        table=Table(
            offers,
            OFFER_COLUMNS,
            key=("offer_key",),
            age_hours=lambda row: row["price_age_hours"],
            rows=shown,
            noun="offer",
            measure="usd_per_gpu_hour",
        ),
    )


def offers_title(offers: list[Row]) -> str:
    """Return the number of offers, and whether any of them was confirmed lately."""
    if not offers:
        return "No current offer"
    fresh = sum(not row["is_stale"] for row in offers)
    if not fresh:
        total = numbers.plural(len(offers), "offer")
        return f"{total} when last seen; none was confirmed in the last 72 hours"
    older = f", {len(offers) - fresh} more when last seen" if fresh < len(offers) else ""
    return f"{numbers.plural(fresh, 'offer')} today{older}"


OFFER_COLUMNS = [
    Column("usd_per_gpu_hour", "price", "USD/GPU-h", toggle="hour"),
    Column("usd_per_node_hour", "node price", "USD/h", toggle="hour"),
    Column("gpu_count", "GPUs"),
    Column("provider_name", "provider"),
    Column("sku", "SKU", show=lambda sku, _: code(sku)),
    Column("region", "region", reason="one price everywhere"),
    Column("purchase_model", "bought", show=words),
    Column("commitment_months", "months", reason="no commitment"),
    Column("is_available", "available", reason="the source does not say"),
    Column("seen_at", "seen (UTC)"),
    Column("price_age_hours", "age", show=lambda hours, _: numbers.age(hours)),
    Column("source_id", "read at", show=lambda name, row: link(row["source_url"], name)),
    Column("source_kind", "kind"),
    Column("is_witness", "witness"),
    Column("payload_sha256", "payload", show=digest),
]
