"""The first page: what GPUs rent for today."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from pipelines.site import charts, numbers
from pipelines.site.drawings import sparkline
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    Tile,
    choices,
    link,
    query_link,
    row_key,
    slug,
    words,
)
from pipelines.site.published import Answer, Published, Row
from pipelines.site.theme import FAMILY_COLOURS, age_band, age_name, family

PROVIDERS_NEEDED = 3  # a median of fewer providers is withheld
TILES = 12
ALL_GPUS_KEY = ("gpu_id", "purchase_model")
LIST_PRICES = (
    "List prices: what is asked in public, not what anyone paid. Negotiated and"
    " private prices are not in it."
)

TODAY = """
    select
        d.gpu_id, d.purchase_model, d.median_usd_per_gpu_hour, d.p10_usd_per_gpu_hour,
        d.p90_usd_per_gpu_hour, d.min_usd_per_gpu_hour, d.provider_count, d.offer_count,
        d.day, d.oldest_seen_on, g.architecture, g.form_factor, g.is_coarse
    from marts.gpu_price_daily as d
    left join core.gpu as g on d.gpu_id = g.gpu_id
    where d.market_family = 'all' and d.commitment_months is null
        and d.day = (select max(day) from marts.gpu_price_daily)
    order by d.provider_count desc, d.offer_count desc, d.gpu_id
"""
HISTORY = """
    select gpu_id, day, median_usd_per_gpu_hour, provider_count
    from marts.gpu_price_daily
    where market_family = 'all' and purchase_model = 'on_demand' and gpu_id in {gpu_ids}
        and day > (select max(day) from marts.gpu_price_daily) - 91
    order by gpu_id, day
"""
INDEX = """
    select
        i.gpu_id, i.is_coarse, i.purchase_model, i.market_family, i.usd_per_gpu_hour,
        i.p10_usd_per_gpu_hour,
        i.p90_usd_per_gpu_hour, i.provider_count, i.n_in, i.n_trimmed, i.n_excluded,
        i.withheld_reason, i.is_flagged, i.oldest_age_hours, i.methodology_version, i.revision,
        i.day,
        max(c.change_fraction) filter (c.horizon_days = 7) as change_7,
        max(c.change_fraction) filter (c.horizon_days = 30) as change_30,
        max(c.change_fraction) filter (c.horizon_days = 365) as change_365
    from marts.gpu_price_index as i
    left join marts.gpu_price_change as c
        on i.gpu_id = c.gpu_id and i.purchase_model = c.purchase_model
        and i.market_family = c.market_family
        and i.commitment_months is not distinct from c.commitment_months
    where i.commitment_months is null and i.day = (select max(day) from marts.gpu_price_index)
    group by all
    order by i.withheld_reason nulls first, i.provider_count desc, i.gpu_id, i.market_family
"""
HEATMAP = """
    select
        provider_id, gpu_id, min(usd_per_gpu_hour) as usd_per_gpu_hour,
        max(usd_per_gpu_hour) as dearest_usd_per_gpu_hour, count(*) as offer_count,
        max(observed_at) as observed_at, min(age_hours) as age_hours,
        arg_min(source_id, usd_per_gpu_hour) as source_id
    from marts.offers_latest
    where purchase_model = 'on_demand' and not is_witness and gpu_id in {gpu_ids}
    group by provider_id, gpu_id
    order by count(*) over (partition by provider_id) desc, provider_id, gpu_id
"""

GONE = """
    select
        d.gpu_id, g.is_coarse, d.purchase_model, max(d.day) as last_day, min(d.day) as first_day,
        arg_max(d.median_usd_per_gpu_hour, d.day) as median_usd_per_gpu_hour,
        arg_max(d.provider_count, d.day) as provider_count
    from marts.gpu_price_daily as d
    left join core.gpu as g on d.gpu_id = g.gpu_id
    where d.market_family = 'all' and d.commitment_months is null
    group by d.gpu_id, g.is_coarse, d.purchase_model
    having last_day < (select max(day) from marts.gpu_price_daily)
    order by last_day desc, d.gpu_id, d.purchase_model
