"""The page of a model: what its tokens cost on which GPUs, what others ask, what training costs."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from pipelines.site import numbers
from pipelines.site.markup import link
from pipelines.site.numbers import words
from pipelines.site.page import Block, Column, Page, Table
from pipelines.site.pages.prices import LIST_PRICES, gpu_path, model_path, provider_path
from pipelines.site.published import Answer, Published, Row

ROOT = "../"


def model_pages(published: Published) -> list[Page]:
    """Return the pages of all reference models that have a serving speed."""
    sets = published.ask_each("model/sets", "model_id")
    levels = published.ask_each("model/levels", "model_id")
    prices = published.ask_each("model/api_prices", "model_id")
    training = published.ask_each("model/training", "model_id")
    return [
        model_page(
            model,
            sets(model["model_id"]),
            levels(model["model_id"]),
            prices(model["model_id"]),
            training(model["model_id"]),
        )
        for model in published.ask("model/models").rows
    ]


def model_page(model: Row, sets: Answer, levels: Answer, prices: Answer, training: Answer) -> Page:
    """Return the page of one model."""
    return Page(
        path=model_path(model["model_id"]),
        name=model["name"],
        title=headline(model["name"], sets.rows, prices.rows),
        evidence="sets" if sets else "api-prices",
        basis=f"{what_it_is(model)} {LIST_PRICES} Lower is better.",
        links=[
            (f"{ROOT}inference.html?model_id={model['model_id']}", "its margins and its pace"),
            (f"{ROOT}calculators.html#serving", "calculate a load of your own"),
        ],
        blocks=[
            sets_block(sets),
            levels_block(levels),
            prices_block(prices),
            training_block(training),
        ],
    )


def what_it_is(model: Row) -> str:
    """Return one sentence on the model."""
    parts = [model["organization"] or "Developer not said"]
    if model["parameters"]:
        parts.append(f"{numbers.figure(model['parameters'] / 1e9)} billion parameters")
    if model["active_parameters"] and model["active_parameters"] != model["parameters"]:
        parts.append(f"{numbers.figure(model['active_parameters'] / 1e9)} billion a token")
    if model["native_precision"]:
        parts.append(f"published in {model['native_precision']}")
    if model["context_limit_tokens"]:
        parts.append(f"context of {numbers.count(model['context_limit_tokens'])} tokens")
    if model["is_open_weights"] is not None:
        parts.append("open weights" if model["is_open_weights"] else "closed weights")
    return ", ".join(parts) + "."


def headline(name: str, sets: list[Row], prices: list[Row]) -> str:
    """Return what the tokens of a model cost to serve, and what the cheapest API asks."""
    known = ranked(sets)
    served = ""
    if known:
        cheapest = known[0]
        served = (
            f"{numbers.usd(cheapest['usd_per_1m'])} on {cheapest['gpu_count']} ×"
            f" {numbers.gpu_name(cheapest['gpu_id'])}"
        )
    asked = ""
    if prices:
        low, high = prices[0]["usd_per_1m"], prices[-1]["usd_per_1m"]
        span = numbers.usd(low) if low == high else f"{numbers.usd(low)} to {numbers.usd(high)}"
        asked = f"{span} in the lists of APIs"
    if not (served or asked):
        return f"What the tokens of {name} cost is not known today"
    return f"{name}, a million tokens: {'; '.join(part for part in (served, asked) if part)}"


def ranked(sets: list[Row]) -> list[Row]:
    """Return the sets whose GPU has enough providers to be ranked, cheapest first."""
    return [row for row in sets if row["evidence"] == "market"]


def sets_block(answer: Answer) -> Block:
    """Return the block of the GPUs that serve the model."""
    known = ranked(answer.rows)
    title = "No GPU that is offered on demand serves it at this pace"
    if answer:
        count = numbers.plural(len({row["gpu_id"] for row in answer.rows}), "GPU")
        title = f"{count} on offer serve it in chats"
        if known:
            title += (
                f"; of those with three providers, {numbers.gpu_name(known[0]['gpu_id'])} has the"
                " cheapest tokens"
            )
    return Block(
        "sets",
        title,
        "USD per million tokens of chats at an interactive pace, predicted, the replica always"
        " full; 80 % interval under it. The cheapest set of each GPU that somebody offers on"
        " demand. GPUs of fewer than three providers stand below, out of the ranking. Smallest:"
        " the fewest GPUs that hold the model at any precision.",
        answer=answer,
        table=Table(
            answer,
            SET_COLUMNS,
            key=("model_id", "gpu_id", "gpu_count", "precision"),
            noun="GPU",
            measure="usd_per_1m",
        ),
    )


def levels_block(answer: Answer) -> Block:
    """Return the block of costs by kind of request and pace."""
    title = "What other requests cost is not known"
    if answer:
        low, high = (f(row["usd_per_1m"] for row in answer.rows) for f in (min, max))
        title = (
            f"By request and pace, a million tokens cost {numbers.usd(low)} to {numbers.usd(high)}"
        )
    return Block(
        "levels",
        title,
        "The set with the cheapest tokens for each kind of request and pace, of GPUs with three"
        " providers. Provisioned: at the utilisation of a fleet sized for its peak.",
        answer=answer,
        table=Table(
            answer,
            LEVEL_COLUMNS,
            key=("model_id", "workload", "service_level_id"),
            noun="row",
            measure="usd_per_1m",
        ),
        is_folded=True,
    )


def prices_block(answer: Answer) -> Block:
    """Return the block of the list prices of API providers."""
    title = "No list that we read shows a price of it"
    if answer:
        count = numbers.plural(len({row["api_provider_id"] for row in answer.rows}), "API provider")
        title = f"{count} list it, from {numbers.usd(answer.first['usd_per_1m'])} a million tokens"
    return Block(
        "api-prices",
        title,
        "List prices of text at the plain endpoint, in lists that still show them. Blended: three"
        " tokens in for one out. A low price may mean a smaller precision or a shorter context.",
        answer=answer,
        table=Table(
            answer,
            PRICE_COLUMNS,
            key=("model_id", "api_source_id", "api_provider_id", "api_model_id"),
            noun="price",
            measure="usd_per_1m",
        ),
    )


def training_block(answer: Answer) -> Block:
    """Return the block of the cost of its training run."""
    title = "What its training cost is not known: too little of the run was published"
    run = [row for row in answer.rows if row["method"] == "amortized"]
    if run:
        title = (
            f"Its training run cost {numbers.usd(run[0]['usd'])} in hardware used up and energy,"
            f" {numbers.usd(run[0]['low'])} to {numbers.usd(run[0]['high'])}"
            if run[0]["low"] is not None
            else f"Its training run cost {numbers.usd(run[0]['usd'])} in hardware and energy"
        )
    elif answer:
        title = "What its training cost, by method"
    return Block(
        "training",
        title,
        "The run alone: no staff, tests or failed runs but in the method development. Low and"
        " high: 80 %. Data on runs: Epoch AI, CC BY 4.0.",
        answer=answer,
        table=Table(
            answer,
            TRAINING_COLUMNS,
            key=("model_id", "model", "method", "price_basis"),
            noun="cost",
            measure="usd",
        ),
    )


def gpu_set(gpu_id: Any, row: Row) -> Markup:
    """Return a GPU set as a link to the page of its GPU."""
    name = numbers.gpu_name(gpu_id)
    return link(f"{ROOT}{gpu_path(gpu_id)}", f"{row['gpu_count']} × {name}")


def provider(provider_id: Any, _: Row) -> Markup:
    """Return a provider as a link to its page."""
    return link(f"{ROOT}{provider_path(provider_id)}", provider_id)


def seconds(value: float, _: Row) -> str:
    """Return seconds as milliseconds."""
    return numbers.figure(value * 1e3)


SET_COLUMNS = [
    Column("gpu_id", "set", show=gpu_set),
    Column("usd_per_1m", "tokens", "USD/1M tok", toggle="tokens", interval=("low", "high")),
    Column("provider_count", "providers"),
    Column("usd_per_1m_input", "in", "USD/1M tok", toggle="tokens"),
    Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
    Column("precision", "precision"),
    Column("smallest_gpu_count", "smallest", "GPU"),
    Column("tokens_per_second_per_user", "pace", "token/s per user"),
    Column("time_to_first_token_seconds", "first token", "ms", show=seconds),
    Column("set_provider_id", "cheapest offer of", show=provider),
    Column("set_usd_per_gpu_hour", "which asks", "USD/GPU-h", toggle="hour"),
    Column("is_extrapolated", "beyond what was measured"),
]
LEVEL_COLUMNS = [
    Column("workload", "request", show=words),
    Column("service_level_id", "pace", show=words),
    Column("usd_per_1m", "tokens", "USD/1M tok", toggle="tokens", interval=("low", "high")),
    Column("usd_per_1m_provisioned", "provisioned", "USD/1M tok", toggle="tokens"),
    Column("gpu_id", "set", show=gpu_set),
    Column("precision", "precision"),
    Column("tokens_per_second_per_user", "reached", "token/s per user"),
    Column("watt_hours_per_request", "energy", "Wh/request"),
    Column("is_extrapolated", "beyond what was measured"),
    Column("provider_count", "providers"),
]
PRICE_COLUMNS = [
    Column("api_provider_id", "API provider"),
    Column("usd_per_1m", "blended", "USD/1M tok", toggle="tokens"),
    Column("usd_per_1m_input", "in", "USD/1M tok", toggle="tokens"),
    Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
    Column("usd_per_1m_cached", "cached", "USD/1M tok", toggle="tokens",
           reason="no price of cached input"),
    Column("context_tokens", "context", "token"),
    Column("is_relisted", "re-listed"),
    Column("confirmed_at", "confirmed (UTC)"),
    Column("api_source_id", "read at"),
]  # fmt: skip
TRAINING_COLUMNS = [
    Column("method", "method", show=words),
    Column("price_basis", "prices of", show=words),
    Column("usd", "cost", "USD", interval=("low", "high")),
    Column("gpu_hours", "GPU-hours", "GPU-h"),
    Column("gpu_hours_method", "hours from"),
    Column("hardware", "hardware"),
    Column("confidence", "confidence"),
    Column("day", "day"),
]
