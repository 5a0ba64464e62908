-- One row per GPU and number format: what operations, memory and bandwidth cost to rent; rows that may be ranked first.
-- gpu_id | the accelerator
-- precision | number format
-- day | the day of the price
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- usd_per_exaflop_peak | cost of 10^18 operations at the vendor's dense peak [USD]
-- usd_per_exaflop_effective | the same at the utilisation that runs reach [USD]
-- low | lower bound of the effective cost [USD]
-- high | upper bound of the effective cost [USD]
-- utilisation_fraction | share of the dense peak that runs reach [1]
-- usd_per_gigabyte_hour | price of memory [USD/(GB h)]
-- usd_per_terabyte_per_second_hour | price of memory bandwidth [USD/(TB/s h)]
-- provider_count | providers behind the price [1]
-- market_family | whose prices
-- reference_region | us, europe or asia
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- is_ranked | whether it is of the market that was asked for, with providers enough: others are listed apart
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: market_family | whose prices
-- parameter: reference_region | us, europe or asia
-- parameter: provider_id | the list prices of this provider instead of a market's, if not null
-- parameter: is_asked | whether rows of another market or part of the world are left out
-- parameter: min_providers | providers from which a row is ranked [1]
-- parameter: is_data_center_only | whether other classes are left out
-- parameter: gpu_id | only this accelerator; any, if null
-- parameter: precision | only this number format; any, if null
-- parameter: commitment_months | only commitments of this length; any, if null [month]
-- parameter: row_limit | how many rows at most
with priced as (
    select
        c.gpu_id, c.precision, c.day, c.purchase_model, c.commitment_months, c.market_family,
        c.reference_region, c.utilisation_fraction, c.oldest_seen_at,
        -- One list price has no spread: the interval is that of the utilisation.
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour) / c.usd_per_gpu_hour as times,
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour_low) / c.usd_per_gpu_hour_low
            as times_low,
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour_high) / c.usd_per_gpu_hour_high
            as times_high,
        c.usd_per_gpu_hour, c.usd_per_exaflop_peak, c.usd_per_exaflop_effective, c.low, c.high,
        c.usd_per_gigabyte_hour, c.usd_per_terabyte_per_second_hour,
        case when p.provider_id is null then c.provider_count else 1 end as provider_count,
        p.provider_id,
        c.reference_region = $reference_region
        and (p.provider_id is not null or c.market_family = $market_family) as is_on_basis
    from marts.cost_per_flop as c
    left join marts.provider_price_now as p
        on
            p.provider_id = $provider_id and c.gpu_id = p.gpu_id
            and c.purchase_model = p.purchase_model
            and c.commitment_months is not distinct from p.commitment_months
            and c.market_family = p.market_family and c.reference_region = p.reference_region
    where ($provider_id is null or p.provider_id is not null)
        and c.purchase_model = $purchase_model
        and ($gpu_id is null or c.gpu_id = $gpu_id)
        and ($precision is null or c.precision = $precision)
        and ($commitment_months is null or c.commitment_months = $commitment_months)
        and (c.market_family <> 'all' or c.market_family = $market_family)
        and (
            not $is_data_center_only
            or c.gpu_id in (select gpu_id from core.gpu where gpu_class = 'data_center')
        )
),
-- A GPU without a price there is listed with that of the market with most providers.
of_gpu as (
    select *
    from priced
    where is_on_basis or not $is_asked
    qualify row_number() over (
        partition by gpu_id, precision
        order by is_on_basis desc, reference_region = $reference_region desc,
            provider_count desc, market_family, reference_region, commitment_months nulls first
    ) = 1
)
select
    gpu_id, precision, day, usd_per_gpu_hour * times as usd_per_gpu_hour,
    usd_per_exaflop_peak * times as usd_per_exaflop_peak,
    usd_per_exaflop_effective * times as usd_per_exaflop_effective,
    low * times_low as low, high * times_high as high, utilisation_fraction,
    usd_per_gigabyte_hour * times as usd_per_gigabyte_hour,
    usd_per_terabyte_per_second_hour * times as usd_per_terabyte_per_second_hour,
    provider_count, market_family, reference_region, oldest_seen_at,
    is_on_basis and (provider_id is not null or provider_count >= $min_providers) as is_ranked
from of_gpu
order by is_ranked desc, usd_per_exaflop_effective, gpu_id, precision
limit $row_limit
