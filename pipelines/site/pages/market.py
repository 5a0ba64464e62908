"""The first page: every GPU that can be rented now, who offers it, and the index."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.charts.prices import price_heatmap
from pipelines.site.numbers import words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.pages.hero import headline, hero
from pipelines.site.pages.prices import LIST_PRICES, gpu_link, median_cell, moved, place
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.market import heatmap_cells, widest_spread
from pipelines.site.rows.prices import oldest_age_hours, on_demand

CHARTED = 12  # GPUs of the heatmap
ALL_GPUS_KEY = ("gpu_id", "purchase_model")


def market_page(published: Published) -> Page:
    """Return the page of today's market."""
    today = published.ask("market/today")
    main = [row for row in on_demand(today.rows) if not row["is_coarse"]]
    ids = [row["gpu_id"] for row in main[:CHARTED]]
    cheapest = published.ask("market/cheapest", gpu_ids=ids)
    gpus = published.ask("market/gpus")
    return Page(
        path="index.html",
        name="GPU prices",
        title=headline(gpus.rows),
        evidence="gpus",
        basis=LIST_PRICES,
        is_home=True,
        filters=[
            Filter("gpu_id", "GPU", choices(today.rows, "gpu_id"), show=numbers.gpu_name),
            Filter("purchase_model", "bought", choices(today.rows, "purchase_model")),
            Filter("provider_id", "provider", choices(cheapest.rows, "provider_id")),
        ],
        blocks=[
            hero(published, gpus),
            heatmap(cheapest, ids),
            index(published),
            Block(
                "all-gpus",
                f"{numbers.plural(len({row['gpu_id'] for row in today.rows}), 'GPU')} have a"
                " price today",
                "USD per GPU-hour, all markets together, without a commitment. Form factors are"
                " kept apart: SXM, PCIe and NVL are three things.",
                answer=today,
                table=Table(today, COLUMNS, key=ALL_GPUS_KEY, age_hours=oldest_age_hours),
            ),
            *gone(published),
        ],
    )


def heatmap(answer: Answer, gpu_ids: list[str]) -> Block:
    """Return the block of the cheapest price of each provider for each main GPU."""
    spread = widest_spread(answer.rows, gpu_ids)
    return Block(
        "who-offers-what",
        f"For one and the same GPU the dearest provider asks up to {numbers.figure(spread)}"
        " times the cheapest"
        if spread
        else "No provider confirmed its prices in the last 30 hours"
        if answer
        else "Nobody that we read offers a GPU on demand",
        "Cheapest offer on demand of each provider, USD per GPU-hour, log colours, lower is"
        " better. Grey: no offer that we see. Cells fade with the age of the newest answer; a red"
        " dot marks those over 30 hours.",
        answer=answer,
        chart=Chart(
            price_heatmap(),
            heatmap_cells(answer.rows, gpu_ids),
            "Cheapest price on demand by provider and GPU",
        )
        if answer
        else None,
        table=Table(
            answer,
            [
                Column("provider_name", "provider"),
                Column("gpu_id", "GPU", show=gpu_link),
                Column("usd_per_gpu_hour", "cheapest", "USD/GPU-h", toggle="hour"),
                Column("dearest_usd_per_gpu_hour", "dearest", "USD/GPU-h", toggle="hour"),
                Column("offer_count", "offers"),
                Column("seen_at", "seen (UTC)"),
                Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
                Column("source_id", "source"),
            ],
            key=("provider_id", "gpu_id"),
            noun="price",
            measure="usd_per_gpu_hour",
            age_hours=lambda row: row["age_hours"],
        ),
        is_folded=True,
    )


def index(published: Published) -> Block:
    """Return the block of the index: published values, and reasons for the withheld ones."""
    answer = published.ask("market/index")
    title = "The index: one value a GPU and market, under fixed rules"
    if answer:
        given = sum(row["usd_per_gpu_hour"] is not None for row in answer.rows)
        title = (
            f"{given} of {len(answer.rows)} index values of {answer.first['day']} have enough"
            " independent providers; the others are withheld"
        )
    return Block(
        "index",
        title,
        "Median of the providers' medians after trimming, by market; markets are never mixed."
        " Under it p10–p90. Europe and Asia stand where three providers sell there. Same offers:"
        " how the prices of offers moved that stood before, too, over a month, 7, 30, 365 days."
        " Sellers that come and go move the index itself. A faded value rests on a price of over"
        " 30 hours.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("purchase_model", "bought", show=words),
                Column("market_family", "market", show=words),
                Column("reference_region", "where", show=place, reason="all together"),
                Column("usd_per_gpu_hour", "index", "USD/GPU-h", reason=why_withheld,
                       toggle="hour", interval=("p10_usd_per_gpu_hour", "p90_usd_per_gpu_hour")),
                Column("provider_count", "providers"),
                Column("n_trimmed", "trimmed"),
                Column("n_excluded", "excluded"),
                Column("same_offers_change", "same offers", "%", show=moved,
                       reason="too few compare"),
                Column("compared_provider_count", "compared", reason="too few compare"),
                Column("change_7", "same offers 7 d", "%", show=moved,
                       reason="too few compare"),
                Column("change_30", "same offers 30 d", "%", show=moved,
                       reason="too few compare"),
                Column("change_365", "same offers 365 d", "%", show=moved,
                       reason="too few compare"),
                Column("index_change_30", "index 30 d", "%", show=moved, reason="no value then"),
                Column("withheld_reason", "withheld", reason="published"),
            ],
            key=("gpu_id", "purchase_model", "market_family", "reference_region"),
            noun="index value",
            measure="usd_per_gpu_hour",
            age_hours=lambda row: row["oldest_age_hours"],
        ),
    )  # fmt: skip


def gone(published: Published) -> list[Block]:
    """Return the block of GPUs with an earlier price and none today; empty without any."""
    answer = published.ask("market/gone")
    if not answer:
        return []
    gpus = {row["gpu_id"] for row in answer.rows}
    return [
        Block(
            "gone",
            f"{numbers.plural(len(gpus), 'GPU')} had a price before and"
            f" {'has' if len(gpus) == 1 else 'have'} none today",
            "USD per GPU-hour, all markets together, on the last day that has one: their offers"
            " vanished, or the source that carried them did not answer since.",
            answer=answer,
            table=Table(
                answer,
                [
                    Column("gpu_id", "GPU", show=gpu_link),
                    Column("purchase_model", "bought", show=words),
                    Column("first_day", "first day (UTC)"),
                    Column("last_day", "last day (UTC)"),
                    Column(
                        "median_usd_per_gpu_hour", "median", "USD/GPU-h", show=median_cell,
                        toggle="hour",
                    ),
                    Column("provider_count", "providers"),
                ],
                key=("gpu_id", "purchase_model"),
            ),
            is_folded=True,
        )
    ]  # fmt: skip


def why_withheld(row: Row) -> str:
    """Return the reason for which an index value is withheld."""
    return str(row["withheld_reason"] or "not known")


COLUMNS = [
    Column("gpu_id", "GPU", show=gpu_link),
    Column("purchase_model", "bought", show=words),
    Column("median_usd_per_gpu_hour", "median", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("p10_usd_per_gpu_hour", "p10", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("p90_usd_per_gpu_hour", "p90", "USD/GPU-h", show=median_cell, toggle="hour"),
    Column("min_usd_per_gpu_hour", "cheapest offer", "USD/GPU-h", toggle="hour"),
    Column("provider_count", "providers"),
    Column("offer_count", "offers"),
    Column("oldest_seen_on", "oldest answer"),
]
