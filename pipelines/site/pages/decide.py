"""The page of decisions: own or rent, reserve or not, headroom, and the inputs that matter."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.charts.decide import commitment_heatmap, owning, term_structure
from pipelines.site.charts.inference import headroom
from pipelines.site.charts.training import shares
from pipelines.site.numbers import percentage, words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.pages.prices import LIST_PRICES, gpu_link
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.decide import bare_multipliers, example, largest_clusters, owning_curve

RESERVE_KEY = ("gpu_id", "provider_id", "commitment_months", "job_months", "resale_fraction")


def decide_page(published: Published) -> Page:
    """Return the page of decisions."""
    own = published.ask("decide/own_or_rent")
    reservations = published.ask("decide/reservations")
    return Page(
        path="decide.html",
        name="Decide",
        title=headline(own.rows),
        evidence="owning",
        basis="Against the middle of neoclouds in the United States on demand. Bands: 5th to 95th"
        f" percentile over the uncertain inputs. {LIST_PRICES}",
        filters=[Filter("gpu_id", "GPU", choices(own.rows, "gpu_id"))],
        blocks=[
            own_or_rent(own),
            own_table(own),
            commitment(reservations),
            reserved(reservations),
            terms(published),
            ready_for_peak(published),
            inputs(published),
        ],
    )


def headline(rows: list[Row]) -> str:
    """Return the finding: the utilisation above which owning is cheaper than renting."""
    row = example(rows)
    if row is None:
        return "Whether owning beats renting is not known today"
    even = row["break_even_utilisation_fraction"]
    if even is None or even > 1:
        return f"At today's rent, owning {row['gpu_id']} is never cheaper"
    return (
        f"Owning {row['gpu_id']} beats renting from {numbers.percent(even)} utilisation"
        f" ({numbers.percent(row['break_even_utilisation_low'])} to"
        f" {numbers.percent(row['break_even_utilisation_high'])})"
    )


def own_or_rent(answer: Answer) -> Block:
    """Return the block on the cost of an owned hour by utilisation, against rent."""
    row = example(answer.rows)
    if row is None:
        return Block("own-or-rent", "Own or rent", "Owning against renting.", answer=answer)
    rent = row["rental_usd_per_gpu_hour"]
    return Block(
        "own-or-rent",
        f"An owned {row['gpu_id']} costs {numbers.usd(row['owned_usd_per_gpu_hour'])} per useful"
        f" hour at {numbers.percent(row['fleet_utilisation_fraction'])} use; rent is"
        f" {numbers.usd(rent)}",
        f"Cluster of {row['gpu_count']:,} GPUs, band p5–p95; the owner's cost per hour of work"
        " falls with use, rent does not. Lower is better.",
        answer=answer,
        chart=Chart(owning(True), owning_curve(row), "Cost of an owned GPU-hour by utilisation"),
        caveats=(
            "The owner's cost is scaled by utilisation alone; power saved idle is not in it.",
        ),
    )


def own_table(answer: Answer) -> Block:
    """Return the block of all comparisons with their break-even."""
    return Block(
        "owning",
        f"{len(largest_clusters(answer.rows))} GPUs can be compared",
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


def commitment(answer: Answer) -> Block:
    """Return the block on commitments that are longer than the job."""
    bare = [row for row in answer.rows if row["gpu_id"] is None]
    rows, least = bare_multipliers(bare)
    worst = max(rows, key=lambda row: row["multiplier"], default=None)
    title = "A commitment that outlasts the job multiplies its price"
    if worst:
        title = (
            f"A {worst['job_months']}-month job on a {worst['commitment_months']}-month commitment"
            f" pays {numbers.figure(worst['multiplier'])} times what it uses"
        )
    return Block(
        "commitment",
        title,
        "Total paid over the price of the months used; unused months are resold at"
        f" {numbers.percent(least)} of their price. Lower is better.",
        answer=answer,
        chart=Chart(commitment_heatmap(), rows, "Reservation multiplier") if rows else None,
        table=Table(
            answer,
            [
                Column("commitment_months", "commitment", "months"),
                Column("job_months", "job", "months"),
                Column("resale_fraction", "resold at", "%", show=percentage),
                Column("multiplier", "paid / used"),
            ],
            key=RESERVE_KEY,
            rows=bare,
        ),
        is_folded=True,
    )


def reserved(answer: Answer) -> Block:
    """Return the block on reservations against on demand."""
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
        "By GPU, provider, term, length of the job and resale of unused months: the same machine of"
        " one provider, reserved and on demand, in the United States.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("provider_id", "provider"),
                Column("commitment_months", "term", "months"),
                Column("job_months", "job", "months"),
                Column("resale_fraction", "resold at", "%", show=percentage),
                Column("multiplier", "paid / used"),
                Column("on_demand_usd_per_gpu_hour", "on demand", "USD/GPU-h"),
                Column("reserved_usd_per_gpu_hour", "reserved", "USD/GPU-h"),
                Column("effective_usd_per_gpu_hour", "effective", "USD/GPU-h"),
                Column("break_even_months", "break-even", "months", reason="never"),
                Column("is_reserved_cheaper", "reserved is cheaper"),
            ],
            key=RESERVE_KEY,
            rows=rows[:500],
        ),
        is_folded=True,
    )


def terms(published: Published) -> Block:
    """Return the block on prices by term, and what they imply for later."""
    answer = published.ask("decide/terms")
    ahead = [row for row in answer.rows if row["forward_from_months"]]
    title = "What committing longer saves"
    if ahead:
        row = ahead[0]
        title = (
            f"At {row['provider_id']}, the terms of {row['gpu_id']} imply"
            f" {numbers.usd(row['forward_usd_per_gpu_hour'])} an hour from month"
            f" {row['forward_from_months'] + 1} to month {row['commitment_months']}"
        )
    return Block(
        "terms",
        title,
        "One machine of one provider by length of commitment. The implied price is what the longer"
        " term costs beyond the shorter one, per hour of the months between. Lower is better.",
        answer=answer,
        chart=Chart(term_structure(), answer.rows, "Price by term") if answer else None,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("provider_id", "provider"),
                Column("commitment_months", "term", "months"),
                Column("usd_per_gpu_hour", "price", "USD/GPU-h"),
                Column("usd_per_gpu_month", "a month", "USD/GPU"),
                Column("discount_fraction", "saved", "%", show=percentage, reason=why),
                Column("forward_from_months", "implied from", "months"),
                Column("forward_usd_per_gpu_hour", "implied", "USD/GPU-h", reason=why),
                Column("provider_count", "providers"),
                Column("reason", "no market figure", reason="there is one"),
            ],
            key=("gpu_id", "provider_id", "commitment_months"),
        ),
        is_folded=True,
    )


def ready_for_peak(published: Published) -> Block:
    """Return the block on the price of capacity that waits for the peak."""
    answer = published.ask("decide/headroom")
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
        chart=Chart(headroom(), answer.rows, "Cost of tokens by peak over mean")
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
        caveats=("A reserved base with a peak by the hour costs less: truecost reserve.",),
    )


def inputs(published: Published) -> Block:
    """Return the block on the inputs that make training costs uncertain."""
    answer = published.ask("decide/inputs")
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
            shares(),
            [{**row, "factor": words(row["factor"])} for row in answer.rows],
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
