-- One row per GPU and contract of a provider: its cheapest offer that is fresh and not sold out, beside the middle of its market in the US.
-- parameter: provider_id | the provider
-- provider_id | the provider
-- provider_name | its full name
-- homepage | its website
-- country | country of its seat, ISO 3166-1 alpha-2
-- gpu_id | the accelerator
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- usd_per_gpu_hour | its cheapest offer [USD/(GPU h)]
-- offer_count | such offers
-- age_hours | age of the cheapest at the build [h]
-- middle_usd_per_gpu_hour | middle of the providers of the same market; null under three [USD/(GPU h)]
-- middle_low | lower end of the 80 % interval of that middle [USD/(GPU h)]
-- middle_high | upper end of it [USD/(GPU h)]
-- over_middle_fraction | its price over that middle, less one [1]
-- source_id | the source of the cheapest
with standing as (
    select
        provider_id, gpu_id, purchase_model, commitment_months, market_family,
        min(usd_per_gpu_hour) as usd_per_gpu_hour, count(*) as offer_count,
        arg_min(age_hours, (usd_per_gpu_hour, source_id)) as age_hours,
        arg_min(source_id, (usd_per_gpu_hour, source_id)) as source_id
    from marts.offers_latest
    where
        not is_stale and not is_witness and is_available is distinct from false
        and gpu_id is not null
    group by all
)
select
    s.provider_id, coalesce(p.name, s.provider_id) as provider_name, p.homepage, p.country,
    s.gpu_id, coalesce(g.is_coarse, false) as is_coarse, s.purchase_model, s.commitment_months,
    s.market_family, s.usd_per_gpu_hour, s.offer_count, s.age_hours, n.middle_usd_per_gpu_hour,
    n.typical_low_usd_per_gpu_hour as middle_low, n.typical_high_usd_per_gpu_hour as middle_high,
    s.usd_per_gpu_hour / n.middle_usd_per_gpu_hour - 1 as over_middle_fraction, s.source_id
from standing as s
left join core.provider as p on s.provider_id = p.provider_id
left join core.gpu as g on s.gpu_id = g.gpu_id
left join marts.gpu_price_now as n
    on
        s.gpu_id = n.gpu_id and s.purchase_model = n.purchase_model
        and s.commitment_months is not distinct from n.commitment_months
        and s.market_family = n.market_family and n.reference_region = 'us'
        and n.evidence = 'market'
where s.provider_id = $provider_id
order by s.provider_id, s.purchase_model, s.gpu_id, s.commitment_months, s.market_family
