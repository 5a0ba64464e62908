"""The page of value: dollars per operation, memory and bandwidth."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.site import numbers
from pipelines.site.charts.parts import is_wide
from pipelines.site.charts.value import value_dots
from pipelines.site.numbers import percentage, words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.pages.prices import LIST_PRICES, gpu_link
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED, has_enough
from pipelines.site.rows.value import CHARTED, USUAL_FLOP, cheapest_marks, usual
from pipelines.site.theme import family

# Operations counted -> columns of the price and of the ends of its interval
OPERATIONS = {
    "achieved": ("effective", "low", "high"),
    "peak": ("peak", "peak_low", "peak_high"),
}
MEMORY = {"": ("memory", "memory_low", "memory_high")}
BANDWIDTH = {"": ("bandwidth", "bandwidth_low", "bandwidth_high")}


def value_page(published: Published) -> Page:
    """Return the page of value."""
    answer = published.ask("value/costs")
    rows = [{**row, "family": family(row["architecture"])} for row in answer.rows]
    return Page(
        path="value.html",
        name="Value",
        title=headline(rows),
        evidence="all-values",
        basis="Neoclouds in the United States, without a commitment, at the middle of their list"
        " prices per GPU-hour; dense peaks only."
        f" Lower is better. {LIST_PRICES}",
        filters=[
            Filter("precision", "precision (dense)", choices(rows, "precision"), "bf16"),
            Filter("purchase_model", "bought", choices(rows, "purchase_model"), "on_demand"),
            Filter("flop", "operations counted", ["achieved", "peak"], USUAL_FLOP),
        ],
        blocks=[
            dots(
                answer, rows, "operations", OPERATIONS, "USD per PFLOP-h, dense",
                "dense bf16 PFLOP-hour, as training commonly achieves it,",
                basis="A PFLOP-hour is 10^15 FLOP/s for an hour. Achieved (hollow): an estimate at"
                " the share of the peak that training commonly reaches; bar: from low prices and"
                " high utilisation to high prices and low utilisation. Peak"
                " (solid): at the printed dense peak. The bar of a price is 80 % of what the next"
                " seller asks.",
            ),
            dots(answer, rows, "memory", MEMORY, "USD per TB-h of memory", "TB-hour",
                 basis="A terabyte of GPU memory (HBM or GDDR) for an hour; bar: 80 % of what"
                 " the next seller asks."),
            dots(answer, rows, "bandwidth", BANDWIDTH, "USD per TB/s-h", "TB/s-hour",
                 basis="A terabyte per second of memory bandwidth for an hour: what decoding"
                 " tokens mostly pays for; bar: 80 % of what the next seller asks."),
            table(answer, rows),
            growth(published),
        ],
    )  # fmt: skip


def headline(rows: list[Row]) -> str:
    """Return the finding: the GPU with the cheapest operations."""
    known = [row for row in usual(rows) if has_enough(row)]
    if not known:
        return "What an operation costs is not known today"
    best = min(known, key=lambda row: row["effective"])
    return (
        f"{best['gpu_id']} gives the cheapest dense bf16 PFLOP-hour:"
        f" {numbers.usd(best['effective'])} at"
        f" {numbers.percent(best['utilisation_fraction'])} of its peak"
    )


def dots(
    answer: Answer,
    rows: list[Row],
    id: str,
    ways: Mapping[str, tuple[str, str, str]],
    title: str,
    thing: str,
    basis: str,
) -> Block:
    """Return the block with a dot for each GPU, the cheapest of every choice of filters."""
    chosen = cheapest_marks(rows, ways)
    first = [mark for mark in usual(chosen) if mark.get("flop", "") in ("", USUAL_FLOP)]
    if not first:
        return Block(id, f"What a {thing} costs is not known today", basis, answer=answer)
    best, worst = first[0], first[-1]
    return Block(
        id,
        f"A {thing} costs {numbers.usd(best['usd'])} on {best['gpu_id']} and"
        f" {numbers.usd(worst['usd'])} on {worst['gpu_id']}",
        f"{basis} The {CHARTED} cheapest of the choice above with at least {PROVIDERS_NEEDED}"
        " providers.",
        answer=answer,
        chart=Chart(
            value_dots(
                title,
                is_wide([mark[key] for mark in chosen for key in ("usd", "low", "high")]),
                frozenset(mark["family"] for mark in chosen),
                tuple(ways),
            ),
            chosen,
            f"{title} by GPU",
        ),
    )  # fmt: skip


def table(answer: Answer, rows: list[Row]) -> Block:
    """Return the block of all GPUs, inputs and results side by side."""
    known = [row for row in rows if has_enough(row)]
    return Block(
        "all-values",
        f"{numbers.plural(len({row['gpu_id'] for row in known}), 'GPU')} have a printed peak and"
        f" {PROVIDERS_NEEDED} providers or more",
        "Peak: at the printed dense peak. Achieved: at the share of the peak beside it; low and"
        f" high are its interval. Prices of fewer than {PROVIDERS_NEEDED} providers are in the"
        " files only; chips without a row have no price or no printed peak.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("precision", "precision, dense"),
                Column("purchase_model", "bought", show=words),
                Column("usd_per_gpu_hour", "price", "USD/GPU-h"),
                Column("peak", "peak", "USD/PFLOP-h"),
                Column("utilisation_fraction", "share of peak", "%", show=percentage),
                Column("effective", "achieved", "USD/PFLOP-h"),
                Column("low", "low", "USD/PFLOP-h"),
                Column("high", "high", "USD/PFLOP-h"),
                Column("memory", "memory", "USD/TB-h"),
                Column(
                    "bandwidth",
                    "bandwidth",
                    "USD/(TB/s)-h",
                    reason="no printed bandwidth",
                ),
                Column("provider_count", "providers"),
            ],
            key=("gpu_id", "precision", "purchase_model"),
            rows=known,
        ),
    )


def growth(published: Published) -> Block:
    """Return the block on how fast chips improve."""
    answer = published.ask("value/growth")
    rental = [
        row for row in answer.rows if "rental" in row["quantity"] and row["precision"] == "bf16"
    ]
    title = "How fast chips get better"
    if rental:
        title = (
            f"What a rented dollar computes grows {numbers.figure(rental[0]['growth_per_year'])}"
            " times for each year of release (bf16 dense)"
        )
    return Block(
        "growth",
        title,
        "Least squares on the logarithm over release dates; the interval is that of the slope.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("quantity", "quantity", show=words),
                Column("precision", "precision, dense"),
                Column("growth_per_year", "growth", "factor/year"),
                Column("ci_low", "low", "factor/year"),
                Column("ci_high", "high", "factor/year"),
                Column("ci_level", "level", "%", show=percentage),
                Column("years_to_double", "doubles in", "years", reason="it does not grow"),
                Column("gpu_count", "chips"),
                Column("r_squared", "R²"),
            ],
            key=("quantity", "precision"),
        ),
    )
