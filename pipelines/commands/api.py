"""``truecost api``: what the tokens of a model cost by API, beside serving it oneself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import money, print_rows, print_sentence, significant
from pipelines.commands.arguments import AtLeast
from pipelines.commands.opening import answer_options, documents_of, moment, published

WORKLOADS = ("balanced", "chat", "summarise", "reasoning", "long")
SERVICE_LEVELS = ("interactive", "fast", "batch")


@click.command()
@click.argument("model")
@click.option(
    "--workload",
    type=click.Choice(WORKLOADS),
    default=WORKLOADS[0],
    show_default=True,
    help="What a request looks like; balanced: 3,000 tokens in, 1,000 out.",
)
@click.option(
    "--service-level",
    "service_level_id",
    type=click.Choice(SERVICE_LEVELS),
    default=SERVICE_LEVELS[0],
    show_default=True,
    help="How fast a user wants the answer, of own serving.",
)
@click.option(
    "--all",
    "with_doubtful",
    is_flag=True,
    help="Also prices that are deprecated, old and unconfirmed, or re-listed from another host.",
)
@click.option("--limit", type=AtLeast(1), default=15, show_default=True)
@answer_options
def api(
    model: str,
    workload: str,
    service_level_id: str,
    with_doubtful: bool,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what the tokens of MODEL cost by API, beside serving it on rented GPUs.

    One line a provider, variant (batch, off peak, free) and length of the prompt, in USD for a
    million tokens. mix is the price of a request of the workload. break even is how many tokens a
    day make one replica of the cheapest set cheaper than this price; never, where a full replica
    costs more. MODEL is a reference model, or any model that price lists name.

    \b
    truecost api llama-3.3-70b
    truecost api deepseek-r1 --workload reasoning --all
    truecost api claude-opus-5 --json
    """
    from pipelines.answers import api as answers

    with published(past) as connection:
        try:
            found = answers.api_prices(
                connection, documents_of(connection), model, workload=workload,
                service_level_id=service_level_id, with_doubtful=with_doubtful,
            )  # fmt: skip
        except answers.ApiModelError as error:
            raise Refused(str(error)) from None
        then = moment(connection, past)
    rows = found.prices[:limit]
    if output in ("json", "csv"):
        same = {"model": found.model, "own_reason": found.own_reason}
        columns = ("model", "own_reason", *(rows[0] if rows else ()))
        print_rows(columns, [[*same.values(), *row.values()] for row in rows], output)
        return
    print_rows(
        ("provider", "for", "usd_in", "usd_out", "usd_cached", "usd_mix", "age_days", "break_even"),
        [_shown(row) for row in rows],
        None,
        f"{found.model} by API, {then}: list prices, USD per 10^6 tokens, lower is better",
    )
    print_sentence(_own_line(found.own, found.own_reason, workload, service_level_id))
    more = len(found.prices) - len(rows)
    if more:
        print_sentence(f"{more} more: --limit.")
    if found.hidden_count:
        print_sentence(
            f"{found.hidden_count} deprecated, unconfirmed or re-listed prices are left out: --all."
        )


def _shown(row: Mapping[str, Any]) -> tuple[Any, ...]:
    break_even = row["break_even_tokens_per_day"]
    if break_even is not None:
        said = f"{significant(break_even / 1e6)} M/d"
    else:
        said = "never" if row["never_reason"] else "–"
    return (
        row["api_provider_id"],
        _condition(row),
        row["usd_per_million_input_tokens"],
        row["usd_per_million_output_tokens"],
        row["usd_per_million_cache_read_tokens"],
        row["usd_per_million_tokens"],
        row["age_days"],
        said,
    )


def _condition(row: Mapping[str, Any]) -> str:
    """Return what a price holds for, and why it may not hold, in words."""
    words = [row["variant"].replace("_", " ")] if row["variant"] else []
    if row["above_input_tokens"]:
        words.append(f"above {row['above_input_tokens']:,} in")
    if row["up_to_input_tokens"]:
        words.append(f"up to {row['up_to_input_tokens']:,} in")
    if row["is_deprecated"]:
        words.append("deprecated")
    elif not row["is_confirmed"]:
        words.append("unconfirmed")
    if row["is_relisted"]:
        words.append("re-listed")
    return ", ".join(words) or "text"


def _own_line(
    own: Mapping[str, Any] | None, reason: str | None, workload: str, service_level_id: str
) -> str:
    if own is None:
        return f"Own serving: not known; {reason}."
    cost, low, high = (own[name] * 1e3 for name in ("usd_per_1k_tokens", "low", "high"))
    return (
        f"Own serving, {workload} at {service_level_id} pace: {money(cost)} a million tokens"
        f" ({money(low)} to {money(high)}, 80 %) on {own['gpu_count']} x {own['gpu_id']} in"
        f" {own['precision']}, always full, at {money(own['usd_per_gpu_hour'])} per GPU and hour of"
        f" {own['provider_count']} providers."
    )
