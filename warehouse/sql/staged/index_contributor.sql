-- One row per accelerator, affected day, purchase model, market family, provider, kind of source and bar.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- provider_id | the provider that rents it out; a marketplace is one contributor
-- source_kind | api, page, marketplace or feed
-- source_ids | the sources, in alphabetical order
-- median_usd_per_gpu_hour | median of the provider's offers of this kind of source [USD/(GPU h)]
-- offer_count | offers behind it
-- age_hours | age of the oldest answer behind it at the end of the day [h]
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
    -- A source without an answer for over 7 days is not listed.
    select a.day, c.source_id, c.request_key,
        date_diff('minute', max(c.seen_at), a.day + interval 1 day) / 60.0 as age_hours
    from core.offer_capture as c
    inner join affected as a
        on c.seen_at < a.day + interval 1 day and c.seen_at >= a.day - interval 6 day
    group by a.day, c.source_id, c.request_key
),
standing as (
    select
        p.gpu_id, w.day, p.purchase_model, p.commitment_months, p.market_tier as market_family,
        p.provider_id, p.source_kind, s.kind_rank, p.source_id, p.offer_key,
        p.usd_per_gpu_hour, w.age_hours,
        case
            when w.age_hours > 72 then 'too_old'
            when p.is_available = false then 'not_available'
        end as bar
    from staged.affected_offer as p
    inner join answer as w on p.source_id = w.source_id and p.request_key = w.request_key
    inner join meta.source as s on p.source_id = s.source_id
    where
        p.valid_from < w.day + interval 1 day
        and (p.valid_to is null or p.valid_to >= w.day + interval 1 day)
        and p.usd_per_gpu_hour > 0
),
by_kind as (
    select
        gpu_id, day, purchase_model, commitment_months, market_family, provider_id,
        source_kind, bar,
        min(kind_rank) as kind_rank,
        string_agg(distinct source_id, ', ' order by source_id) as source_ids,
        median(usd_per_gpu_hour) as median_usd_per_gpu_hour,
        count(*) as offer_count,
        max(age_hours) as age_hours,
        md5(string_agg(
            offer_key || format('{:.12g}', usd_per_gpu_hour), ' '
            order by offer_key, usd_per_gpu_hour
        )) as offers_hash
    from standing
    group by
        gpu_id, day, purchase_model, commitment_months, market_family, provider_id,
        source_kind, bar
),
ranked as (
    select
        *,
        -- Who is sold out by its own word is not heard through a lesser kind of source.
        bar is null and kind_rank = min(case when bar is distinct from 'too_old' then kind_rank end) over (
            partition by
                gpu_id, day, purchase_model, commitment_months, market_family, provider_id
        ) as is_heard
    from by_kind
),
middle as (
    select
        gpu_id, day, purchase_model, commitment_months, market_family,
        median(ln(median_usd_per_gpu_hour)) as log_middle
    from ranked
    where is_heard
    group by gpu_id, day, purchase_model, commitment_months, market_family
),
spread as (
    select
        m.gpu_id, m.day, m.purchase_model, m.commitment_months, m.market_family, m.log_middle,
        -- List prices cluster: distances under 5 % do not measure the spread.
        greatest(median(abs(ln(r.median_usd_per_gpu_hour) - m.log_middle)), ln(1.05))
            as log_scale
    from middle as m
    inner join ranked as r
        on
            m.gpu_id = r.gpu_id and m.day = r.day and m.purchase_model = r.purchase_model
            and m.commitment_months is not distinct from r.commitment_months
            and m.market_family = r.market_family and r.is_heard
    group by
        m.gpu_id, m.day, m.purchase_model, m.commitment_months, m.market_family, m.log_middle
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
            and r.market_family = s.market_family
)
select
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
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
