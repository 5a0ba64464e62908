"""What a run prints at its end: cheapest offers of the main GPUs and the three headline tables."""

from __future__ import annotations

from collections.abc import Sequence

import click
import duckdb

from pipelines.commands.answer import print_table
from pipelines.commands.published import published
from pipelines.escaping import one_line
from warehouse.models import table_exists

MAIN_MODELS = (
    "llama-3.1-8b",
    "llama-3.3-70b",
    "llama-3.1-405b",
    "gpt-oss-120b",
    "qwen3-235b-a22b",
    "deepseek-r1",
    "kimi-k2.5",
)
HEADLINES = (
    (
        "marts.cost_per_flop",
        "Renting operations: USD per 10^18 dense BF16 FLOP, on demand; lower is better",
        """
        select gpu_id, usd_per_gpu_hour, usd_per_exaflop_peak, usd_per_exaflop_effective,
            low as effective_low, high as effective_high, utilisation_fraction, provider_count
        from marts.cost_per_flop
        where precision = 'bf16' and purchase_model = 'on_demand' and market_family = 'all'
            and day = (select max(day) from marts.cost_per_flop)
            and list_contains($gpus, gpu_id)
        order by usd_per_exaflop_effective
        """,
    ),
    (
        "marts.inference_cost",
        "Serving: USD per 1,000 tokens on the cheapest set, chat at 25 tokens/s per user or more,"
        " on demand, busy all the time",
        """
        select model_id, gpu_id, gpu_count, precision, usd_per_1k_tokens, low, high,
            tokens_per_second_per_user, binding_limit
        from marts.inference_cost
        where workload_id = 'chat' and service_level_id = 'interactive'
            and purchase_model = 'on_demand' and list_contains($models, model_id)
            and day = (select max(day) from marts.inference_cost) and provider_count >= 3
        qualify row_number() over (partition by model_id order by usd_per_1k_tokens) = 1
        order by usd_per_1k_tokens
        """,
    ),
    (
        "marts.training_cost",
        "Training: renting the same compute as H100 SXM today, million USD, 90 % interval",
        """
        select model, published_on, training_flops, gpu_hours / 1e6 as million_h100_hours,
            usd_nominal / 1e6 as million_usd, low / 1e6 as low, high / 1e6 as high, confidence
        from marts.training_cost
        where method = 'rental' and price_basis = 'tracked_h100' and usd_nominal is not null
            and compute_rank <= 5
        qualify row_number() over (partition by model order by day desc) = 1
        order by published_on desc limit 8
        """,
    ),
)


def print_headline(gpus: Sequence[str]) -> None:
    """Print the cheapest offer of each GPU and the first lines of the three cost tables."""
    with published() as connection:
        as_of = connection.execute("select max(observed_at) from marts.offers_latest").fetchall()
        if as_of[0][0] is None:
            click.echo("No offers are standing: no source has answered yet.")
            return
        answer = connection.execute(
            """
            select gpu_id, usd_per_gpu_hour, provider_id, gpu_count,
                coalesce(region, 'any') as region, market_family,
                round(age_hours, 1) as age_hours, is_stale as stale,
                count(*) over (partition by gpu_id) as offers
            from marts.offers_latest
            where purchase_model = 'on_demand' and list_contains($gpus, gpu_id) and not is_witness
            qualify row_number() over (partition by gpu_id order by usd_per_gpu_hour) = 1
            order by usd_per_gpu_hour desc
            """,
            {"gpus": list(gpus)},
        )
        columns = [column[0] for column in answer.description or []]
        title = (
            f"\nCheapest offers on demand as of {as_of[0][0]:%Y-%m-%d %H:%M}Z, list prices in USD"
        )
        print_table(columns, answer.fetchall(), title)
        for table, title, query in HEADLINES:
            print_one(connection, table, title, query, gpus)
        print_unmapped(connection)


def print_unmapped(connection: duckdb.DuckDBPyConnection) -> None:
    """Name the printed GPUs that no accelerator is known for."""
    unmapped = connection.execute(
        "select gpu_name_printed, source_id, offer_count from meta.unmapped_gpu"
        " order by offer_count desc, gpu_name_printed limit 10"
    ).fetchall()
    if unmapped:
        names = ", ".join(
            f"{one_line(name)} ({source}, {count})" for name, source, count in unmapped
        )
        click.echo(f"\nNot known as a GPU yet (see meta.unmapped_gpu): {names}")


def print_one(
    connection: duckdb.DuckDBPyConnection, table: str, title: str, query: str, gpus: Sequence[str]
) -> None:
    """Print the first lines of one cost table."""
    if not table_exists(connection, table):
        return
    lists = {"gpus": list(gpus), "models": list(MAIN_MODELS)}
    answer = connection.execute(query, {k: v for k, v in lists.items() if f"${k}" in query})
    columns = [column[0] for column in answer.description or []]
    print_table(columns, answer.fetchall(), "\n" + title)
