-- One row per GPU and cluster size: a run of 70e9 parameters on 15e12 tokens, today, of GPUs with three providers on the default basis.
-- gpu_id | the accelerator
-- cluster | GPUs of the cluster [GPU]
-- precision | number format
-- days | duration of the run [day]
-- usd | cost of the run [USD]
-- low | low end of its cost [USD]
-- high | high end of its cost [USD]
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- utilisation_fraction | share of the peak that training commonly reaches [1]
-- provider_count | independent providers behind the value
-- day | the day, with the prices at its end [UTC date]
-- architecture | chip architecture
select
    c.gpu_id, n.gpu_count as cluster, c.precision,
    6.0 * 70e9 * 15e12
        / (c.flops_per_second * c.utilisation_fraction * n.gpu_count) / 86400 as days,
    6.0 * 70e9 * 15e12 / 1e18 * c.usd_per_exaflop_effective as usd,
    6.0 * 70e9 * 15e12 / 1e18 * c.low as low,
    6.0 * 70e9 * 15e12 / 1e18 * c.high as high,
    c.usd_per_gpu_hour, c.utilisation_fraction, c.provider_count, c.day, g.architecture
from marts.cost_per_flop as c
cross join (values (256), (1024), (4096)) as n (gpu_count)
left join core.gpu as g on c.gpu_id = g.gpu_id
where c.precision = 'bf16' and c.purchase_model = 'on_demand' and c.is_default_basis
    and c.evidence = 'market' and g.memory_bytes >= 64e9
order by usd, cluster
