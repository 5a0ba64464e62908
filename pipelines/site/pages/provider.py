"""The page of a provider: what it rents out, its prices against its market, its sources."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.numbers import words
from pipelines.site.page import Block, Column, Filter, Page, Table, choices
from pipelines.site.pages.pair import Pair, links_of, provider_pairs
from pipelines.site.pages.prices import LIST_PRICES, gpu_link, moved, provider_path
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED, on_demand


def provider_pages(published: Published) -> list[Page]:
    """Return the pages of all providers that confirmed a price."""
    prices = published.ask_each("provider/prices", "provider_id")
    sources = published.ask_each("provider/sources", "provider_id")
    pairs = provider_pairs(published)
    return [
        provider_page(prices(row["provider_id"]), sources(row["provider_id"]), pairs)
        for row in published.ask("provider/providers").rows
    ]


def provider_page(prices: Answer, sources: Answer, pairs: list[Pair]) -> Page:
    """Return the page of one provider."""
    first = prices.first
    seat = f", seat in {first['country']}" if first["country"] else ""
    return Page(
        path=provider_path(first["provider_id"]),
        name=first["provider_name"],
        title=headline(first["provider_name"], prices.rows),
        evidence="prices",
        basis=f"{words(first['market_family']).capitalize()}{seat}. {LIST_PRICES} Lower is better.",
        links=links_of(first["provider_id"], pairs),
        filters=[Filter("purchase_model", "bought", choices(prices.rows, "purchase_model"))],
        blocks=[
            Block(
                "prices",
                against_market(prices.rows),
                "Cheapest offer of each GPU and contract, USD per GPU-hour. Beside it the middle"
                " of its market in the US with its 80 % interval, of at least"
                f" {PROVIDERS_NEEDED} providers, and how far its price lies above or below.",
                answer=prices,
                table=Table(
                    prices,
                    PRICE_COLUMNS,
                    key=("gpu_id", "purchase_model", "commitment_months", "market_family"),
                    age_hours=lambda row: row["age_hours"],
                    noun="price",
                    measure="usd_per_gpu_hour",
                ),
            ),
            Block(
                "sources",
                sources_title(sources.rows),
                "A better kind of source goes before a feed; offers of a source that has not"
                " answered for 30 hours enter no price.",
                answer=sources,
                table=Table(
                    sources,
                    SOURCE_COLUMNS,
                    key=("source_id",),
                    age_hours=lambda row: row["age_hours"],
                    noun="source",
                ),
            ),
        ],
    )


def headline(name: str, rows: list[Row]) -> str:
    """Return what a provider rents out on demand, and for how much."""
    prices = [row["usd_per_gpu_hour"] for row in on_demand(rows)]
    if not prices:
        return f"{name} has no confirmed price on demand"
    count = numbers.plural(len({row["gpu_id"] for row in on_demand(rows)}), "GPU")
    return (
        f"{name} rents {count} on demand, for {numbers.usd(min(prices))} to"
        f" {numbers.usd(max(prices))} per GPU-hour"
    )


def against_market(rows: list[Row]) -> str:
    """Return how many of its prices on demand are below the middle of their market."""
    known = [row["over_middle_fraction"] for row in on_demand(rows) if row["over_middle_fraction"]]
    if not known:
        return f"{numbers.plural(len(rows), 'price')}; none has a market to compare with"
    below = sum(value < 0 for value in known)
    return f"{below} of {numbers.plural(len(known), 'price')} on demand below the middle"


def sources_title(rows: list[Row]) -> str:
    """Return how many sources read a provider, and whether all of them answer."""
    old = sum(row["stale_count"] == row["offer_count"] for row in rows)
    state = f"; {old} without a fresh price" if old else ""
    return f"Read from {numbers.plural(len(rows), 'source')}{state}"


PRICE_COLUMNS = [
    Column("gpu_id", "GPU", show=lambda gpu_id, row: gpu_link(gpu_id, row, "../")),
    Column("usd_per_gpu_hour", "cheapest", "USD/GPU-h", toggle="hour"),
    Column("middle_usd_per_gpu_hour", "market", "USD/GPU-h", toggle="hour",
           interval=("middle_low", "middle_high"), reason="too few providers"),
    Column("over_middle_fraction", "against it", "%", show=moved, reason="too few providers"),
    Column("purchase_model", "bought", show=words),
    Column("commitment_months", "months", reason="no commitment"),
    Column("market_family", "market", show=words),
    Column("offer_count", "offers"),
    Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
    Column("source_id", "read at"),
]  # fmt: skip
SOURCE_COLUMNS = [
    Column("source_id", "source"),
    Column("title", "title", reason="not listed"),
    Column("source_kind", "kind"),
    Column("offer_count", "offers"),
    Column("stale_count", "too old"),
    Column("seen_at", "seen (UTC)"),
    Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
]
