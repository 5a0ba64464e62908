-- One row per accelerator with a release date and dense precision: its peak, per watt and per dollar.
-- precision | number format of the operands; dense peaks only
-- released_on | release of the accelerator [date]
-- flops_per_second | dense peak [FLOP/s]
-- flops_per_second_per_watt | over board power, null where it is not known [FLOP/(s W)]
-- flops_per_second_per_purchase_usd | over the purchase price, null where it is not known [FLOP/(s USD)]
-- flops_per_second_per_rental_usd_per_hour | over the rental price on demand on the default basis, null without three providers [FLOP/s per USD/h]
with rental as (
    select gpu_id, middle_usd_per_gpu_hour
    from marts.gpu_price_now
    where is_default_basis and purchase_model = 'on_demand' and evidence = 'market'
)
select
    p.precision,
    g.released_on,
    p.flops_per_second,
    p.flops_per_second / nullif(g.board_power_watts, 0) as flops_per_second_per_watt,
    p.flops_per_second / nullif(g.purchase_usd, 0) as flops_per_second_per_purchase_usd,
    p.flops_per_second / nullif(r.middle_usd_per_gpu_hour, 0)
        as flops_per_second_per_rental_usd_per_hour
from core.gpu_peak as p
inner join core.gpu as g on p.gpu_id = g.gpu_id
left join rental as r on p.gpu_id = r.gpu_id
where not p.is_sparse and not g.is_coarse and g.released_on is not null
order by p.gpu_id
