"""The first page: today's prices of the most offered GPUs, and the index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pipelines.site import numbers
from pipelines.site.charts.prices import price_heatmap
from pipelines.site.drawings import sparkline
from pipelines.site.markup import query_link, row_key, slug
from pipelines.site.numbers import words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, Tile, choices
from pipelines.site.pages.prices import LIST_PRICES, gpu_link, median_cell, moved, place
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.market import daily_medians, heatmap_cells, widest_spread
from pipelines.site.rows.moves import of_last_month
from pipelines.site.rows.prices import (
    PROVIDERS_NEEDED,
    has_enough,
    oldest_age_hours,
    on_demand,
)
from pipelines.site.theme import FAMILY_COLOURS, family

TILES = 12
ALL_GPUS_KEY = ("gpu_id", "purchase_model")


def market_page(published: Published) -> Page:
    """Return the page of today's market."""
    today = published.ask("market/today")
    main = [row for row in on_demand(today.rows) if not row["is_coarse"]]
    ids = [row["gpu_id"] for row in main[:TILES]]
    history = published.ask("market/history", gpu_ids=ids)
    cheapest = published.ask("market/cheapest", gpu_ids=ids)
    same = of_last_month(published.ask("market/same_offers", gpu_ids=ids).rows)
    return Page(
        path="index.html",
        name="Market today",
        title=headline(main),
        evidence="all-gpus",
        basis=f"Median of the providers' medians per GPU and hour, on demand, all markets, at the"
        f" end of {today.first['day'] if today else 'no day yet'} (UTC)."
        f" {LIST_PRICES} Lower is better.",
        filters=[
            Filter("gpu_id", "GPU", choices(today.rows, "gpu_id")),
            Filter("purchase_model", "bought", choices(today.rows, "purchase_model")),
            Filter("provider_id", "provider", choices(cheapest.rows, "provider_id")),
        ],
        blocks=[
            Block(
                "today",
                tiles_title(main),
                "USD per GPU-hour on demand; band p10 to p90 over providers; line: up to 90 days,"
                " days without a value left out. Each name leads to the page of its GPU, each"
                " number to its query. Same offers: how offers compared with themselves moved in a"
                " month, in the US, at the kind of seller of which the most providers compare."
                f" Under {PROVIDERS_NEEDED} providers no median is shown.",
                answer=history,
                tiles=[tile(row, history.rows, same) for row in main[:TILES]],
            ),
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


def headline(rows: list[Row]) -> str:
    """Return the finding: the most offered GPU, its median, and the spread of providers."""
    known = [row for row in rows if has_enough(row)]
    if not known:
        return "No GPU has enough providers today for a median"
    row = known[0]
    return (
        f"{row['gpu_id']} rents for a median of {numbers.usd(row['median_usd_per_gpu_hour'])}"
        f" per GPU-hour; prices of {row['provider_count']} providers range from"
        f" {numbers.usd(row['p10_usd_per_gpu_hour'])} (10th percentile) to"
        f" {numbers.usd(row['p90_usd_per_gpu_hour'])} (90th)"
    )


def tiles_title(rows: list[Row]) -> str:
    """Return the range of the medians on the tiles."""
    known = [row["median_usd_per_gpu_hour"] for row in rows[:TILES] if has_enough(row)]
    if not known:
        return "The most offered GPUs"
    return (
        f"The most offered GPUs rent for {numbers.usd(min(known))} to {numbers.usd(max(known))}"
        " per GPU-hour"
    )


def tile(row: Row, history: list[Row], same: Mapping[str, Row]) -> Tile:
    """Return the tile of a GPU: median, band, line, number of providers, and what prices did."""
    gpu_id = row["gpu_id"]
    points = daily_medians(history, gpu_id)
    behind = (
        f"{numbers.plural(row['provider_count'], 'provider')},"
        f" {numbers.plural(row['offer_count'], 'offer')}"
    )
    notes: list[Any] = [behind]
    if has_enough(row):
        p10, p90 = (
            query_link("all-gpus", column, numbers.figure(row[column]))
            for column in ("p10_usd_per_gpu_hour", "p90_usd_per_gpu_hour")
        )
        notes.insert(0, Markup("p10–p90 {} – {}").format(p10, p90))
    if gpu_id in same:
        notes.append(same_offers_words(same[gpu_id]))
    notes.append(f"oldest answer {row['oldest_seen_on']}")
    return Tile(
        name=gpu_id,
        href=f"gpu/{slug(gpu_id)}.html",
        value=query_link(
            "all-gpus", "median_usd_per_gpu_hour", median_cell(row["median_usd_per_gpu_hour"], row)
        ),
        unit="USD/GPU-h",
        key=row_key(row, ALL_GPUS_KEY),
        notes=notes,
        drawing=sparkline(points, f"{gpu_id}: median over the last 90 days")
        if len(points) > 1
        else "",
        colour=FAMILY_COLOURS[family(row["architecture"])],
    )


def same_offers_words(row: Row) -> str:
    """Return how the same offers moved in a month, and how many providers compare."""
    change = numbers.percent(row["like_for_like_change_fraction"], signed=True)
    return (
        f"same offers {change} in a month,"
        f" {row['link_provider_count']} {words(row['market_family'])}s"
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
                Column("provider_id", "provider"),
                Column("gpu_id", "GPU", show=gpu_link),
                Column("usd_per_gpu_hour", "cheapest", "USD/GPU-h", toggle="hour"),
                Column("dearest_usd_per_gpu_hour", "dearest", "USD/GPU-h", toggle="hour"),
                Column("offer_count", "offers"),
                Column("seen_at", "seen (UTC)"),
                Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
                Column("source_id", "source"),
            ],
            key=("provider_id", "gpu_id"),
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
        " Band p10–p90. Europe and Asia stand where three providers sell there. Same offers: how"
        " the prices of offers moved that stood before, too, over a month, 7, 30 and 365 days."
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
                       toggle="hour"),
                Column("p10_usd_per_gpu_hour", "p10", "USD/GPU-h", reason=why_withheld,
                       toggle="hour"),
                Column("p90_usd_per_gpu_hour", "p90", "USD/GPU-h", reason=why_withheld,
                       toggle="hour"),
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
                Column("methodology_version", "rules"),
            ],
            key=("gpu_id", "purchase_model", "market_family", "reference_region"),
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
