"""What a GPU costs beyond its rent: per operation and memory, per token, and owned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from pipelines.site import numbers
from pipelines.site.markup import host, link
from pipelines.site.numbers import percentage, words
from pipelines.site.page import Block, Column, Table
from pipelines.site.pages.prices import model_path
from pipelines.site.published import Published, Row
from pipelines.site.rows.prices import on_demand

TRAINING = "bf16"  # the number format that titles speak of
FACTORS = {
    "bytes": (1e9, "GB"),
    "bytes_per_second": (1e9, "GB/s"),
    "watts": (1, "W"),
    "usd": (1, "USD"),
}


def costs(published: Published, gpu_id: str) -> Iterator[Block]:
    """Yield the blocks of what is known of the costs of a GPU."""
    answer = published.ask_each("gpu/costs", "gpu_id")(gpu_id)
    if answer:
        yield Block(
            "costs",
            costs_title(answer.rows),
            "The middle of the providers in the US over what the chip has. Peak: dense, as printed."
            " Achieved: at the share of it that training commonly reaches; under it the 80 %"
            " interval of price and share. Lower is better.",
            answer=answer,
            table=Table(answer, COST_COLUMNS, key=("precision", "purchase_model")),
        )
    served = published.ask_each("gpu/models", "gpu_id")(gpu_id)
    if served:
        yield Block(
            "models",
            models_title(served.rows),
            "USD per million tokens of chats at an interactive pace, predicted, the replica always"
            " full; 80 % interval under it. Place: among the GPUs with three providers that serve"
            " the model. Lower is better.",
            answer=served,
            table=Table(
                served, MODEL_COLUMNS, key=("model_id", "gpu_count", "precision"), noun="model"
            ),
        )
    owned = published.ask_each("gpu/own", "gpu_id")(gpu_id)
    if owned:
        yield Block(
            "own",
            own_title(owned.rows),
            "The owner's cost of an hour of work: purchase, interest, power, staff, over the hours"
            " that the GPUs work; p5–p95 under it. Break-even: the use above which owning is"
            " cheaper; over 100 % means never. Lower is better.",
            answer=owned,
            table=Table(owned, OWN_COLUMNS, key=("gpu_count",)),
        )


def costs_title(rows: list[Row]) -> str:
    """Return what operations and memory cost on demand."""
    known = [row for row in on_demand(rows) if row["evidence"] == "market"]
    if not known:
        return "What its hours buy; too few providers for a ranking"
    parts = [
        f"{numbers.usd(row['peak'])} per PFLOP-hour of {TRAINING} at the peak"
        for row in known
        if row["precision"] == TRAINING
    ]
    if known[0]["memory"]:
        parts.append(f"{numbers.usd(known[0]['memory'])} per GB-hour of memory")
    return f"On demand, {' and '.join(parts)}" if parts else "What its hours buy"


def models_title(rows: list[Row]) -> str:
    """Return how many models no other GPU serves cheaper."""
    count = numbers.plural(len(rows), "model")
    rows = [row for row in rows if row["ranked_count"] > 1]
    if not rows:
        return f"It serves {count}; no other GPU has enough providers to compare"
    first = [row for row in rows if row["place"] == 1]
    if first:
        named = ", ".join(row["model_id"] for row in first[:3])
        more = ", …" if len(first) > 3 else ""
        return f"It serves {count}, {len(first)} of them cheapest of all GPUs: {named}{more}"
    best = rows[0]
    return (
        f"It serves {count}; its best place is {best['place']} of {best['ranked_count']},"
        f" for {best['model_id']}"
    )


def own_title(rows: list[Row]) -> str:
    """Return what owning the largest cluster costs, beside its rent."""
    row = rows[-1]
    use = numbers.percent(row["fleet_utilisation_fraction"])
    cost = f"Owned in a cluster of {row['gpu_count']:,}, an hour of work costs"
    rent = row["rental_usd_per_gpu_hour"]
    return (
        f"{cost} {numbers.usd(row['owned_usd_per_gpu_hour'])} at {use} use"
        + (f"; rented {numbers.usd(rent)}" if rent else "")
    )  # fmt: skip


def specification(published: Published, gpu_id: str) -> Iterator[Block]:
    """Yield the block of the figures of a chip, each with its source."""
    answer = published.ask_each("gpu/specification", "gpu_id")(gpu_id)
    if not answer:
        return
    newest = max(str(row["retrieved_on"]) for row in answer.rows)
    yield Block(
        "specification",
        f"{numbers.plural(len(answer.rows), 'figure')} of the chip, the newest read on {newest}",
        "As its source has it.",
        answer=answer,
        table=Table(answer, SPECIFICATION_COLUMNS, key=("field",)),
        is_folded=True,
    )


def quantity(value: Any, row: Row) -> str:
    """Return a figure with its unit.

    Examples
    --------
    >>> quantity("80000000000", {"unit": "bytes"}), quantity("8", {"unit": "gpu"})
    ('80.0 GB', '8 gpu')
    >>> quantity("2022-09-20", {"unit": "date"})
    '2022-09-20'
    """
    if row["unit"] in FACTORS:
        factor, unit = FACTORS[row["unit"]]
        return f"{numbers.figure(float(value) / factor)} {unit}"
    return str(value) if row["unit"] in (None, "date") else f"{value} {words(row['unit'])}"


def field_name(field: str, row: Row) -> str:
    """Return the name of a field without its unit.

    Examples
    --------
    >>> field_name("memory_bytes", {"unit": "bytes"})
    'memory'
    """
    return words(field).removesuffix(f" {words(row['unit'])}")


def model(model_id: Any, _: Row) -> Markup:
    """Return a model as a link to its page."""
    return link(f"../{model_path(model_id)}", model_id)


def place(number: int, row: Row) -> str:
    """Return a place among all that are ranked."""
    return f"{number} of {row['ranked_count']}"


COST_COLUMNS = [
    Column("precision", "precision"),
    Column("peak", "per PFLOP-h, peak", "USD", reason="no peak is known"),
    Column("effective", "achieved", "USD", interval=("low", "high"), reason="no peak is known"),
    Column("utilisation_fraction", "share achieved", "%", show=percentage),
    Column("memory", "per GB-h", "USD", reason="no memory is known"),
    Column("bandwidth", "per TB/s-h", "USD", reason="no bandwidth is known"),
    Column("usd_per_gpu_hour", "price", "USD/GPU-h", toggle="hour"),
    Column("purchase_model", "bought", show=words),
    Column("provider_count", "providers"),
]
MODEL_COLUMNS = [
    Column("model_id", "model", show=model),
    Column("usd_per_1m", "tokens", "USD/1M tok", toggle="tokens", interval=("low", "high")),
    Column("place", "place", show=place),
    Column("gpu_count", "GPUs"),
    Column("precision", "precision"),
    Column("tokens_per_second_per_user", "pace", "token/s per user"),
    Column("provider_count", "providers"),
    Column("is_extrapolated", "beyond what was measured"),
]
OWN_COLUMNS = [
    Column("gpu_count", "GPUs of the cluster"),
    Column("owned_usd_per_gpu_hour", "owned", "USD/GPU-h", toggle="hour", interval=("low", "high")),
    Column("rental_usd_per_gpu_hour", "rent", "USD/GPU-h", toggle="hour", reason="no rent"),
    Column("provider_count", "providers", reason="no rent"),
    Column("break_even_utilisation_fraction", "break-even", "% of the hours", show=percentage,
           reason="no rent"),
    Column("purchase_usd_per_gpu", "bought for", "USD/GPU"),
    Column("purchase_priced_on", "priced on"),
    Column("source_url", "price read at", show=host),
]  # fmt: skip
SPECIFICATION_COLUMNS = [
    Column("field", "figure", show=field_name),
    Column("value", "value", show=quantity),
    Column("source", "source"),
    Column("source_url", "at", show=host),
    Column("retrieved_on", "read on"),
    Column("note", "note", reason="none"),
]
