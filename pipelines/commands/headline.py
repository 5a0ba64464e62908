"""What a run prints at its end: cheapest offers of the main GPUs and the three headline tables."""

from __future__ import annotations

from collections.abc import Sequence

import click
import duckdb

from pipelines.commands.answer import print_table
from pipelines.commands.published import published
from warehouse.models import table_exists

HEADLINES = (
    (
        "marts.cost_per_flop",
        "Rent of compute: USD per 10^18 dense BF16 operations, on demand (lower is better)",
        """
        select gpu_id, usd_per_exaflop_peak, usd_per_exaflop_effective, low, high,
            utilisation_fraction, usd_per_gigabyte_hour
        from marts.cost_per_flop
        where precision = 'bf16' and purchase_model = 'on_demand'
            and day = (select max(day) from marts.cost_per_flop)
            and list_contains($gpus, gpu_id)
        order by usd_per_exaflop_effective limit 7
        """,
    ),
    (
        "marts.inference_cost",
        "Serving: cheapest USD per 1,000 tokens of a model, chat, on demand",
        """
        select model_id, gpu_id, gpu_count, precision, usd_per_1k_tokens, low, high,
            tokens_per_second_per_user
        from marts.inference_cost
        where workload = 'chat' and purchase_model = 'on_demand'
            and day = (select max(day) from marts.inference_cost)
        qualify row_number() over (partition by model_id order by usd_per_1k_tokens) = 1
        order by usd_per_1k_tokens desc limit 8
        """,
    ),
    (
        "marts.training_cost",
        "Training: the dearest reference models, in USD of their time",
        """
        select model_id, method, usd_nominal, low, high, gpu_hours, confidence
        from marts.training_cost
        where day = (select max(day) from marts.training_cost)
        qualify row_number() over (partition by model_id order by usd_nominal desc) = 1
        order by usd_nominal desc limit 8
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
                coalesce(region, 'any') as region, market_family, age_hours, is_stale as stale,
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


def print_one(
    connection: duckdb.DuckDBPyConnection, table: str, title: str, query: str, gpus: Sequence[str]
) -> None:
    """Print the first lines of one cost table."""
    if not table_exists(connection, table):
        return
    answer = connection.execute(query, {"gpus": list(gpus)} if "$gpus" in query else None)
    columns = [column[0] for column in answer.description or []]
    print_table(columns, answer.fetchall(), "\n" + title)
