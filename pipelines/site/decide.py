"""Own or rent, reserve or not, how much headroom, and which input matters."""

from __future__ import annotations

from pipelines.site import charts, numbers
from pipelines.site.market import LIST_PRICES, gpu_link
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    choices,
    percentage,
    words,
)
from pipelines.site.published import Published, Row

CURVES = range(10, 101, 5)
RESERVE_KEY = ("gpu_id", "market_family", "term_months", "job_months", "resale_fraction")

OWN = """
    select
        o.gpu_id, gpu_count, o.day, rental_usd_per_gpu_hour,
        d.p10_usd_per_gpu_hour as rental_p10, d.p90_usd_per_gpu_hour as rental_p90,
        d.provider_count, purchase_usd_per_gpu,
        purchase_priced_on, utilisation_fraction, owned_usd_per_gpu_hour, low, high,
        break_even_utilisation_fraction, break_even_utilisation_low, break_even_utilisation_high,
        break_even_month, break_even_spend_usd_per_year, probability_owning_is_cheaper, reason,
        source_url
    from marts.own_vs_rent as o
    left join marts.gpu_price_daily as d
        on
            o.gpu_id = d.gpu_id and o.day = d.day and d.purchase_model = 'on_demand'
            and d.market_family = 'all' and d.commitment_months is null
    order by reason nulls first, o.gpu_id, gpu_count
"""
RESERVE = """
    select
        gpu_id, market_family, term_months, job_months, resale_fraction, multiplier, day,
        on_demand_usd_per_gpu_hour, reserved_usd_per_gpu_hour, effective_usd_per_gpu_hour,
        low, high, break_even_months, is_reserved_cheaper, reason
    from marts.reservation_multiplier
    order by gpu_id nulls first, market_family, resale_fraction, term_months, job_months
"""
SHARES = """
    select
        factor,
        -- a model that an input does not matter to has no row for it
        100 * sum(variance_share_fraction)
        / (select count(distinct (model, published_on)) from marts.training_sensitivity) as share,
        100 * min(variance_share_fraction) as low, 100 * max(variance_share_fraction) as high,
        count(*) as model_count
    from marts.training_sensitivity
    group by factor
    order by share desc
"""
HEADROOM = """
    with set_of_most_listed as (
        select model_id, gpu_id, gpu_count, precision, workload_id, usd_per_1k_tokens, low, high,
            provider_count, day
        from marts.inference_cost
        where is_cheapest_set and purchase_model = 'on_demand' and commitment_months is null
            and day = (select max(day) from marts.inference_cost)
        order by model_id = 'llama-3.1-70b' desc, usd_per_1k_tokens
        limit 1
    )
    select
        s.model_id, s.gpu_id, s.gpu_count, s.precision, s.workload_id, s.provider_count, s.day,
        p.peak_over_mean,
        s.usd_per_1k_tokens * 1000 * p.peak_over_mean as usd_per_1m_tokens,
        s.low * 1000 * p.peak_over_mean as low,
        s.high * 1000 * p.peak_over_mean as high
    from set_of_most_listed as s
    cross join (select unnest(range(1, 11)) as peak_over_mean) as p
    order by p.peak_over_mean
"""


def decide_page(published: Published) -> Page:
    """Return the page of decisions."""
    own = published.ask(OWN)
    return Page(
        path="decide.html",
        name="Decide",
        title=headline(own.rows),
        evidence="owning",
        basis="Against the tracked median on demand. Bands: 5th to 95th percentile over the"
        f" uncertain inputs. {LIST_PRICES}",
        filters=[Filter("gpu_id", "GPU", choices(own.rows, "gpu_id"))],
        blocks=[
            owning(own.rows, published),
            own_table(published),
            commitment(published),
            reserved(published),
            headroom(published),
            inputs(published),
        ],
    )


def biggest(rows: list[Row]) -> list[Row]:
    """Return the comparisons that exist, of the largest cluster of each GPU."""
    known: dict[str, Row] = {}
    for row in rows:
        if row["reason"] is None and row["owned_usd_per_gpu_hour"] is not None:
            before = known.get(row["gpu_id"])
            if before is None or row["gpu_count"] > before["gpu_count"]:
                known[row["gpu_id"]] = row
    return list(known.values())


