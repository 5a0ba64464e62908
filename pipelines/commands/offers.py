"""``truecost offers``: the cheapest like-for-like offers of one GPU, today or on a past day."""

from __future__ import annotations

import click
import duckdb

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.index import moment_of
from pipelines.commands.published import one_of, published

PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")
# What people see of the columns; machines get all.
SHOWN = (
    "usd_per_gpu_hour", "usd_per_node_hour", "gpu_count", "provider_id", "sku", "region",
    "purchase_model", "commitment_months", "age_hours", "is_stale", "source_id", "is_witness",
)  # fmt: skip
STANDING_THEN = """
(
    select p.*, r.area, s.kind_rank,
        case when p.market_tier like 'marketplace%' then 'marketplace' else p.market_tier end
            as market_family,
        p.usd_per_gpu_hour * p.gpu_count as usd_per_node_hour,
        date_diff('minute', c.observed_at, instant($as_of)) / 60.0 as age_hours,
        c.observed_at < instant($as_of) - interval 30 hour as is_stale,
        p.gpu_id is not null and s.kind_rank > min(s.kind_rank) over (
            partition by p.provider_id, p.gpu_id, p.purchase_model, p.market_tier
        ) as is_witness
    from as_of($as_of, $known_on) as p
    inner join meta.source as s on p.source_id = s.source_id
    inner join (
        select source_id, request_key, max(valid_at) as observed_at
        from core.offer_capture
        where valid_at <= instant($as_of) and recorded_at <= instant($known_on)
        group by source_id, request_key
    ) as c on p.source_id = c.source_id and p.request_key = c.request_key
    left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
    -- An answer of over 7 days before says nothing about what stood.
    where c.observed_at >= instant($as_of) - interval 7 day
)
"""


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
@click.option("--as-of", help="As of the end of this day (YYYY-MM-DD) or at this instant.")
@click.option("--known-on", help="With --as-of: only what was known by then.")
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True)
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
    as_of: str | None,
    known_on: str | None,
    limit: int,
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
    if known_on and not as_of:
        raise Refused("--known-on needs --as-of: the day whose prices are asked for")
    moments = {
        "as_of": moment_of(as_of, "--as-of") if as_of else None,
        "known_on": moment_of(known_on, "--known-on") if known_on else "infinity",
    }
    relation = STANDING_THEN if as_of else "marts.offers_latest"
    with published() as connection:
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
                round(age_hours, 1) as age_hours, is_stale, source_id, is_witness, source_url,
                payload_sha256[:8] as payload
            from {relation}
            where {" and ".join(f"{column} = ${column}" for column in given)}
            -- Where nothing is fresh, what stood last is shown, and its age says so.
            qualify $include_stale or not is_stale or bool_and(is_stale) over ()
            order by usd_per_gpu_hour, provider_id, sku limit $limit
            """,
            given | {"limit": limit, "include_stale": include_stale} | (moments if as_of else {}),
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
        then = (
            f", as of {as_of}" + (f" as known on {known_on}" if known_on else "") if as_of else ""
        )
        print_rows(
            columns, rows, output, f"{gpu_id}, {purchase}{then}: list prices, USD, lower is better"
        )
        if not rows and not as_of and output in (None, "table"):
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
