"""Compares the cheapest set of each model by the old price basis and the new one.

``python benchmarks/cheapest_sets.py FILE``, where FILE is a published file. Before: the median over
all markets, any number of GPUs. Now: ``marts.inference_cost`` on the default basis, GPUs of three
providers, sets that one provider offers. Then: how wide the interval of a price is by the number
of providers behind it. Tables in Markdown.
"""

from __future__ import annotations

import argparse
from collections import Counter

import duckdb

BEFORE = """
select s.model_id, s.gpu_count || ' x ' || s.gpu_id as gpu_set,
    d.provider_count, 1e6 * d.median_usd_per_gpu_hour / 3600 / s.tokens_per_second_per_gpu as usd
from marts.serving_point as s
inner join marts.gpu_price_daily as d on s.gpu_id = d.gpu_id
where s.workload = 'chat' and s.service_level_id = 'interactive'
    and d.purchase_model = 'on_demand' and d.market_family = 'all'
    and d.day = (select max(day) from marts.gpu_price_daily)
qualify row_number() over (partition by s.model_id order by usd, gpu_set) = 1
"""

NOW = """
select model_id, gpu_count || ' x ' || gpu_id as gpu_set, provider_count,
    usd_per_1k_tokens * 1000 as usd, low * 1000 as low, high * 1000 as high, set_provider_id,
    set_usd_per_gpu_hour, usd_per_gpu_hour, set_provider_count
from marts.inference_cost
where workload = 'chat' and service_level_id = 'interactive' and purchase_model = 'on_demand'
    and is_default_basis and evidence = 'market'
qualify row_number() over (partition by model_id order by usd, gpu_set) = 1
"""

WIDTHS = """
select gpu_class, market_family, provider_count, count(*) as gpus,
    median(ask_high_usd_per_gpu_hour / middle_usd_per_gpu_hour) as ask,
    median(typical_high_usd_per_gpu_hour / middle_usd_per_gpu_hour) as typical
from marts.gpu_price_now
where purchase_model = 'on_demand' and reference_region = 'us' and market_family <> 'all'
group by all
order by all
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="A published file.")
    with duckdb.connect(parser.parse_args().file, read_only=True) as connection:
        before = {row[0]: row[1:] for row in connection.execute(BEFORE).fetchall()}
        now = {row[0]: row[1:] for row in connection.execute(NOW).fetchall()}
        widths = connection.execute(WIDTHS).fetchall()
    print("| model | before | USD/1M | providers | now | USD/1M (80 %) | providers | offered by |")
    print("|---|---|---|---|---|---|---|---|")
    for model_id in sorted(before.keys() | now.keys()):
        old = before.get(model_id, ("none", None, None))
        print(f"| {model_id} | {old[0]} | {old[2] or 0:.3g} | {old[1]} |", end=" ")
        if model_id not in now:
            print("none | | | |")
            continue
        gpu_set, providers, usd, low, high, provider_id, asks, middle, offering = now[model_id]
        print(
            f"{gpu_set} | {usd:.3g} ({low:.3g} to {high:.3g}) | {providers} | {provider_id} at"
            f" {asks:.2f} (middle {middle:.2f}), one of {offering} |"
        )
    for title, sets in (("before", before), ("now", now)):
        counted = Counter(found[0] for found in sets.values()).most_common()
        print(f"\n{title}: " + ", ".join(f"{name}: {count}" for name, count in counted))
        thin = sum(found[1] < 3 for found in sets.values())
        print(f"{title}: {len(sets)} models, {thin} on fewer than three providers")
    print("\n| class | family | providers | GPUs | next seller, x/ | middle, x/ |")
    print("|---|---|---|---|---|---|")
    for *names, ask, typical in widths:
        print(f"| {' | '.join(map(str, names))} | {ask:.2f} | {typical:.2f} |")


if __name__ == "__main__":
    main()