def headline(rows: list[Row]) -> str:
    """Return from which utilisation owning is cheaper."""
    known = biggest(rows)
    if not known:
        return "Whether owning beats renting is not known today"
    row = next((row for row in known if row["gpu_id"].startswith("H100-SXM")), known[0])
    even = row["break_even_utilisation_fraction"]
    if even is None or even > 1:
        return f"At today's rent, owning {row['gpu_id']} is never cheaper"
    return (
        f"Owning {row['gpu_id']} beats renting from {numbers.percent(even)} utilisation"
        f" ({numbers.percent(row['break_even_utilisation_low'])} to"
        f" {numbers.percent(row['break_even_utilisation_high'])})"
    )


def owning(rows: list[Row], published: Published) -> Block:
    """Return the cost of an owned hour by utilisation, against rent."""
    answer = published.ask(OWN)
    known = biggest(rows)
    row = next((row for row in known if row["gpu_id"].startswith("H100-SXM")), None) or (
        known[0] if known else None
    )
    if row is None:
        return Block("own-or-rent", "Own or rent", "Owning against renting.", answer=answer)
    points: list[Row] = []
    for percent in CURVES:
        scale = row["utilisation_fraction"] / (percent / 100)
        points.append(
            {
                "part": "owned", "gpu_id": row["gpu_id"], "utilisation": percent,
                "gpu_count": row["gpu_count"], "day": row["day"],
                "usd": row["owned_usd_per_gpu_hour"] * scale, "low": row["low"] * scale,
                "high": row["high"] * scale, "is_label": percent == 25,
                "label": "owned, with p5–p95",
            }
        )  # fmt: skip
    rent = row["rental_usd_per_gpu_hour"]
    points.append(
        {
            "part": "rent", "usd": rent, "day": row["day"], "gpu_id": row["gpu_id"],
            "low": row["rental_p10"], "high": row["rental_p90"],
            "provider_count": row["provider_count"],
            "label": f"rent {numbers.figure(rent)}",
        }
    )  # fmt: skip
    return Block(
        "own-or-rent",
        f"An owned {row['gpu_id']} costs {numbers.usd(row['owned_usd_per_gpu_hour'])} per useful"
        f" hour at {numbers.percent(row['utilisation_fraction'])} use; rent is {numbers.usd(rent)}",
        f"Cluster of {row['gpu_count']:,} GPUs, band p5–p95; the owner's cost per hour of work"
        " falls with use, rent does not. Lower is better.",
        answer=answer,
        chart=Chart(charts.owning(True), points, "Cost of an owned GPU-hour by utilisation"),
        caveats=(
            "The owner's cost is scaled by utilisation alone; power saved idle is not in it.",
        ),
    )


def own_table(published: Published) -> Block:
    """Return every comparison with its break-even."""
    answer = published.ask(OWN)
    return Block(
        "owning",
        f"{len(biggest(answer.rows))} GPUs can be compared",
        "Break-even: the utilisation above which owning is cheaper; over 100 % means never. A row"
        " without figures says why.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("gpu_count", "GPUs"),
                Column("rental_usd_per_gpu_hour", "rent", "USD/GPU-h", reason=why),
                Column("owned_usd_per_gpu_hour", "owned", "USD/GPU-h", reason=why),
                Column("low", "low", "USD/GPU-h", reason=why),
                Column("high", "high", "USD/GPU-h", reason=why),
                Column(
                    "break_even_utilisation_fraction", "break-even", "%",
                    show=percentage, reason=why,
                ),
                Column("break_even_utilisation_low", "low", "%", show=percentage, reason=why),
                Column("break_even_utilisation_high", "high", "%", show=percentage, reason=why),
                Column("break_even_month", "pays back in", "months", reason="never"),
                Column(
                    "probability_owning_is_cheaper", "owning is cheaper", "% of draws",
                    show=percentage, reason=why,
                ),
                Column("purchase_usd_per_gpu", "bought for", "USD/GPU", reason=why),
                Column("reason", "why not", reason="compared"),
            ],
            key=("gpu_id", "gpu_count"),
        ),
    )  # fmt: skip


def why(row: Row) -> str:
    """Return why there is no comparison."""
    return str(row.get("reason") or "not known")


