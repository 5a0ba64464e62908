-- One row per newest value of the index, horizon and provider: what its own offers did, and whether it came or went.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- reference_region | us, europe or asia
-- horizon_days | how long ago the comparison is: 1, 7, 30, 90 or 365 [day]
-- day | day of the newest value, at most 3 days before the newest of all [UTC date]
-- then_day | day that it is compared with, at most 3 days before the horizon [UTC date]
-- provider_id | the provider
-- move | of its own offers: raised, lowered or kept; without one that stood on both days: entered, left, other_offers, or remeasured by another method
-- usd_per_gpu_hour | its median now, null where it left [USD/(GPU h)]
-- then_usd_per_gpu_hour | its median then, null where it entered [USD/(GPU h)]
-- source_kind | the kind of source that its price comes from now: api, page, marketplace or feed
-- then_source_kind | the kind that it came from then; another one is not a move of the price
-- offer_count | its offers that stood on both days, read from the same source by the same method; of a marketplace classes of machines with five asks or more [1]
-- change_fraction | mean change of those offers, on a logarithmic scale; null where there is none [1]
-- contribution_log | what it adds to the logarithm of marts.gpu_price_change.change_fraction; null where it does not compare [1]
-- method_break | its source that changed its method between the two days, and what changed: no move of a price; null where none did
-- check: each row is there once: select gpu_id from {this} group by gpu_id, purchase_model, commitment_months, market_family, reference_region, horizon_days, provider_id having count(*) > 1
-- check: a change of offers or none: select * from {this} where (change_fraction is null) <> (offer_count = 0)
with newest as (
    select max(day) as day
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null
),
value_now as (
    select i.*
    from marts.gpu_price_index as i
    inner join newest as n on i.day between n.day - 3 and n.day
    where i.usd_per_gpu_hour is not null and i.reference_region is not null
    qualify row_number() over (
        partition by
            i.gpu_id, i.purchase_model, i.commitment_months, i.market_family, i.reference_region
        order by i.day desc
    ) = 1
),
compared as (
    select
        n.gpu_id, n.purchase_model, n.commitment_months, n.market_family, n.reference_region,
        h.horizon_days, n.day, n.revision, t.day as then_day, t.revision as then_revision,
        n.methodology_version
    from value_now as n
    cross join (select unnest([1, 7, 30, 90, 365]) as horizon_days) as h
    inner join marts.gpu_price_index as t
        on
            n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family
            and n.reference_region = t.reference_region
            and n.methodology_version = t.methodology_version
            and t.day between n.day - h.horizon_days - 3 and n.day - h.horizon_days
    where t.usd_per_gpu_hour is not null
    qualify row_number() over (
        partition by
            n.gpu_id, n.purchase_model, n.commitment_months, n.market_family,
            n.reference_region, h.horizon_days
        order by t.day desc
    ) = 1
),
value_day as (
    select gpu_id, purchase_model, commitment_months, market_family, reference_region, day,
        revision, methodology_version
    from compared
    union
    select gpu_id, purchase_model, commitment_months, market_family, reference_region, then_day,
        then_revision, methodology_version
    from compared
),
-- The providers that count in these values.
counted as (
    select i.*
    from value_day as v
    inner join marts.gpu_price_index_input as i
        on
            v.gpu_id = i.gpu_id and v.purchase_model = i.purchase_model
            and v.commitment_months is not distinct from i.commitment_months
            and v.market_family = i.market_family and v.reference_region = i.reference_region
            and v.day = i.day and v.revision = i.revision
            and v.methodology_version = i.methodology_version and i.exclusion is null
),
-- Their offers in all of the part of the world: only changes count, so that levels may differ.
standing as (
    select
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.reference_region,
        c.day, c.provider_id, p.source_id, p.usd_per_gpu_hour,
        case
            when starts_with(c.market_family, 'marketplace')
                then concat_ws(
                    '|', r.area,
                    case
                        when p.gpu_count >= 8 then 8 when p.gpu_count >= 4 then 4
                        when p.gpu_count >= 2 then 2 else 1
                    end
                )
            else concat_ws('|', p.offer_key, p.gpu_count, coalesce(p.upfront_fraction, 0))
        end as item
    from counted as c
    inner join core.offer_price as p
        on
            c.gpu_id = p.gpu_id and c.purchase_model = p.purchase_model
            and c.commitment_months is not distinct from p.commitment_months
            and c.market_family = p.market_tier and c.provider_id = p.provider_id
            and list_contains(string_split(c.source_ids, ', '), p.source_id)
            and p.superseded_at is null and p.valid_from < c.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= c.day + interval 1 day)
    left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
    inner join staged.answer as w
        on
            p.source_id = w.source_id and p.request_key = w.request_key
            and w.seen_at < c.day + interval 1 day
            and coalesce(w.next_at, cast('9999-12-31' as timestamp)) >= c.day + interval 1 day
    inner join meta.source as s on p.source_id = s.source_id
    left join staged.offer_stated as t
        on
            p.source_id = t.source_id and p.request_key = t.request_key
            and p.offer_key = t.offer_key and w.seen_at = t.seen_at
    where
        reference_region_of(r.country, r.area) = c.reference_region
        and p.is_available is distinct from false
        and (
            t.source_time is null
            or date_diff('minute', t.source_time, c.day + interval 1 day)
            <= 60 * greatest(72, 2 * coalesce(s.cadence_hours, 0))
        )
),
item_day as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, day,
        provider_id, source_id, item, median(usd_per_gpu_hour) as usd_per_gpu_hour
    from standing
    group by
        gpu_id, purchase_model, commitment_months, market_family, reference_region, day,
        provider_id, source_id, item
    -- Below five asks the middle of a class of machines says little.
    having not starts_with(market_family, 'marketplace') or count(*) >= 5
),
matched as (
    select
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.reference_region,
        c.horizon_days, n.provider_id,
        count(*) as offer_count,
        avg(ln(n.usd_per_gpu_hour / t.usd_per_gpu_hour)) as log_change
    from compared as c
    inner join item_day as n
        on
            c.gpu_id = n.gpu_id and c.purchase_model = n.purchase_model
            and c.commitment_months is not distinct from n.commitment_months
            and c.market_family = n.market_family and c.reference_region = n.reference_region
            and c.day = n.day
    inner join item_day as t
        on
            n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family and n.reference_region = t.reference_region
            and n.provider_id = t.provider_id and n.source_id = t.source_id
            and n.item = t.item and c.then_day = t.day
    anti join core.method_break as b
        on n.source_id = b.source_id and b.break_on <= c.day and b.settled_on > c.then_day
    group by
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.reference_region,
        c.horizon_days, n.provider_id
),
paired as (
    select
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.reference_region,
        c.horizon_days, c.day, c.then_day, i.provider_id,
        max(case when i.day = c.day then i.median_usd_per_gpu_hour end) as usd_per_gpu_hour,
        max(case when i.day = c.then_day then i.median_usd_per_gpu_hour end)
            as then_usd_per_gpu_hour,
        max(case when i.day = c.day then i.source_kind end) as source_kind,
        max(case when i.day = c.then_day then i.source_kind end) as then_source_kind,
        min(format('{}: {}', b.source_id, b.change)) as method_break
    from compared as c
    inner join counted as i
        on
            c.gpu_id = i.gpu_id and c.purchase_model = i.purchase_model
            and c.commitment_months is not distinct from i.commitment_months
            and c.market_family = i.market_family and c.reference_region = i.reference_region
            and i.day in (c.day, c.then_day)
    left join core.method_break as b
        on
            list_contains(string_split(i.source_ids, ', '), b.source_id)
            and b.break_on <= c.day and b.settled_on > c.then_day
    group by
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.reference_region,
        c.horizon_days, c.day, c.then_day, i.provider_id
)
select
    a.gpu_id,
    a.purchase_model,
    a.commitment_months,
    a.market_family,
    a.reference_region,
    a.horizon_days,
    a.day,
    a.then_day,
    a.provider_id,
    case
        when a.then_usd_per_gpu_hour is null then 'entered'
        when a.usd_per_gpu_hour is null then 'left'
        when m.log_change > 1e-9 then 'raised'
        when m.log_change < -1e-9 then 'lowered'
        when m.log_change is not null then 'kept'
        when a.method_break is not null then 'remeasured'
        else 'other_offers'
    end as move,
    a.usd_per_gpu_hour,
    a.then_usd_per_gpu_hour,
    a.source_kind,
    a.then_source_kind,
    coalesce(m.offer_count, 0) as offer_count,
    exp(m.log_change) - 1 as change_fraction,
    m.log_change / count(m.log_change) over (
        partition by
            a.gpu_id, a.purchase_model, a.commitment_months, a.market_family,
            a.reference_region, a.horizon_days
    ) as contribution_log,
    a.method_break
from paired as a
left join matched as m
    on
        a.gpu_id = m.gpu_id and a.purchase_model = m.purchase_model
        and a.commitment_months is not distinct from m.commitment_months
        and a.market_family = m.market_family and a.reference_region = m.reference_region
        and a.horizon_days = m.horizon_days and a.provider_id = m.provider_id
