-- One row per image model and GPU that holds it: how fast it makes images and what a thousand cost; rows that may be ranked first.
-- image_model_id | the model
-- gpu_id | the accelerator
-- memory_bytes | memory of the GPU [byte]
-- model_memory_bytes | weights and the activations of one image [byte]
-- steps | denoising steps [1]
-- images_per_second_per_gpu | throughput with full batches [1/(s GPU)]
-- usd_per_gpu_hour | price of one GPU [USD/(GPU h)]
-- usd_per_1k_images | a thousand images, the GPU always busy [USD/10^3 image]
-- low | the same at the low price and the highest measured share of the peak [USD/10^3 image]
-- high | the same at the high price and the lowest measured share [USD/10^3 image]
-- utilisation_fraction | share of the dense 16-bit peak [1]
-- method | measured, or peak share: the median share that measured GPUs reach
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
-- parameter: commitment_months | only commitments of this length; any, if null [month]
-- parameter: image_model_id | the model
-- parameter: gpu_id | only this accelerator; any, if null
-- parameter: row_limit | how many rows at most
with priced as (
    select
        c.*, p.provider_id as asked_provider_id, g.memory_bytes, s.model_memory_bytes, s.steps,
        s.utilisation_fraction,
        -- One list price has no spread: the interval is that of the speed.
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour) / c.usd_per_gpu_hour as times,
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour_low) / c.usd_per_gpu_hour_low
            as times_low,
        coalesce(p.usd_per_gpu_hour, c.usd_per_gpu_hour_high) / c.usd_per_gpu_hour_high
            as times_high,
        case when p.provider_id is null then c.provider_count else 1 end as price_count,
        c.reference_region = $reference_region
        and (p.provider_id is not null or c.market_family = $market_family) as is_on_basis
    from marts.image_cost as c
    inner join marts.image_point as s
        on c.image_model_id = s.image_model_id and c.gpu_id = s.gpu_id
    inner join core.gpu as g on c.gpu_id = g.gpu_id
    left join marts.provider_price_now as p
        on
            p.provider_id = $provider_id and c.gpu_id = p.gpu_id
            and c.purchase_model = p.purchase_model
            and c.commitment_months is not distinct from p.commitment_months
            and c.market_family = p.market_family and c.reference_region = p.reference_region
    where c.image_model_id = $image_model_id
        and ($provider_id is null or p.provider_id is not null)
        and c.purchase_model = $purchase_model
        and ($gpu_id is null or c.gpu_id = $gpu_id)
        and ($commitment_months is null or c.commitment_months = $commitment_months)
        and (c.market_family <> 'all' or c.market_family = $market_family)
        and (not $is_data_center_only or g.gpu_class = 'data_center')
),
-- A GPU without a price there is listed with that of the market with most providers.
of_gpu as (
    select *
    from priced
    where is_on_basis or not $is_asked
    qualify row_number() over (
        partition by gpu_id
        order by is_on_basis desc, reference_region = $reference_region desc,
            price_count desc, market_family, reference_region, commitment_months nulls first
    ) = 1
)
select
    image_model_id, gpu_id, memory_bytes, model_memory_bytes, steps, images_per_second_per_gpu,
    usd_per_gpu_hour * times as usd_per_gpu_hour, usd_per_1k_images * times as usd_per_1k_images,
    low * times_low as low, high * times_high as high, utilisation_fraction, method,
    price_count as provider_count, market_family, reference_region, oldest_seen_at,
    is_on_basis and (asked_provider_id is not null or price_count >= $min_providers) as is_ranked
from of_gpu
order by is_ranked desc, usd_per_1k_images, gpu_id
limit $row_limit
