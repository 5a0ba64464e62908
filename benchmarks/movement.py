"""How prices of some GPUs moved: the matched index beside the raw median, by market family.

    python benchmarks/movement.py [GPU ...] [--region us] [--as-of DAY]

Reads the published file of the data folder. Prints three Markdown tables: the newest value of the
price index by family; how far the offers moved that stood 1, 7, 30, 90 and 365 days before, too,
beside the index; and how far the same offers moved over 1, 3 and 12 months and since the first
month that compares, beside the median, with the providers of each. A span that no three providers
link is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import duckdb

from pipelines.commands import Refused
from pipelines.commands.opening import past_of, published

GPUS = ("H100-SXM-80GB", "A100-SXM-80GB", "H200-SXM-141GB", "B200-180GB", "L40S-48GB")

INDEX = """
select gpu_id, market_family, day, usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour,
    provider_count, coalesce(withheld_reason, '') as withheld
from marts.gpu_price_index
where gpu_id in (select unnest($gpus)) and purchase_model = 'on_demand'
    and reference_region = $region
qualify day = max(day) over (partition by gpu_id, market_family)
order by list_position($gpus, gpu_id), market_family
"""

DAYS = """
select gpu_id, market_family, horizon_days as days, then_day, day, change_fraction,
    compared_provider_count as providers_compared, compared_offer_count as offers_compared,
    index_change_fraction, mix_change_fraction, coalesce(movers, '') as movers,
    coalesce(composition, '') as composition, coalesce(reason, '') as reason
from marts.gpu_price_change
where gpu_id in (select unnest($gpus)) and purchase_model = 'on_demand'
    and reference_region = $region
order by list_position($gpus, gpu_id), market_family, horizon_days
"""

MOVEMENT = """
select c.gpu_id, c.market_family, coalesce(cast(c.horizon_months as varchar), 'since') as months,
    strftime(c.then_month, '%Y-%m') as then_month, strftime(c.month, '%Y-%m') as month,
    c.like_for_like_change_fraction, i.low_80 / 100 - 1 as low, i.high_80 / 100 - 1 as high,
    c.link_provider_count, c.then_median_usd_per_gpu_hour, c.median_usd_per_gpu_hour,
    c.median_change_fraction, c.then_median_provider_count, c.median_provider_count,
    c.evidence, coalesce(c.movers, '') as movers
from marts.like_for_like_change as c
left join marts.like_for_like_index as i
    on
        c.gpu_id = i.gpu_id and c.purchase_model = i.purchase_model
        and c.commitment_months is not distinct from i.commitment_months
        and c.market_family = i.market_family and c.reference_region = i.reference_region
        and c.month = i.month and c.then_month = i.segment_started_on
where c.gpu_id in (select unnest($gpus)) and c.purchase_model = 'on_demand'
    and c.reference_region = $region
order by list_position($gpus, c.gpu_id), c.market_family, c.horizon_months nulls last
"""


def table(rows: duckdb.DuckDBPyRelation) -> str:
    """Return rows as a Markdown table; fractions as percentages."""

    def cell(name: str, value: Any) -> str:
        if value is None:
            return "–"
        if name.endswith("_fraction") or name in ("low", "high"):
            return f"{value:+.1%}"
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    lines = [f"| {' | '.join(rows.columns)} |", f"|{'---|' * len(rows.columns)}"]
    for row in rows.fetchall():
        cells = [cell(name, value) for name, value in zip(rows.columns, row, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("gpus", nargs="*", default=list(GPUS), metavar="GPU")
    parser.add_argument("--region", choices=("us", "europe", "asia"), default="us")
    parser.add_argument("--as-of", help="A past day instead of now.")
    asked = parser.parse_args(arguments)
    try:
        print_tables(asked)
    except Refused as error:
        raise SystemExit(f"movement: {error}") from error


def print_tables(asked: argparse.Namespace) -> None:
    """Print what was asked for."""
    with published(past_of(asked.as_of, None)) as connection:
        print("The price index, newest day, USD per GPU and hour\n")
        given = {"gpus": asked.gpus, "region": asked.region}
        print(table(connection.sql(INDEX, params=given)))
        print("\nThe same offers between days, beside the index\n")
        print(table(connection.sql(DAYS, params=given)))
        print("\nThe same offers by month, beside the median, on demand\n")
        print(table(connection.sql(MOVEMENT, params=given)))


if __name__ == "__main__":
    main()
