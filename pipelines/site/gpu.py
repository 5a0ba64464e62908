"""One page a GPU: every offer, what it was, and what the chip is."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from markupsafe import Markup

from pipelines.site import charts, numbers
from pipelines.site.market import (
    LIST_PRICES,
    PROVIDERS_NEEDED,
    median_cell,
    moved,
    oldest_age_hours,
)
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    choices,
    host,
    link,
    slug,
    words,
)
from pipelines.site.published import Answer, Published, Row
from pipelines.site.theme import age_name

SHOWN_OFFERS = 300

OFFERS = """
    select
        offer_key, usd_per_gpu_hour, usd_per_node_hour, gpu_count, provider_id, sku, region, area,
        purchase_model, commitment_months, market_tier, market_family, is_available, is_witness,
        is_stale, source_kind, source_id, source_url, observed_at,
        -- a feed says how old its own prices are
        age_hours + case
            when source_kind = 'feed' and source_time < observed_at
                then date_diff('minute', source_time, observed_at) / 60.0
            else 0
        end as price_age_hours,
        payload_sha256,
        row_number() over (
            partition by provider_id, purchase_model, commitment_months
            order by usd_per_gpu_hour, sku, region
        ) as place
    from marts.offers_latest
    where gpu_id = {gpu_id}
    order by usd_per_gpu_hour, provider_id, sku, region, offer_key
"""
MARKET = """
    select
        purchase_model, commitment_months, market_family, median_usd_per_gpu_hour,
        p10_usd_per_gpu_hour, p90_usd_per_gpu_hour, min_usd_per_gpu_hour, max_usd_per_gpu_hour,
        provider_count, offer_count, oldest_seen_on, day
    from marts.gpu_price_daily
    where gpu_id = {gpu_id} and day = (select max(day) from marts.gpu_price_daily)
    order by purchase_model, commitment_months nulls first, market_family
"""
HISTORY = """
    select
        day, purchase_model, median_usd_per_gpu_hour as median, p10_usd_per_gpu_hour as p10,
        p90_usd_per_gpu_hour as p90, provider_count, offer_count, oldest_seen_on
    from marts.gpu_price_daily
    where gpu_id = {gpu_id} and market_family = 'all' and commitment_months is null
    order by purchase_model, day
"""
CHANGES = """
    select
        gpu_id, day, purchase_model, before_day, before_usd_per_gpu_hour, usd_per_gpu_hour,
        change_fraction, is_settled, provider_count, before_provider_count, raised_count,
        lowered_count, entered_count, left_count, mover_provider_id, mover_move, is_price_move,
        movers, method_break
    from marts.gpu_price_change_point
    where gpu_id = {gpu_id} and market_family = 'all' and commitment_months is null
    order by day desc, purchase_model
"""
CHIP = """
    select p.precision, p.is_sparse, p.flops_per_second / 1e12 as teraflops, p.source_url, p.note
    from core.gpu_peak as p
    where p.gpu_id = {gpu_id}
    order by p.is_sparse, p.flops_per_second desc, p.precision
"""
GPUS = """
    select
        g.gpu_id, g.name, g.vendor, g.architecture, g.form_factor, g.is_coarse, g.released_on,
        g.memory_bytes / 1e9 as memory_gigabytes,
        g.bandwidth_bytes_per_second / 1e12 as bandwidth_terabytes_per_second,
        g.board_power_watts, g.source_url, count(o.offer_key) as offer_count
    from core.gpu as g
    left join marts.offers_latest as o on g.gpu_id = o.gpu_id
    where o.offer_key is not null or g.gpu_id in (select gpu_id from marts.gpu_price_daily)
    group by all
    order by offer_count desc, g.gpu_id
