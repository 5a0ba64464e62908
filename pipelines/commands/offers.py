"""``truecost offers``: the cheapest like-for-like offers of one GPU, today or on a past day."""

from __future__ import annotations

import click
import duckdb

from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.published import moment, one_of, past_options, published
from pipelines.past import Past

PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")
# What people see of the columns; machines get all.
SHOWN = (
    "usd_per_gpu_hour", "usd_per_node_hour", "gpu_count", "provider_id", "sku", "region",
    "purchase_model", "commitment_months", "age_hours", "source_time", "is_stale", "source_id",
    "is_witness",
)  # fmt: skip


@click.command()
@click.argument("gpu")
@click.option("-n", "--count", "gpu_count", type=click.IntRange(1), help="GPUs in one instance.")
@click.option(
    "--purchase",
    type=click.Choice([*PURCHASE_MODELS, "all"]),
    default="on_demand",
    show_default=True,
    help="How it is bought.",
)
@click.option("--months", type=click.IntRange(1), help="Only reservations of this many months.")
@click.option("--provider", help="Only this provider, e.g. aws.")
@click.option("--area", help="Only this area, e.g. europe.")
@click.option(
    "--include-stale",
    is_flag=True,
    help="Also offers not confirmed for 30 hours, though fresh ones stand.",
)
@click.option("--all", "is_all", is_flag=True, help="Also what lesser sources say of the same.")
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True)
@past_options
@format_option
def offers(
    gpu: str,
    gpu_count: int | None,
    purchase: str,
    months: int | None,
    provider: str | None,
    area: str | None,
    include_stale: bool,
    is_all: bool,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print the cheapest standing offers of GPU, cheapest first, with age and source.

    GPU is an id of core.gpu, such as H100-SXM-80GB; PCIe, SXM and NVL are different things and are
    never mixed. Prices are list prices in USD per GPU and hour.

    \b
    truecost offers H100-SXM-80GB -n 8
    truecost offers a100-pcie-80gb --purchase spot --json
    truecost offers H100-SXM-80GB --as-of 2026-08-01 --known-on 2026-08-02
    """
    with published(past) as connection:
        ids = connection.execute("select gpu_id from core.gpu").fetchall()
        gpu_id = one_of("GPU", gpu, (name for (name,) in ids))
        asked = {
            "gpu_id": gpu_id,
            "gpu_count": gpu_count,
            "purchase_model": None if purchase == "all" else purchase,
            "commitment_months": months,
            "is_witness": None if is_all else False,
        }
        for what, column, name in (("provider", "provider_id", provider), ("area", "area", area)):
            if name is not None:
                names = connection.execute(
                    f"select distinct {column} from marts.offers_latest where {column} is not null"
                ).fetchall()
                asked[column] = one_of(what, name, (known for (known,) in names))
        given = {column: value for column, value in asked.items() if value is not None}
        answer = connection.execute(
            f"""
            select
                usd_per_gpu_hour, usd_per_node_hour, gpu_count, provider_id, sku, region,
                purchase_model, commitment_months, market_tier, is_available,
                round(age_hours, 1) as age_hours, source_time, is_stale, source_id, is_witness,
                source_url, payload_sha256[:8] as payload
            from marts.offers_latest
            where {" and ".join(f"{column} = ${column}" for column in given)}
            -- Where nothing is fresh, what stood last is shown, and its age says so.
            qualify $include_stale or not is_stale or bool_and(is_stale) over ()
            order by usd_per_gpu_hour, provider_id, sku limit $limit
            """,
            given | {"limit": limit, "include_stale": include_stale},
        )
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
        if output in (None, "table"):
            hidden = {
                "purchase_model": purchase != "all",
                "commitment_months": purchase not in ("all", "reserved"),
                "is_witness": not is_all,
            }
            keep = [
                number
                for number, name in enumerate(columns)
                if name in SHOWN and not hidden.get(name)
            ]
            columns, rows = [columns[i] for i in keep], [tuple(r[i] for i in keep) for r in rows]
        asked_for = f"{gpu_id}, {purchase}, {moment(connection, past)}"
        print_rows(columns, rows, output, f"{asked_for}: list prices, USD, lower is better")
        if not rows and output in (None, "table"):
            click.echo(standing(connection, gpu_id))


def standing(connection: duckdb.DuckDBPyConnection, gpu_id: str) -> str:
    """Return a line that says what offers of the GPU there are instead."""
    rows = connection.execute(
        "select purchase_model, count(*), string_agg(distinct gpu_count::varchar, ', '),"
        " count(*) filter (is_stale) from marts.offers_latest where gpu_id = ? group by 1",
        [gpu_id],
    ).fetchall()
    if not rows:
        return f"No source offers {gpu_id} now."
    return "There are: " + "; ".join(
        f"{count} {model} with {counts} GPUs ({stale} stale)"
        for model, count, counts, stale in rows
    )
