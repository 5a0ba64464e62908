"""Our price index against a series that somebody else publishes, on the days that both have.

    python benchmarks/index_comparison.py SERIES.csv --gpu H100_SXM=H100-SXM-80GB [--gpu ...]
        [--market neocloud] [--day date] [--name gpu_model] [--usd price_median_usd]
        [--by provider] [--where "rental_type = 'on_demand'"] [--days 7]

SERIES is a CSV (or .csv.gz) with a day, a name of the GPU and a price in USD per GPU and hour; a
value covers ``--days``, over which the median of ours is taken. Where it has one line per provider
(``--by``), its value of a day is the median of its providers' medians, as ours is: what differs
then is the data, not the rule. Ours is read from the published file of the data folder. Prints a
Markdown table: one line per GPU with the median values, and the distance of ours from theirs,
middle and farthest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from warehouse.database import DataFolderError, open_published
from warehouse.paths import Home

COMPARED = """
with printed as (
    select {day}::date as day, {name} as name, {by} as contributor, {usd}::double as usd
    from read_csv($series, all_varchar = true, header = true)
    where {where} and {usd}::double > 0
),
one_each as (select day, name, contributor, median(usd) as usd from printed group by all),
theirs as (
    select day, name, median(usd) as usd, count(*) as contributors from one_each group by all
),
ours as (
    select day, gpu_id, usd_per_gpu_hour as usd, provider_count from marts.gpu_price_index
    where market_family = $market and purchase_model = 'on_demand' and usd_per_gpu_hour is not null
),
both_have as (
    select o.gpu_id, t.day, median(o.usd) as ours, any_value(t.usd) as theirs,
        median(o.provider_count) as providers, any_value(t.contributors) as contributors
    from ours as o
    inner join (select unnest($names) as name, unnest($gpus) as gpu_id) as m
        on o.gpu_id = m.gpu_id
    inner join theirs as t on t.name = m.name and o.day between t.day and t.day + $days - 1
    group by o.gpu_id, t.day
)
select gpu_id, min(day) as first_day, max(day) as last_day, count(*) as values_compared,
    median(ours) as ours, median(theirs) as theirs, median(providers) as our_providers,
    median(contributors) as their_contributors,
    exp(median(ln(ours / theirs))) - 1 as middle,
    arg_max(ours / theirs - 1, abs(ln(ours / theirs))) as farthest
from both_have
group by gpu_id
order by gpu_id
"""


def main() -> None:
    """Print the comparison."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("series", type=Path)
    options.add_argument("--gpu", action="append", required=True, metavar="THEIRS=OURS")
    options.add_argument("--market", default="neocloud")
    options.add_argument("--day", default="date", help="their column of the day")
    options.add_argument("--name", default="gpu_model", help="their column of the GPU")
    options.add_argument("--usd", default="price_median_usd", help="their column of the price")
    options.add_argument("--by", default="''", help="their column of the contributor, if any")
    options.add_argument("--where", default="true", help="SQL condition on their lines")
    options.add_argument("--days", type=int, default=1, help="days that a value covers")
    asked = options.parse_args()
    pairs = [pair.partition("=") for pair in asked.gpu]
    query = COMPARED.format(
        day=asked.day, name=asked.name, usd=asked.usd, by=asked.by, where=asked.where
    )
    with open_published(Home.from_environment(), folders=[asked.series.parent]) as connection:
        rows = connection.execute(
            query,
            {
                "series": str(asked.series),
                "market": asked.market,
                "days": asked.days,
                "names": [theirs for theirs, _, _ in pairs],
                "gpus": [ours for _, _, ours in pairs],
            },
        ).fetchall()
    print("| GPU | values | ours | theirs | contributors, ours and theirs | middle | farthest |")
    print("|---|---|---|---|---|---|---|")
    for gpu, first, last, days, ours, theirs, our_n, their_n, middle, farthest in rows:
        print(
            f"| {gpu} | {days}, {first} to {last} | {ours:.2f} | {theirs:.2f}"
            f" | {our_n:.0f}, {their_n:.0f} | {middle:+.0%} | {farthest:+.0%} |"
        )


if __name__ == "__main__":
    try:
        main()
    except (duckdb.Error, DataFolderError) as error:
        raise SystemExit(str(error).splitlines()[0]) from error
