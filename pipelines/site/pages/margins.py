"""The part of the page of serving that compares API prices with predicted costs."""

from __future__ import annotations

from typing import Any

from pipelines.site import numbers
from pipelines.site.charts.inference import margins
from pipelines.site.markup import link
from pipelines.site.numbers import percentage
from pipelines.site.page import Block, Chart, Column, Table
from pipelines.site.pages.prices import gpu_path, model_link
from pipelines.site.published import Answer, Row
from pipelines.site.rows.inference import ODD_RATIO, margin_marks

SHOWN = 100  # rows of the table; the CSV has all


def dumbbells(answer: Answer) -> Block:
    """Return the block of predicted costs and list prices by model."""
    rows, order, odd = margin_marks(answer.rows)
    left_out = (
        f" {numbers.plural(odd, 'list price')} over {ODD_RATIO} times from the middle of the model"
        " are in the table only: more likely a wrong unit in the list than a price."
        if odd
        else ""
    )
    return Block(
        "margins",
        f"{order[0]} leaves its sellers least, {order[-1]} most"
        if len(order) > 1
        else "List prices beside the predicted cost of serving",
        "By model, from the thinnest median margin to the widest. Solid: list price of an API"
        " provider. Hollow: predicted cost on H200 or B200, whichever is cheaper for the model,"
        " rented on demand from neoclouds at the utilisation of a fleet sized for its peak;"
        " bar: 80 % interval. List prices are blended as the cost"
        f" is: three tokens in for one out.{left_out}",
        answer=answer,
        chart=Chart(margins(), rows, "List prices and predicted costs") if rows else None,
        caveats=(
            "The cost is that of rented GPUs only: no staff, no idle capacity beyond the stated"
            " utilisation, no free tier.",
            "A low list price may mean a smaller precision, a shorter context or batching than"
            " the set that we price.",
        ),
    )  # fmt: skip


def margin_table(answer: Answer) -> Block:
    """Return the block of all margins with their inputs."""
    return Block(
        "all-margins",
        f"{sum(row['margin_fraction'] < 0 for row in answer.rows):,} of"
        f" {numbers.plural(len(answer.rows), 'list price')} are below the predicted cost",
        "Margin: share of the list price that is left over the cost; low and high from the 80 %"
        " interval of the cost. Cached: the margin where half of the prompt tokens or more are in a"
        " cache, at the price of cached input. Own: over the cost on a cluster of one's own."
        " Break-even: tokens a day from which renting the set is cheaper"
        " than buying.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model_id", "model", show=model_link),
                Column("api_provider_id", "API provider"),
                Column("is_relisted", "re-listed"),
                Column("listed", "list price", "USD/1M tok", toggle="tokens"),
                Column("cost", "cost", "USD/1M tok", toggle="tokens"),
                Column("cost_low", "low", "USD/1M tok", toggle="tokens"),
                Column("cost_high", "high", "USD/1M tok", toggle="tokens"),
                Column("margin_fraction", "margin", "%", show=percentage),
                Column("margin_low", "low", "%", show=percentage),
                Column("margin_high", "high", "%", show=percentage),
                Column(
                    "margin_fraction_cached",
                    "cached",
                    "%",
                    show=percentage,
                    reason="no price of cached input",
                ),
                Column(
                    "owned_margin_fraction",
                    "own",
                    "%",
                    show=percentage,
                    reason="no cost of owning",
                ),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column(
                    "break_even_tokens_per_day",
                    "break-even",
                    "M tok/day",
                    show=lambda v, _: numbers.figure(v / 1e6),
                    reason="buying is always cheaper",
                ),
                Column("api_source_id", "source"),
            ],
            key=("model_id", "api_source_id", "api_provider_id", "api_model_id"),
            rows=answer.rows[:SHOWN],
        ),
    )


def gpu_set(gpu_id: Any, row: Row) -> Any:
    """Return a GPU set, its number and GPU, as a link."""
    return link(gpu_path(gpu_id), f"{row['gpu_count']} × {numbers.gpu_name(gpu_id)}")