"""


def market_page(published: Published) -> Page:
    """Return the page of today's market."""
    today = published.ask(TODAY)
    on_demand = [row for row in today.rows if row["purchase_model"] == "on_demand"]
    main = [row for row in on_demand if not row["is_coarse"]]
    ids = [row["gpu_id"] for row in main[:TILES]]
    history = published.ask(HISTORY, gpu_ids=ids)
    cheapest = published.ask(HEATMAP, gpu_ids=ids)
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
                " number to its query."
                f" Under {PROVIDERS_NEEDED} providers no median is shown.",
                answer=history,
                tiles=[tile(row, history.rows) for row in main[:TILES]],
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
    """Return the finding: the most offered GPU, its median and how far providers are apart."""
    known = [row for row in rows if row["provider_count"] >= PROVIDERS_NEEDED]
    if not known:
        return "No GPU has enough providers today for a median"
    row = known[0]
    spread = row["p90_usd_per_gpu_hour"] / row["p10_usd_per_gpu_hour"]
    return (
        f"{row['gpu_id']} rents for a median of {numbers.usd(row['median_usd_per_gpu_hour'])}"
        f" per GPU-hour; the dear of {row['provider_count']} providers ask"
        f" {numbers.figure(spread)} times what the cheap do"
    )


def tiles_title(rows: list[Row]) -> str:
    """Return the range of the medians on the tiles."""
    known = [
        row["median_usd_per_gpu_hour"]
        for row in rows[:TILES]
        if row["provider_count"] >= PROVIDERS_NEEDED
    ]
    if not known:
        return "The most offered GPUs"
    return (
        f"The most offered GPUs rent for {numbers.usd(min(known))} to {numbers.usd(max(known))}"
        " per GPU-hour"
    )


def tile(row: Row, history: list[Row]) -> Tile:
    """Return the tile of a GPU: median, band, change, line, who stands behind it."""
    gpu_id = row["gpu_id"]
    points = [
        (day["day"], day["median_usd_per_gpu_hour"])
        for day in history
        if day["gpu_id"] == gpu_id and day["provider_count"] >= PROVIDERS_NEEDED
    ]
    enough = row["provider_count"] >= PROVIDERS_NEEDED
    behind = (
        f"{numbers.plural(row['provider_count'], 'provider')},"
        f" {numbers.plural(row['offer_count'], 'offer')}"
    )
    notes: list[Any] = [behind]
    if enough:
        p10, p90 = (
            query_link("all-gpus", column, numbers.figure(row[column]))
            for column in ("p10_usd_per_gpu_hour", "p90_usd_per_gpu_hour")
        )
        notes.insert(0, Markup("p10–p90 {} – {}").format(p10, p90))
        notes.append(" · ".join(change(points, days) for days in (7, 30)))
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


def change(points: list[tuple[date, float]], days: int) -> str:
    r"""Return how a median moved over some days, from the value of that very day or none.

    Examples
    --------
    >>> week = [(date(2026, 1, 1), 2.0), (date(2026, 1, 8), 2.2)]
    >>> change(week, 7), change(week, 30)
    ('7\xa0d\xa0+10\xa0%', '30\xa0d\xa0–')
    """
    if points:
        last, value = points[-1]
        then = dict(points).get(last - timedelta(days=days))
        if then:
            return f"{days}\u00a0d\u00a0{numbers.percent(value / then - 1, signed=True)}"
    return f"{days}\u00a0d\u00a0–"


