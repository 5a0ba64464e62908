-- One row per GPU: what a dense BF16 operation costs to rent on demand.
-- gpu_id | the accelerator
-- usd_per_gpu_hour | middle of the providers on the default basis [USD/(GPU h)]
-- usd_per_exaflop_peak | cost of 10^18 operations at the vendor's dense peak [USD]
-- usd_per_exaflop_effective | the same at the utilisation that runs reach [USD]
-- effective_low | lower bound of the effective cost [USD]
-- effective_high | upper bound of the effective cost [USD]
-- utilisation_fraction | share of the dense peak that runs reach [1]
-- provider_count | providers behind the price
-- parameter: gpu_ids | the GPUs to list
select gpu_id, usd_per_gpu_hour, usd_per_exaflop_peak, usd_per_exaflop_effective,
    low as effective_low, high as effective_high, utilisation_fraction, provider_count
from marts.cost_per_flop
where precision = 'bf16' and purchase_model = 'on_demand' and is_default_basis
    and evidence = 'market' and list_contains($gpu_ids, gpu_id)
order by usd_per_exaflop_effective
