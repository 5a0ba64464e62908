-- One row per newest value of the index, horizon and provider: the provider's price then and now.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- horizon_days | how long ago the comparison is: 1, 7, 30, 90 or 365 [day]
-- day | day of the newest value, at most 3 days before the newest of all [UTC date]
-- then_day | day that it is compared with, at most 3 days before the horizon [UTC date]
-- provider_id | the provider
-- move | raised, lowered, kept, entered, left, or remeasured: there on both days, but by another method
-- usd_per_gpu_hour | its median now, null where it left [USD/(GPU h)]
-- then_usd_per_gpu_hour | its median then, null where it entered [USD/(GPU h)]
-- source_kind | the kind of source that its price comes from now: api, page, marketplace or feed
-- then_source_kind | the kind that it came from then; another one is not a move of the price
-- change_fraction | its own change, null where it entered or left [1]
-- method_break | its source that changed its method between the two days, and what changed: no move of a price; null where none did
-- contribution_usd_per_gpu_hour | the index now minus the index if this provider alone had not changed [USD/(GPU h)]
-- check: each row is there once: select gpu_id from {this} group by gpu_id, purchase_model, commitment_months, market_family, horizon_days, provider_id having count(*) > 1
with newest as (
    select max(day) as day
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null
),
value_now as (
    select i.*
    from marts.gpu_price_index as i
    inner join newest as n on i.day between n.day - 3 and n.day
    where i.usd_per_gpu_hour is not null
    qualify row_number() over (
        partition by i.gpu_id, i.purchase_model, i.commitment_months, i.market_family
        order by i.day desc
    ) = 1
),
compared as (
    select
        n.gpu_id, n.purchase_model, n.commitment_months, n.market_family, h.horizon_days, n.day,
        n.revision, n.methodology_version, t.day as then_day, t.revision as then_revision,
        t.methodology_version as then_methodology_version
    from value_now as n
    cross join (select unnest([1, 7, 30, 90, 365]) as horizon_days) as h
    inner join marts.gpu_price_index as t
        on
            n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family
            and t.day between n.day - h.horizon_days - 3 and n.day - h.horizon_days
    where t.usd_per_gpu_hour is not null
    qualify row_number() over (
        partition by
            n.gpu_id, n.purchase_model, n.commitment_months, n.market_family, h.horizon_days
        order by t.day desc
    ) = 1
),
asked as (
    select
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.horizon_days,
        c.day, c.then_day, i.provider_id,
        max(case when i.day = c.day then i.median_usd_per_gpu_hour end) as usd_per_gpu_hour,
        max(case when i.day = c.then_day then i.median_usd_per_gpu_hour end)
            as then_usd_per_gpu_hour,
        max(case when i.day = c.day then i.source_kind end) as source_kind,
        max(case when i.day = c.then_day then i.source_kind end) as then_source_kind,
        min(format('{}: {}', b.source_id, b.change)) as method_break
    from compared as c
    inner join marts.gpu_price_index_input as i
        on
            c.gpu_id = i.gpu_id and c.purchase_model = i.purchase_model
            and c.commitment_months is not distinct from i.commitment_months
            and c.market_family = i.market_family and i.exclusion is null
            and (
                (
                    i.day = c.day and i.revision = c.revision
                    and i.methodology_version = c.methodology_version
                )
                or (
                    i.day = c.then_day and i.revision = c.then_revision
                    and i.methodology_version = c.then_methodology_version
                )
            )
    left join core.method_break as b
        on
            list_contains(string_split(i.source_ids, ', '), b.source_id)
            and b.break_on <= c.day and b.settled_on > c.then_day
    group by
        c.gpu_id, c.purchase_model, c.commitment_months, c.market_family, c.horizon_days,
        c.day, c.then_day, i.provider_id
),
-- The index if one provider had not changed: without it if it entered, with it if it left.
counterfactual as (
    select
        a.gpu_id, a.purchase_model, a.commitment_months, a.market_family, a.horizon_days,
        a.provider_id,
        median(o.usd_per_gpu_hour) as index_now,
        median(case when o.provider_id = a.provider_id then o.then_usd_per_gpu_hour
            else o.usd_per_gpu_hour end) as index_if_kept
    from asked as a
    inner join asked as o
        on
            a.gpu_id = o.gpu_id and a.purchase_model = o.purchase_model
            and a.commitment_months is not distinct from o.commitment_months
            and a.market_family = o.market_family and a.horizon_days = o.horizon_days
    group by
        a.gpu_id, a.purchase_model, a.commitment_months, a.market_family, a.horizon_days,
        a.provider_id
)
select
    a.gpu_id,
    a.purchase_model,
    a.commitment_months,
    a.market_family,
    a.horizon_days,
    a.day,
    a.then_day,
    a.provider_id,
    case
        when a.then_usd_per_gpu_hour is null then 'entered'
        when a.usd_per_gpu_hour is null then 'left'
        when a.method_break is not null then 'remeasured'
        when a.usd_per_gpu_hour > a.then_usd_per_gpu_hour * (1 + 1e-9) then 'raised'
        when a.usd_per_gpu_hour < a.then_usd_per_gpu_hour * (1 - 1e-9) then 'lowered'
        else 'kept'
    end as move,
    a.usd_per_gpu_hour,
    a.then_usd_per_gpu_hour,
    a.source_kind,
    a.then_source_kind,
    a.usd_per_gpu_hour / a.then_usd_per_gpu_hour - 1 as change_fraction,
    a.method_break,
    c.index_now - c.index_if_kept as contribution_usd_per_gpu_hour
from asked as a
inner join counterfactual as c
    on
        a.gpu_id = c.gpu_id and a.purchase_model = c.purchase_model
        and a.commitment_months is not distinct from c.commitment_months
        and a.market_family = c.market_family and a.horizon_days = c.horizon_days
        and a.provider_id = c.provider_id