def commitment(published: Published) -> Block:
    """Return what a job pays that is shorter than its commitment."""
    answer = published.ask(RESERVE)
    bare = [row for row in answer.rows if row["gpu_id"] is None]
    least = min((row["resale_fraction"] for row in bare), default=0)
    rows = [
        {key: row[key] for key in ("term_months", "job_months", "multiplier")}
        for row in bare
        if row["resale_fraction"] == least
    ]
    worst = max(rows, key=lambda row: row["multiplier"], default=None)
    title = "A commitment that outlasts the job multiplies its price"
    if worst:
        title = (
            f"A {worst['job_months']}-month job on a {worst['term_months']}-month commitment pays"
            f" {numbers.figure(worst['multiplier'])} times what it uses"
        )
    return Block(
        "commitment",
        title,
        "Total paid over the price of the months used; unused months are resold at"
        f" {numbers.percent(least)} of their price. Lower is better.",
        answer=answer,
        chart=Chart(charts.commitment_heatmap(), rows, "Reservation multiplier") if rows else None,
        table=Table(
            answer,
            [
                Column("term_months", "commitment", "months"),
                Column("job_months", "job", "months"),
                Column("resale_fraction", "resold at", "%", show=percentage),
                Column("multiplier", "paid / used"),
            ],
            key=RESERVE_KEY,
            rows=bare,
        ),
        is_folded=True,
    )


def reserved(published: Published) -> Block:
    """Return where a reservation is cheaper than on demand."""
    answer = published.ask(RESERVE)
    rows = [
        row
        for row in answer.rows
        if row["gpu_id"] is not None and row["effective_usd_per_gpu_hour"] is not None
    ]
    cheaper = sum(bool(row["is_reserved_cheaper"]) for row in rows)
    return Block(
        "reserved",
        f"In {cheaper} of {len(rows)} cases a reservation is cheaper than on demand"
        if rows
        else "On demand or reserved",
        "By GPU, term, length of the job and resale of unused months; low and high at p10 and p90"
        " of reserved prices.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("market_family", "market"),
                Column("term_months", "term", "months"),
                Column("job_months", "job", "months"),
                Column("resale_fraction", "resold at", "%", show=percentage),
                Column("multiplier", "paid / used"),
                Column("on_demand_usd_per_gpu_hour", "on demand", "USD/GPU-h"),
                Column("reserved_usd_per_gpu_hour", "reserved", "USD/GPU-h"),
                Column("effective_usd_per_gpu_hour", "effective", "USD/GPU-h"),
                Column("low", "low", "USD/GPU-h"),
                Column("high", "high", "USD/GPU-h"),
                Column("break_even_months", "break-even", "months", reason="never"),
                Column("is_reserved_cheaper", "reserved is cheaper"),
            ],
            key=RESERVE_KEY,
            rows=rows[:500],
        ),
        is_folded=True,
    )


def headroom(published: Published) -> Block:
    """Return what standing ready for the peak costs."""
    answer = published.ask(HEADROOM)
    title = "Idle headroom multiplies the price of a token"
    if answer:
        first, last = answer.rows[0], answer.rows[-1]
        title = (
            f"With a peak of ten times the mean, a million tokens of {first['model_id']} cost"
            f" {numbers.usd(last['usd_per_1m_tokens'])} instead of"
            f" {numbers.usd(first['usd_per_1m_tokens'])}"
        )
    return Block(
        "headroom",
        title,
        "The cheapest set, rented on demand around the clock for its peak; band 80 %. Lower is"
        " better.",
        answer=answer,
        chart=Chart(charts.headroom(), answer.rows, "Cost of tokens by peak over mean")
        if answer
        else None,
        table=Table(
            answer,
            [
                Column("peak_over_mean", "peak / mean"),
                Column("usd_per_1m_tokens", "cost", "USD/1M tok"),
                Column("low", "low", "USD/1M tok"),
                Column("high", "high", "USD/1M tok"),
                Column("provider_count", "providers"),
            ],
            key=("peak_over_mean",),
        ),
        is_folded=True,
        caveats=("A base that is reserved and a burst on spot costs less; this is the upper end.",),
    )


def inputs(published: Published) -> Block:
    """Return which inputs the uncertainty of training costs comes from."""
    answer = published.ask(SHARES)
    title = "Which input the uncertainty comes from"
    if answer:
        title = (
            f"The largest part of the uncertainty of a training cost,"
            f" {numbers.percent(answer.first['share'] / 100)} of the variance, comes from"
            f" {words(answer.first['factor'])}"
        )
    return Block(
        "inputs",
        title,
        "Mean share of the variance of the logarithm of amortized training cost, over the leading"
        " models; the shares add up to 100 %.",
        answer=answer,
        chart=Chart(
            charts.shares(),
            [{**row, "factor": row["factor"].replace("_", " ")} for row in answer.rows],
            "Share of the variance by input",
        )
        if answer
        else None,
        table=Table(
            answer,
            [
                Column("factor", "input", show=words),
                Column("share", "share", "% of the variance"),
                Column("low", "lowest of a model", "%"),
                Column("high", "highest of a model", "%"),
                Column("model_count", "models that it matters to"),
            ],
            key=("factor",),
        ),
        is_folded=True,
    )