"""


def gpu_pages(published: Published) -> list[Page]:
    """Return the pages of all GPUs that anyone offers or offered, most offered first."""
    changes = published.ask_each(CHANGES, "gpu_id")
    return [gpu_page(published, gpu, changes(gpu["gpu_id"])) for gpu in published.ask(GPUS).rows]


def gpu_page(published: Published, gpu: Row, changes: Answer) -> Page:
    """Return the page of one GPU."""
    gpu_id = gpu["gpu_id"]
    offers = published.ask(OFFERS, gpu_id=gpu_id)
    market = published.ask(MARKET, gpu_id=gpu_id)
    by_place = sorted(offers.rows, key=lambda row: row["place"])[:SHOWN_OFFERS]
    shown = sorted(by_place, key=lambda row: row["usd_per_gpu_hour"])
    return Page(
        path=f"gpu/{slug(gpu_id)}.html",
        name=gpu_id,
        title=headline(gpu_id, market.rows, offers.rows),
        evidence="offers",
        basis=f"{what_it_is(gpu)} Prices per GPU; the price of the whole node stands beside."
        f" {LIST_PRICES} Lower is better.",
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
            *history(published, gpu_id, changes),
            chip(published, gpu),
        ],
    )


def headline(gpu_id: str, market: list[Row], offers: list[Row]) -> str:
    """Return the finding: the cheapest offer that is fresh, and the median."""
    if not offers:
        return f"Nobody that we read offers {gpu_id} today"
    fresh = fresh_on_demand(offers)
    middle = [
        row
        for row in market
        if row["purchase_model"] == "on_demand"
        and row["market_family"] == "all"
        and row["provider_count"] >= PROVIDERS_NEEDED
    ]
    if not fresh:
        known = (
            f"; the last median, of {numbers.plural(middle[0]['provider_count'], 'provider')}, was"
            f" {numbers.usd(median_of(middle))}"
            if middle
            else ""
        )
        return f"{gpu_id}: no offer on demand was confirmed in the last 30 hours{known}"
    cheapest = fresh[0]
    words = (
        f"{gpu_id} rents from {numbers.usd(cheapest['usd_per_gpu_hour'])} per GPU-hour"
        f" at {cheapest['provider_id']}"
    )
    if middle:
        count = numbers.plural(middle[0]["provider_count"], "provider")
        return f"{words}; the median of {count} is {numbers.usd(median_of(middle))}"
    return f"{words}; too few providers for a median"


def fresh_on_demand(offers: list[Row]) -> list[Row]:
    """Return the offers on demand that a title may speak of: confirmed, of the best kind."""
    return [
        row
        for row in offers
        if row["purchase_model"] == "on_demand" and not row["is_stale"] and not row["is_witness"]
    ]


def market_title(market: list[Row]) -> str:
    """Return what each market asks on demand, as far as enough providers stand behind it."""
    asked = [
        f"{words(row['market_family'])}s {numbers.usd(row['median_usd_per_gpu_hour'])}"
        for row in market
        if row["purchase_model"] == "on_demand"
        and row["market_family"] != "all"
        and row["provider_count"] >= PROVIDERS_NEEDED
    ]
    if not asked:
        return f"No market has {PROVIDERS_NEEDED} providers on demand"
    return f"On demand, {', '.join(asked)} per GPU-hour in the median"


def median_of(market: list[Row]) -> float:
    """Return the median of the first row of a market."""
    return float(market[0]["median_usd_per_gpu_hour"])


def what_it_is(gpu: Row) -> str:
    """Return one sentence about the chip."""
    if gpu["is_coarse"]:
        return (
            f"{gpu['gpu_id']} stands for offers that do not say which variant they sell;"
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


def strip(gpu_id: str, offers: Answer, shown: list[Row], market: list[Row]) -> Block:
    """Return one mark an offer."""
    rows = [
        {
            "part": "offer",
            **{
                key: row[key]
                for key in (
                    "usd_per_gpu_hour", "usd_per_node_hour", "gpu_count", "provider_id", "region",
                    "area", "purchase_model", "commitment_months", "market_family", "source_id",
                )
            },
            "age": age_name(row["price_age_hours"]),
            "observed_at": numbers.instant(row["observed_at"]),
        }
        for row in shown
    ]  # fmt: skip
    rows += [
        {
            "part": "median",
            "purchase_model": row["purchase_model"],
            "median": row["median_usd_per_gpu_hour"],
            "p10": row["p10_usd_per_gpu_hour"],
            "p90": row["p90_usd_per_gpu_hour"],
            "provider_count": row["provider_count"],
            "offer_count": row["offer_count"],
            "day": row["day"],
        }
        for row in market
        if row["market_family"] == "all"
        and row["commitment_months"] is None
        and row["provider_count"] >= PROVIDERS_NEEDED
    ]
    prices = [row["usd_per_gpu_hour"] for row in shown]
    return Block(
        "strip",
        spread_title(gpu_id, offers.rows),
        "Each mark is an offer, fading with the age of its price: since its source answered, or"
        " since a feed was made. Dashed line and band: median and p10–p90 over the providers'"
        " medians on demand.",
        answer=offers,
        chart=Chart(
            charts.price_strip(
                charts.is_wide(prices),
                frozenset(row["purchase_model"] for row in shown),
                frozenset(row["market_family"] for row in shown),
            ),
            rows,
            "Prices of all offers by provider",
        ),
    )


def spread_title(gpu_id: str, offers: list[Row]) -> str:
    """Return how far apart fresh offers on demand are."""
    prices = [row["usd_per_gpu_hour"] for row in fresh_on_demand(offers)]
    providers = {row["provider_id"] for row in offers}
    if len(prices) < 2:
        return (
            f"{numbers.plural(len(providers), 'provider')}"
            f" {'offers' if len(providers) == 1 else 'offer'} it"
        )
    return (
        f"On demand, the dearest fresh offer of {gpu_id} costs"
        f" {numbers.figure(max(prices) / min(prices))} times the cheapest"
    )


def offer_table(offers: Answer, shown: list[Row]) -> Block:
    """Return the offers with the way back to their sources."""
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
        ),
    )


def offers_title(offers: list[Row]) -> str:
    """Return how many offers stand, or stood when they were last seen."""
    if not offers:
        return "No offer stands today"
    total = numbers.plural(len(offers), "offer")
    if all(row["is_stale"] for row in offers):
        return f"{total} stood when last seen; none was confirmed in the last 30 hours"
    return f"{total} {'stands' if len(offers) == 1 else 'stand'} today"


OFFER_COLUMNS = [
    Column("usd_per_gpu_hour", "price", "USD/GPU-h", toggle="hour"),
    Column("usd_per_node_hour", "node price", "USD/h", toggle="hour"),
    Column("gpu_count", "GPUs"),
    Column("provider_id", "provider"),
    Column("sku", "SKU", show=lambda sku, _: Markup("<code>{}</code>").format(sku)),
    Column("region", "region", reason="one price everywhere"),
    Column("purchase_model", "bought", show=words),
    Column("commitment_months", "months", reason="no commitment"),
    Column("is_available", "available", reason="the source does not say"),
    Column("observed_at", "seen (UTC)"),
    Column("price_age_hours", "age", show=lambda hours, _: numbers.age(hours)),
    Column("source_id", "read at", show=lambda name, row: link(row["source_url"], name)),
    Column("source_kind", "kind"),
    Column("is_witness", "witness"),
    Column(
        "payload_sha256",
        "payload",
        show=lambda sha, _: Markup('<code title="{}">{}</code>').format(sha, sha[:8]),
    ),
]
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


def history(published: Published, gpu_id: str, changes: Answer) -> list[Block]:
    """Return the daily medians, with gaps where there is no value, and where they changed."""
    answer = published.ask(HISTORY, gpu_id=gpu_id)
    marks = {(row["day"], row["purchase_model"]): change_mark(row) for row in changes.rows}
    rows = [
        {**row, **marks.get((row["day"], row["purchase_model"]), {})}
        for row in bends(in_segments(answer.rows))
    ]
    days = {row["day"] for row in answer.rows}
    blocks = [
        Block(
            "history",
            history_title(gpu_id, answer.rows),
            "Median of the providers' medians on demand and spot, all markets; band p10–p90;"
            f" dotted: fewer than {PROVIDERS_NEEDED} providers. Days without a value stay empty;"
            " points fade with the age of the oldest answer behind them. Triangles: change-points,"
            " solid where a provider changed its price, hollow where providers came or went or were"
            " read elsewhere, a cross where a source changed its method.",
            answer=answer,
            chart=Chart(
                charts.price_history(
                    charts.is_wide([row["median"] for row in answer.rows]),
                    frozenset(row["purchase_model"] for row in answer.rows),
                ),
                rows,
                "Daily median prices and their change-points",
            )
            if len(days) > 1
            else None,
            table=Table(
                answer,
                [
                    Column("day", "day (UTC)"),
                    Column("purchase_model", "bought", show=words),
                    Column("median", "median", "USD/GPU-h", show=median_cell),
                    Column("p10", "p10", "USD/GPU-h", show=median_cell),
                    Column("p90", "p90", "USD/GPU-h", show=median_cell),
                    Column("provider_count", "providers"),
                    Column("offer_count", "offers"),
                ],
                key=("day", "purchase_model"),
                rows=answer.rows[-120:],
            ),
            is_folded=True,
        ),
    ]
    if len(days) < 2:
        return blocks
    return [
        *blocks,
        Block(
            "changes",
            changes_title(changes.rows),
            "A change-point is a day on which the median moves by 5 % or more against at most three"
            " days before, and after which the middle of a week differs as much from that of the"
            " week before; a shift has one. Who moved it: the provider without whose move the"
            " median would differ most. Providers that come or go change the median, not any"
            " price.",
            answer=changes,
            table=Table(
                changes,
                [
                    Column("day", "day (UTC)"),
                    Column("purchase_model", "bought", show=words),
                    Column("before_usd_per_gpu_hour", "median before", "USD/GPU-h"),
                    Column("usd_per_gpu_hour", "median", "USD/GPU-h"),
                    Column("change_fraction", "change", "%", show=moved),
                    Column("mover_provider_id", "who moved it", show=mover, reason="none alone"),
                    Column("is_price_move", "a price moved", reason="none alone"),
                    Column("movers", "moves, those that decide first"),
                    Column("method_break", "declared break of method", reason="none"),
                    Column("before_provider_count", "providers before"),
                    Column("provider_count", "providers"),
                    Column("is_settled", "the week after is over"),
                ],
                key=("day", "purchase_model"),
            ),
        ),
    ]


def change_mark(row: Row) -> Row:
    """Return what the chart says about a change-point."""
    before, after = row["before_usd_per_gpu_hour"], row["usd_per_gpu_hour"]
    return {
        "change_point": "method"
        if row["method_break"]
        else "prices"
        if row["is_price_move"]
        else "providers",
        "change_fraction": row["change_fraction"],
        "change": f"{numbers.percent(row['change_fraction'], signed=True)}, from"
        f" {numbers.figure(before)} to {numbers.figure(after)}"
        f"{'' if row['is_settled'] else ', not settled yet'}",
        "movers": row["movers"],
        "method_break": row["method_break"],
    }


def mover(provider: str, row: Row) -> str:
    """Return what the provider did that moved the median most."""
    return f"{provider} {row['mover_move']}"


def changes_title(rows: list[Row]) -> str:
    """Return how often the median went to another level, and the newest time."""
    if not rows:
        return "No change-point of the median is known"
    newest = rows[0]
    by = f": {mover(newest['mover_provider_id'], newest)}" if newest["mover_provider_id"] else ""
    return (
        f"{numbers.plural(len(rows), 'change-point')}; the newest, on {newest['day']}, moved the"
        f" median {words(newest['purchase_model'])} by"
        f" {numbers.percent(newest['change_fraction'], signed=True)}{by}"
    )


def history_title(gpu_id: str, rows: list[Row]) -> str:
    """Return how the median on demand moved between the first and the last trusted day."""
    known = [
        row
        for row in rows
        if row["purchase_model"] == "on_demand" and row["provider_count"] >= PROVIDERS_NEEDED
    ]
    if len(known) < 2:
        return f"{gpu_id}: no history with {PROVIDERS_NEEDED} providers yet"
    first, last = known[0], known[-1]
    moved = numbers.percent(last["median"] / first["median"] - 1, signed=True)
    return f"The median on demand moved {moved} from {first['day']} to {last['day']}"


def in_segments(rows: list[Row]) -> list[Row]:
    """Return rows with a number that changes where a day is missing, or trust in the value."""
    before: dict[str, tuple[date, bool]] = {}
    segments: dict[str, int] = defaultdict(int)
    result = []
    for row in rows:
        kind, day = row["purchase_model"], row["day"]
        is_thin = row["provider_count"] < PROVIDERS_NEEDED
        last, was_thin = before.get(kind, (day, is_thin))
        if (day - last).days > 1 or is_thin != was_thin:
            segments[kind] += 1
        before[kind] = (day, is_thin)
        result.append(
            {
                **{key: value for key, value in row.items() if key != "oldest_seen_on"},
                "segment": f"{kind} {segments[kind]}",
                "is_thin": is_thin,
                "age": age_name(oldest_age_hours(row)),
            }
        )
    return result


def bends(rows: list[Row]) -> list[Row]:
    """Return the rows that a line needs: the ends of every stretch without a change."""
    shape = [
        tuple(row[key] for key in ("segment", "median", "p10", "p90", "provider_count", "age"))
        for row in rows
    ]
    return [
        row
        for place, row in enumerate(rows)
        if place in (0, len(rows) - 1)
        or shape[place] != shape[place - 1]
        or shape[place] != shape[place + 1]
    ]


def chip(published: Published, gpu: Row) -> Block:
    """Return the peaks of the chip, dense and sparse kept apart."""
    answer = published.ask(CHIP, gpu_id=gpu["gpu_id"])
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
        "Peaks as the vendor prints them. Costs use dense peaks only; sparse ones (2:4) stand"
        " here to be told apart.",
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
