"""The page of a GPU: its offers, its markets, its history, and the chip."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.site import numbers
from pipelines.site.markup import host
from pipelines.site.numbers import words
from pipelines.site.page import Block, Column, Filter, Page, Table, choices
from pipelines.site.pages.gpu_costs import costs, specification
from pipelines.site.pages.gpu_history import history
from pipelines.site.pages.gpu_offers import offer_table, strip
from pipelines.site.pages.pair import Pair, gpu_pairs, links_of
from pipelines.site.pages.prices import LIST_PRICES, gpu_path, median_cell
from pipelines.site.published import Published, Row
from pipelines.site.rows.gpu import cheapest_of_each, fresh_on_demand
from pipelines.site.rows.prices import PROVIDERS_NEEDED, has_enough, oldest_age_hours, on_demand


def gpu_pages(published: Published) -> list[Page]:
    """Return the pages of all GPUs that have or had an offer, most offered first."""
    pairs = gpu_pairs(published)
    return [gpu_page(published, gpu, pairs) for gpu in published.ask("gpu/gpus").rows]


def gpu_page(published: Published, gpu: Row, pairs: Sequence[Pair] = ()) -> Page:
    """Return the page of one GPU."""
    gpu_id = gpu["gpu_id"]
    offers = published.ask_each("gpu/offers", "gpu_id")(gpu_id)
    market = published.ask_each("gpu/market", "gpu_id")(gpu_id)
    shown = cheapest_of_each(offers.rows)
    return Page(
        path=gpu_path(gpu_id),
        name=numbers.gpu_name(gpu_id),
        title=headline(gpu_id, market.rows, offers.rows),
        evidence="offers",
        basis=f"{what_it_is(gpu)} Prices per GPU; the price of the whole node is beside it."
        f" {LIST_PRICES} Lower is better.",
        links=links_of(gpu_id, pairs),
        filters=[
            Filter("purchase_model", "bought", choices(shown, "purchase_model")),
            Filter("provider_id", "provider", choices(shown, "provider_id")),
            Filter("area", "area", choices(shown, "area")),
            Filter("gpu_count", "GPUs in the node", sorted(choices(shown, "gpu_count"), key=int)),
        ],
        blocks=[
            *([strip(gpu_id, offers, shown, market.rows)] if offers else []),
            offer_table(offers, shown),
            Block(
                "market",
                market_title(market.rows),
                "USD per GPU-hour; median, p10 and p90 of the providers' medians; families are"
                f" never mixed but in the rows called all. Under {PROVIDERS_NEEDED} providers no"
                " median is shown.",
                answer=market,
                table=Table(
                    market,
                    MARKET_COLUMNS,
                    key=("purchase_model", "commitment_months", "market_family"),
                    age_hours=oldest_age_hours,
                ),
            ),
            *costs(published, gpu_id),
            *history(published, gpu_id),
            chip(published, gpu),
            *specification(published, gpu_id),
        ],
    )


def headline(gpu_id: str, market: list[Row], offers: list[Row]) -> str:
    """Return the finding: the cheapest fresh offer, and the median."""
    name = numbers.gpu_name(gpu_id)
    if not offers:
        return f"Nobody that we read offers {name} today"
    fresh = fresh_on_demand(offers)
    middle = [row for row in on_demand(market) if row["market_family"] == "all" and has_enough(row)]
    if not fresh:
        known = (
            f"; the last median, of {numbers.plural(middle[0]['provider_count'], 'provider')}, was"
            f" {numbers.usd(median_of(middle))}"
            if middle
            else ""
        )
        return f"{name}: no offer on demand was confirmed in the last 30 hours{known}"
    cheapest = fresh[0]
    words = (
        f"{name} rents from {numbers.usd(cheapest['usd_per_gpu_hour'])} per GPU-hour"
        f" at {cheapest['provider_name']}"
    )
    if middle:
        count = numbers.plural(middle[0]["provider_count"], "provider")
        return f"{words}; the median of {count} is {numbers.usd(median_of(middle))}"
    return f"{words}; too few providers for a median"


def market_title(market: list[Row]) -> str:
    """Return the median on demand of each market with enough providers."""
    asked = [
        f"{words(row['market_family'])}s {numbers.usd(row['median_usd_per_gpu_hour'])}"
        for row in on_demand(market)
        if row["market_family"] != "all" and has_enough(row)
    ]
    if not asked:
        return f"No market has {PROVIDERS_NEEDED} providers on demand"
    return f"On demand, {', '.join(asked)} per GPU-hour in the median"


def median_of(market: list[Row]) -> float:
    """Return the median of the first row of a market."""
    return float(market[0]["median_usd_per_gpu_hour"])


def what_it_is(gpu: Row) -> str:
    """Return one sentence on the chip."""
    if gpu["is_coarse"]:
        return (
            f"{gpu['gpu_id']} covers offers that do not say which variant they sell;"
            " they are never merged with a variant."
        )
    parts = [str(gpu["name"] or gpu["gpu_id"])]
    if gpu["form_factor"]:
        parts.append(f"form factor {gpu['form_factor']}")
    if gpu["memory_gigabytes"]:
        parts.append(f"{numbers.figure(gpu['memory_gigabytes'])} GB")
    if gpu["bandwidth_terabytes_per_second"]:
        parts.append(f"{numbers.figure(gpu['bandwidth_terabytes_per_second'])} TB/s")
    if gpu["board_power_watts"]:
        parts.append(f"{numbers.figure(gpu['board_power_watts'])} W")
    return ", ".join(parts) + "."


MARKET_COLUMNS = [
    Column("purchase_model", "bought", show=words),
    Column("commitment_months", "months", reason="no commitment"),
    Column("market_family", "market"),
    Column("median_usd_per_gpu_hour", "median", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("p10_usd_per_gpu_hour", "p10", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("p90_usd_per_gpu_hour", "p90", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("min_usd_per_gpu_hour", "cheapest", "USD/GPU-h", toggle="hour"),
    Column("max_usd_per_gpu_hour", "dearest", "USD/GPU-h", toggle="hour"),
    Column("provider_count", "providers"),
    Column("offer_count", "offers"),
    Column("oldest_seen_on", "oldest answer"),
]


def chip(published: Published, gpu: Row) -> Block:
    """Return the block of the peaks of the chip, dense and sparse apart."""
    answer = published.ask_each("gpu/peaks", "gpu_id")(gpu["gpu_id"])
    dense = [
        row for row in answer.rows if not row["is_sparse"] and row["precision"] in ("bf16", "fp16")
    ]
    title = (
        f"It reaches at most {numbers.figure(dense[0]['teraflops'])} TFLOP/s,"
        f" {dense[0]['precision']} dense"
        if dense
        else "No peak is known for it"
    )
    return Block(
        "chip",
        title,
        "Peaks as the vendor prints them. Costs use dense peaks only; sparse ones (2:4) are"
        " shown for comparison.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("precision", "precision"),
                Column("is_sparse", "kind", show=lambda v, _: "sparse 2:4" if v else "dense"),
                Column("teraflops", "peak", "TFLOP/s"),
                Column("source_url", "source", show=host),
                Column("note", "note", reason="none"),
            ],
            key=("precision", "is_sparse"),
        ),
    )
