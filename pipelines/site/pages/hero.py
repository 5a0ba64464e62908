"""The first table of the site: every GPU that can be rented now, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from markupsafe import Markup

from pipelines.site import numbers
from pipelines.site.drawings import sparkline
from pipelines.site.markup import piece
from pipelines.site.page import Block, Column, Preset, Table
from pipelines.site.pages.prices import gpu_link, moved
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.market import matched_months, presets_of
from pipelines.site.rows.prices import PROVIDERS_NEEDED

MARKETS = ("neocloud", "marketplace", "hyperscaler")
FIXED = ("gpu_id", "cheapest_usd_per_gpu_hour")
MARKET_KEYS = tuple(f"{market}_usd_per_gpu_hour" for market in MARKETS)
OVERVIEW = (
    "neocloud_usd_per_gpu_hour", "change_7", "change_30", "line", "usd_per_pflop_hour",
    "memory_gigabytes", "provider_count", "age_hours",
)  # fmt: skip
CAVEATS = (
    "Cheapest: any offer anywhere that was confirmed in the last 30 hours and is not sold out.",
    f"Markets: each provider has one vote; under {PROVIDERS_NEEDED} providers there is no value.",
    "7 d and 30 d: the same neocloud offers then and now, in the US. Sellers that come and go do"
    " not move them.",
    "Same offers: the neoclouds' in the US, month against month, for up to 25 months. It ends where"
    " fewer than three providers compare.",
    "Per PFLOP-hour: dense BF16 at the vendor's peak, at the price of the neoclouds; its interval"
    " is that of what the next seller asks.",
    "Per GB-hour: the price of the neoclouds over the memory.",
)
PRESETS = (
    Preset("all", "All", OVERVIEW),
    Preset("data_center", "Data centre", (*MARKET_KEYS, *OVERVIEW[1:])),
    Preset("consumer", "Consumer", OVERVIEW),
    Preset(
        "training", "Training",
        ("neocloud_usd_per_gpu_hour", "usd_per_pflop_hour", "change_30", "line",
         "memory_gigabytes", "link_kind", "provider_count"),
        "usd_per_pflop_hour:ascending",
    ),
    Preset(
        "inference", "Inference",
        ("neocloud_usd_per_gpu_hour", "usd_per_gigabyte_hour", "memory_gigabytes",
         "usd_per_pflop_hour", "line", "provider_count"),
        "usd_per_gigabyte_hour:ascending",
    ),
)  # fmt: skip


def hero(published: Published, answer: Answer) -> Block:
    """Return the block of all GPUs that can be rented on demand now."""
    index = published.ask("market/matched", gpu_ids=[row["gpu_id"] for row in answer.rows])
    lines = {
        row["gpu_id"]: points
        for row in answer.rows
        if len(points := matched_months(index.rows, row["gpu_id"])) > 1
    }
    return Block(
        "gpus",
        gpus_title(answer.rows),
        "USD per GPU-hour on demand; lower is better. Markets: the middle of the US providers with"
        " its 80 % interval.",
        answer=answer,
        table=Table(
            answer,
            columns(),
            key=("gpu_id",),
            age_hours=lambda row: row["age_hours"],
            rows=[{**row, "line": lines.get(row["gpu_id"])} for row in answer.rows],
            noun="GPU",
            measure="cheapest_usd_per_gpu_hour",
            presets=PRESETS,
            presets_of=presets_of,
            fixed=FIXED,
        ),
        caveats=CAVEATS,
    )


def gpus_title(rows: list[Row]) -> str:
    """Return how many GPUs can be rented, and for how much."""
    prices = [row["cheapest_usd_per_gpu_hour"] for row in rows]
    if not prices:
        return "No provider confirmed a price on demand in the last 30 hours"
    return (
        f"{numbers.plural(len(rows), 'GPU')} for {numbers.usd(min(prices))} to"
        f" {numbers.usd(max(prices))} per GPU-hour"
    )


def headline(rows: list[Row]) -> str:
    """Return what the site is, with how much it covers."""
    covered = numbers.plural(len(rows), "GPU")
    return f"What AI compute costs: prices of {covered}, per hour, per FLOP and per token"


def columns() -> list[Column]:
    """Return the columns of the table."""
    return [
        Column("gpu_id", "GPU", show=gpu_link),
        Column("cheapest_usd_per_gpu_hour", "cheapest", "USD/GPU-h", toggle="hour",
               after=lambda row: piece("under", content=row["cheapest_provider_name"])),
        *(
            Column(f"{market}_usd_per_gpu_hour", f"{market}s", "USD/GPU-h", toggle="hour",
                   interval=(f"{market}_low", f"{market}_high"), reason=too_few(market))
            for market in MARKETS
        ),
        Column("change_7", "7 d", "%", show=moved, reason="too few providers compare"),
        Column("change_30", "30 d", "%", show=moved, reason="too few providers compare"),
        Column("line", "same offers", "by month", show=line, reason="too few providers compare"),
        Column("usd_per_pflop_hour", "per PFLOP-h", "USD, BF16 dense",
               interval=("usd_per_pflop_hour_low", "usd_per_pflop_hour_high"),
               reason="no BF16 peak, or too few neoclouds"),
        Column("usd_per_gigabyte_hour", "per GB-h", "USD",
               reason="too few neoclouds, or the memory depends on the variant"),
        Column("memory_gigabytes", "memory", "GB", reason="depends on the variant"),
        Column("link_kind", "link", reason="depends on the variant, or not known"),
        Column("provider_count", "providers"),
        Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
    ]  # fmt: skip


def line(points: Sequence[tuple[date, float]], row: Row) -> Markup:
    """Return the index of the same offers of a GPU as a small picture."""
    name = numbers.gpu_name(row["gpu_id"])
    return sparkline(points, f"{name}: the same offers, month against month")


def too_few(market: str) -> Callable[[Row], str]:
    """Return the function that says how many providers of a market have a price."""

    def reason(row: Row) -> str:
        return f"{row[f'{market}_provider_count']} of {PROVIDERS_NEEDED} providers"

    return reason
