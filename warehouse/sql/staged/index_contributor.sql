-- One row per accelerator, affected day, purchase model, market family, part of the world, provider, rank of source and bar.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- reference_region | us, europe or asia: where the offers are; those of a source that names no place count in the us
-- provider_id | the provider that rents it out; a marketplace is one contributor
-- source_kind | api, page, marketplace or feed
-- source_ids | the sources, in alphabetical order
-- median_usd_per_gpu_hour | median of the provider's offers of this kind of source there: a list is read in the first of its reference regions that has any (core.reference_region), else in all of that part of the world, at the largest number of GPUs [USD/(GPU h)]
-- offer_count | offers behind it
-- age_hours | age of the oldest price behind it at the end of the day, counted from when its origin last showed it [h]
-- offers_hash | hash of the offers and their prices, whatever their order
-- log_distance | how far from the middle of the contributors, in robust standard deviations [1]
-- exclusion | why it does not count: too_old, not_available, witness or trimmed; null where it counts
-- view
with affected as (
    select distinct day
    from staged.affected_day
    where entity = 'offer'
),
answer as (
    -- A source without an answer for over 7 days is not listed, or over twice its cadence.
    select
        a.day, w.source_id, w.request_key, w.seen_at, s.kind_rank, s.is_first_party,
        coalesce(w.source_time, w.content_changed_at) as stated_at,
        greatest(72, 2 * coalesce(s.cadence_hours, 0)) as limit_hours
    from affected as a
    inner join staged.answer as w
        on
            w.seen_at < a.day + interval 1 day
            and coalesce(w.next_at, cast('9999-12-31' as timestamp)) >= a.day + interval 1 day
    inner join meta.source as s on w.source_id = s.source_id
    where date_diff('minute', w.seen_at, a.day + interval 1 day)
        <= 60 * greatest(168, 2 * coalesce(s.cadence_hours, 0))
),
standing as (
    select
        p.gpu_id, w.day, p.purchase_model, p.commitment_months, p.market_tier as market_family,
        reference_region_of(r.country, r.area) as reference_region,
        p.provider_id, p.source_kind, w.kind_rank, p.source_id, p.offer_key,
        p.usd_per_gpu_hour, p.is_available, p.region, p.gpu_count,
        coalesce(p.upfront_fraction, 0) as upfront_fraction,
        date_diff(
            'minute',
            case
                when w.is_first_party then w.seen_at
                else least(w.seen_at, coalesce(t.source_time, w.stated_at))
            end,
            w.day + interval 1 day
        ) / 60.0 as age_hours,
        w.limit_hours
    from staged.affected_offer as p
    inner join answer as w on p.source_id = w.source_id and p.request_key = w.request_key
    left join staged.offer_stated as t
        on
            p.source_id = t.source_id and p.request_key = t.request_key
            and p.offer_key = t.offer_key and w.seen_at = t.seen_at
    left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
    where
        p.valid_from < w.day + interval 1 day
        and (p.valid_to is null or p.valid_to >= w.day + interval 1 day)
        and p.usd_per_gpu_hour > 0
        -- A large cloud has a price a region: one without a region is not a price there.
        and (
            r.country is not null or r.area is not null or p.market_tier <> 'hyperscaler'
        )
),
barred as (
    select
        o.*, coalesce(a.anchor_rank, 1000) as place_rank,
        case
            when o.age_hours > o.limit_hours then 'too_old'
            when o.is_available = false then 'not_available'
        end as bar
    from standing as o
    left join core.reference_region as a
        on
            o.provider_id = a.provider_id and o.reference_region = a.reference_region
            and o.region = a.region
    where o.reference_region is not null
),
placed as (
    select *
    from barred
    window of_kind as (
        partition by
            gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
            provider_id, kind_rank, bar
    )
    qualify
        place_rank = min(place_rank) over of_kind
        and upfront_fraction = min(upfront_fraction) over of_kind
),
read as (
    select *
    from placed
    qualify
        starts_with(market_family, 'marketplace')
        or gpu_count is not distinct from max(gpu_count) over (
            partition by
                gpu_id, day, purchase_model, commitment_months, market_family,
                reference_region, provider_id, kind_rank, bar
        )
),
by_kind as (
    select
        gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
        provider_id, source_kind, kind_rank, bar,
        string_agg(distinct source_id, ', ' order by source_id) as source_ids,
        median(usd_per_gpu_hour) as median_usd_per_gpu_hour,
        count(*) as offer_count,
        max(age_hours) as age_hours,
        md5(string_agg(
            offer_key || format('{:.12g}', usd_per_gpu_hour), ' '
            order by offer_key, usd_per_gpu_hour
        )) as offers_hash
    from read
    group by
        gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
        provider_id, source_kind, kind_rank, bar
),
ranked as (
    select
        *,
        -- Who is sold out by its own word is not heard through a lesser kind of source.
        bar is null and kind_rank = min(case when bar is distinct from 'too_old' then kind_rank end) over (
            partition by
                gpu_id, day, purchase_model, commitment_months, market_family,
                reference_region, provider_id
        ) as is_heard
    from by_kind
),
middle as (
    select
        gpu_id, day, purchase_model, commitment_months, market_family,
        reference_region, median(ln(median_usd_per_gpu_hour)) as log_middle
    from ranked
    where is_heard
    group by gpu_id, day, purchase_model, commitment_months, market_family, reference_region
),
spread as (
    select
        m.gpu_id, m.day, m.purchase_model, m.commitment_months, m.market_family,
        m.reference_region, m.log_middle,
        -- List prices cluster: distances under 5 % do not measure the spread.
        greatest(median(abs(ln(r.median_usd_per_gpu_hour) - m.log_middle)), ln(1.05))
            as log_scale
    from middle as m
    inner join ranked as r
        on
            m.gpu_id = r.gpu_id and m.day = r.day and m.purchase_model = r.purchase_model
            and m.commitment_months is not distinct from r.commitment_months
            and m.market_family = r.market_family
            and m.reference_region = r.reference_region and r.is_heard
    group by
        m.gpu_id, m.day, m.purchase_model, m.commitment_months, m.market_family,
        m.reference_region, m.log_middle
),
judged as (
    select
        r.*,
        case when r.is_heard
            then 0.6745 * (ln(r.median_usd_per_gpu_hour) - s.log_middle) / s.log_scale
        end as log_distance
    from ranked as r
    left join spread as s
        on
            r.gpu_id = s.gpu_id and r.day = s.day and r.purchase_model = s.purchase_model
            and r.commitment_months is not distinct from s.commitment_months
            and r.market_family = s.market_family and r.reference_region = s.reference_region
)
select
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    provider_id,
    source_kind,
    source_ids,
    median_usd_per_gpu_hour,
    offer_count,
    age_hours,
    offers_hash,
    log_distance,
    case
        when bar is not null then bar
        when not is_heard then 'witness'
        when abs(log_distance) > 3.5 then 'trimmed'
    end as exclusion
from judged
