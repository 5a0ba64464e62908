-- One row per data-centre GPU with a price of three providers on the default basis: price, interval and peak.
-- gpu_id | the accelerator
-- usd_per_gpu_hour | middle of the providers on demand [USD/(GPU h)]
-- low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- high | upper end of it [USD/(GPU h)]
-- provider_count | providers behind the price
-- day | day of the prices [UTC date]
-- flops_per_second | dense peak, BF16 or FP16 [FLOP/s]
-- board_power_watts | board power [W]
-- purchase_usd | list price of one GPU with the share of a server; null where none is known [USD]
-- utilisation_fraction | share of the peak that training commonly reaches [1]
select
    c.gpu_id, any_value(c.usd_per_gpu_hour) as usd_per_gpu_hour,
    any_value(c.usd_per_gpu_hour_low) as low, any_value(c.usd_per_gpu_hour_high) as high,
    any_value(c.provider_count) as provider_count, any_value(c.day) as day,
    max(c.flops_per_second) as flops_per_second, any_value(g.board_power_watts) as board_power_watts,
    (
        select any_value(o.purchase_usd_per_gpu) from marts.own_vs_rent as o
        where o.gpu_id = c.gpu_id
    ) as purchase_usd,
    any_value(c.utilisation_fraction) as utilisation_fraction
from marts.cost_per_flop as c
inner join core.gpu as g on c.gpu_id = g.gpu_id and g.gpu_class = 'data_center'
where
    c.is_default_basis and c.purchase_model = 'on_demand' and c.commitment_months is null
    and c.evidence = 'market' and c.precision in ('bf16', 'fp16')
group by c.gpu_id
order by c.gpu_id