def heatmap(answer: Answer, gpu_ids: list[str]) -> Block:
    """Return the cheapest price of each provider for each main GPU."""
    spread = [0.0]
    for gpu_id in gpu_ids:
        prices = [
            row["usd_per_gpu_hour"]
            for row in answer.rows
            if row["gpu_id"] == gpu_id and not age_band(row["age_hours"])
        ]
        if len(prices) >= PROVIDERS_NEEDED:
            spread.append(max(prices) / min(prices))
    order = {gpu_id: place for place, gpu_id in enumerate(gpu_ids)}
    return Block(
        "who-offers-what",
        f"For one and the same GPU the dearest provider asks up to {numbers.figure(max(spread))}"
        " times the cheapest"
        if max(spread)
        else "No provider confirmed its prices in the last 30 hours"
        if answer
        else "Nobody that we read offers a GPU on demand",
        "Cheapest offer on demand of each provider, USD per GPU-hour, log colours, lower is"
        " better. Grey: no offer that we see. Cells fade with the age of the newest answer; a red"
        " dot marks those over 30 hours.",
        answer=answer,
        chart=Chart(
            charts.price_heatmap(),
            [
                {
                    **row,
                    "age": age_name(row["age_hours"]),
                    "is_old": age_band(row["age_hours"]) > 0,
                    "observed_at": numbers.instant(row["observed_at"]),
                }
                for row in sorted(answer.rows, key=lambda row: order[row["gpu_id"]])
            ],
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
                Column("observed_at", "seen (UTC)"),
                Column("age_hours", "age", show=lambda hours, _: numbers.age(hours)),
                Column("source_id", "source"),
            ],
            key=("provider_id", "gpu_id"),
            age_hours=lambda row: row["age_hours"],
        ),
        is_folded=True,
    )


def index(published: Published) -> Block:
    """Return the published index values, and why the others are withheld."""
    answer = published.ask(INDEX)
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
        " Band p10–p90. Changes against the index 7, 30 and 365 days before. A faded value rests"
        " on an answer of over 30 hours.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("purchase_model", "bought", show=words),
                Column("market_family", "market", show=words),
                Column("usd_per_gpu_hour", "index", "USD/GPU-h", reason=why_withheld,
                       toggle="hour"),
                Column("p10_usd_per_gpu_hour", "p10", "USD/GPU-h", reason=why_withheld,
                       toggle="hour"),
                Column("p90_usd_per_gpu_hour", "p90", "USD/GPU-h", reason=why_withheld,
                       toggle="hour"),
                Column("provider_count", "providers"),
                Column("n_trimmed", "trimmed"),
                Column("n_excluded", "excluded"),
                Column("change_7", "7 d", "%", show=moved, reason="no value then"),
                Column("change_30", "30 d", "%", show=moved, reason="no value then"),
                Column("change_365", "365 d", "%", show=moved, reason="no value then"),
                Column("withheld_reason", "withheld", reason="published"),
                Column("methodology_version", "rules"),
            ],
            key=("gpu_id", "purchase_model", "market_family"),
            age_hours=lambda row: row["oldest_age_hours"],
        ),
    )  # fmt: skip


def gone(published: Published) -> list[Block]:
    """Return the GPUs that had a price before the newest day, if there are any."""
    answer = published.ask(GONE)
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
    """Return why an index value is not published."""
    return str(row["withheld_reason"] or "not known")


def moved(value: float, _: Row) -> str:
    """Return a change as a bare percentage with its sign."""
    return numbers.percent(value, signed=True).removesuffix("\u00a0%")


def gpu_link(gpu_id: Any, row: Row) -> Markup:
    """Return a link from the top of the site to the page of a GPU."""
    text = f"{gpu_id} (variant not said)" if row.get("is_coarse") else gpu_id
    return link(f"gpu/{slug(str(gpu_id))}.html", text)


def oldest_age_hours(row: Row) -> float:
    """Return how long before its day the oldest answer behind a median was given. [h]."""
    return 24.0 * (row["day"] - row["oldest_seen_on"]).days


def withheld(row: Row) -> str:
    """Return why a median is not shown."""
    return f"withheld: {row['provider_count']} of {PROVIDERS_NEEDED} providers"


def median_cell(value: Any, row: Row) -> Any:
    """Return a median, or a dash where too few providers stand behind it."""
    if row["provider_count"] < PROVIDERS_NEEDED:
        return numbers.dash(withheld(row))
    return numbers.figure(value)


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
