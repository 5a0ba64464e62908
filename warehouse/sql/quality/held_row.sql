-- One row per offer that is held, with the first rule that holds it; its earlier price stays.
-- row_id | rowid in staged.normalised_offer
-- rule | the rule, see quality.py
-- reason | one sentence with the figures
with judged_capture as (
    select
        o.capture_id,
        count(distinct o.provider_id) as provider_count,
        max(c.predecessor_at) as predecessor_at,
        coalesce(bool_or(q.payload_sha256 is not null), false) as is_batch_accepted,
        coalesce(bool_or(c.is_after_break), false) as is_after_break
    from (
        select distinct capture_id, source_id, request_key, payload_sha256, provider_id
        from staged.normalised_offer
    ) as o
    left join quality_scope as c on o.capture_id = c.capture_id
    left join (
        select distinct source_id, payload_sha256
        from meta.quarantine
        where scope = 'batch' and state = 'accepted'
    ) as q on o.source_id = q.source_id and o.payload_sha256 = q.payload_sha256
    where o.capture_id not in (select capture_id from staged.held_capture)
    group by o.capture_id
),
offer as (
    select
        o.rowid as row_id,
        o.capture_id,
        o.offer_key,
        o.source_id,
        o.request_key,
        o.provider_id,
        o.sku,
        o.region,
        o.gpu_id,
        o.gpu_count,
        o.purchase_model,
        o.commitment_months,
        o.market_tier,
        o.source_kind,
        o.price_amount,
        o.currency,
        o.usd_per_currency_unit,
        o.usd_per_gpu_hour,
        o.payload_sha256,
        o.seen_at,
        p.low_usd_per_gpu_hour,
        p.high_usd_per_gpu_hour,
        b.usd_per_gpu_hour as believed_usd_per_gpu_hour,
        b.gpu_count as believed_gpu_count,
        b.currency as believed_currency,
        -- Two captures of a market two weeks apart may differ in anything but the unit.
        coalesce(o.seen_at - n.predecessor_at <= interval 14 day, false) as is_recent,
        o.usd_per_gpu_hour > 0 and isfinite(o.usd_per_gpu_hour) as is_price,
        if(
            b.usd_per_gpu_hour > 0 and o.usd_per_gpu_hour > 0 and isfinite(o.usd_per_gpu_hour),
            ln(o.usd_per_gpu_hour / b.usd_per_gpu_hour), null
        ) as log_ratio,
        n.provider_count,
        n.is_batch_accepted,
        n.is_batch_accepted or n.is_after_break as is_move_expected
    from staged.normalised_offer as o
    inner join judged_capture as n on o.capture_id = n.capture_id
    left join core.price_band as p on o.gpu_id = p.gpu_id
    left join quality_standing as b
        on o.capture_id = b.capture_id and o.offer_key = b.offer_key
),
duplicate as (
    select
        row_id,
        min(usd_per_gpu_hour) over same_offer = max(usd_per_gpu_hour) over same_offer as is_equal,
        row_number() over (
            same_offer order by is_price desc, usd_per_gpu_hour, price_amount, row_id
        ) as place
    from offer
    window same_offer as (partition by capture_id, offer_key)
),
-- A feed that prints one price on demand and as spot has copied one of the two.
copied as (
    select capture_id, provider_id, sku, region, market_tier, usd_per_gpu_hour
    from offer
    where is_price and source_kind = 'feed' and purchase_model in ('on_demand', 'spot')
    group by capture_id, provider_id, sku, region, market_tier, usd_per_gpu_hour
    having count(distinct purchase_model) = 2
),
on_demand as (
    select
        capture_id, provider_id, sku, region, market_tier,
        max(usd_per_gpu_hour) as usd_per_gpu_hour
    from offer
    where purchase_model = 'on_demand' and is_price
    group by capture_id, provider_id, sku, region, market_tier
),
-- The same SKU in the other regions of the same list.
peer as (
    select
        capture_id, provider_id, sku, purchase_model, commitment_months, market_tier,
        median(usd_per_gpu_hour) as usd_per_gpu_hour,
        count(*) as offer_count
    from offer
    where is_price
    group by capture_id, provider_id, sku, purchase_model, commitment_months, market_tier
    having count(*) >= 5
),
-- One price for cards of very different value is a default that was never changed.
placeholder as (
    select capture_id, provider_id, market_tier, purchase_model, usd_per_gpu_hour
    from offer
    where is_price and high_usd_per_gpu_hour is not null
    group by capture_id, provider_id, market_tier, purchase_model, usd_per_gpu_hour
    having
        count(distinct gpu_id) >= 5
        and max(high_usd_per_gpu_hour) >= 10 * min(high_usd_per_gpu_hour)
),
-- One provider of a feed whose prices all moved by one factor, where the feed as a whole did not.
provider_factor as (
    select m.capture_id, m.provider_id, any_value(d.log_ratio) as log_ratio
    from offer as m
    inner join (
        select capture_id, provider_id, mode(round(log_ratio / 0.001)) * 0.001 as log_ratio
        from offer
        where abs(log_ratio) > 0.002 and provider_count > 1 and not is_move_expected
        group by capture_id, provider_id
    ) as d on m.capture_id = d.capture_id and m.provider_id = d.provider_id
    where m.log_ratio is not null
    group by m.capture_id, m.provider_id
    having
        count(distinct m.believed_usd_per_gpu_hour) filter (
            where abs(m.log_ratio - d.log_ratio) < 0.002
        ) >= 3
        and (
            (
                exp(abs(any_value(d.log_ratio))) between 1.04 and 1.26
                and count(*) filter (where abs(m.log_ratio - d.log_ratio) < 0.002)
                >= 0.9 * count(*)
            )
            or (
                abs(any_value(d.log_ratio)) >= ln(1.5)
                and count(*) filter (where abs(m.log_ratio - d.log_ratio) < 0.002)
                >= 0.5 * count(*)
            )
        )
),
-- A price that three captures on three days confirm is a price.
seen_before as (
    select
        o.row_id,
        count(distinct q.seen_at::date) as day_count
    from offer as o
    inner join meta.quarantine as q
        on
            o.source_id = q.source_id and o.request_key = q.request_key
            and q.scope = 'row' and q.rule in ('price_jump', 'gpu_count_changed')
            and q.seen_at::date < o.seen_at::date
            and q.seen_at >= o.seen_at - interval 5 day
            and json_extract_string(q.row_json, '$.offer_key') = o.offer_key
            and abs(
                json_extract(q.row_json, '$.usd_per_gpu_hour')::double / o.usd_per_gpu_hour - 1
            ) < 0.05
    group by o.row_id
),
suspicion as (
    select
        o.row_id,
        case
            when o.usd_per_currency_unit is null then 'no_exchange_rate'
            when o.usd_per_gpu_hour is null then 'price_missing'
            when not isfinite(o.usd_per_gpu_hour) then 'price_not_finite'
            when o.usd_per_gpu_hour = 0 then 'price_zero'
            when o.usd_per_gpu_hour < 0 then 'price_negative'
            when o.gpu_count is null or o.gpu_count < 1 then 'gpu_count_implausible'
            when o.gpu_count > 72 and coalesce(g.vendor in ('nvidia', 'amd', 'intel'), true)
                then 'gpu_count_implausible'
            when d.place > 1 then if(d.is_equal, 'duplicate_row', 'duplicate_key')
            when o.usd_per_gpu_hour not between
                coalesce(o.low_usd_per_gpu_hour, 0.01)
                * if(o.purchase_model = 'spot', 0.5, 1.0)
                and coalesce(o.high_usd_per_gpu_hour, 200)
                then 'price_out_of_band'
            when o.believed_gpu_count <> o.gpu_count and not o.is_move_expected
                and o.source_kind <> 'marketplace' and coalesce(j.day_count, 0) < 2
                then 'gpu_count_changed'
            when o.believed_currency <> o.currency and not o.is_batch_accepted then 'currency_changed'
            when abs(o.log_ratio - f.log_ratio) < 0.002
                then 'provider_factor'
            when abs(o.log_ratio) >= ln(5) and o.is_recent and not o.is_move_expected
                and coalesce(j.day_count, 0) < 2
                then 'price_jump'
            when h.usd_per_gpu_hour is not null then 'placeholder'
            when o.usd_per_gpu_hour / p.usd_per_gpu_hour not between 0.2 and 5
                then 'far_from_peers'
            when e.usd_per_gpu_hour is not null then 'spot_equals_on_demand'
            when o.purchase_model = 'spot' and o.source_kind <> 'marketplace'
                and o.usd_per_gpu_hour > 1.001 * m.usd_per_gpu_hour
                then 'spot_above_on_demand'
        end as rule,
        o.usd_per_gpu_hour,
        o.believed_usd_per_gpu_hour,
        o.low_usd_per_gpu_hour,
        o.high_usd_per_gpu_hour,
        o.gpu_id,
        o.gpu_count,
        o.believed_gpu_count,
        o.currency,
        o.believed_currency,
        o.seen_at,
        o.source_id,
        o.payload_sha256,
        o.offer_key,
        p.usd_per_gpu_hour as peer_usd_per_gpu_hour,
        m.usd_per_gpu_hour as on_demand_usd_per_gpu_hour
    from offer as o
    inner join duplicate as d on o.row_id = d.row_id
    left join core.gpu as g on o.gpu_id = g.gpu_id
    left join on_demand as m
        on
            o.capture_id = m.capture_id and o.provider_id = m.provider_id and o.sku = m.sku
            and o.region is not distinct from m.region and o.market_tier = m.market_tier
    left join copied as e
        on
            o.capture_id = e.capture_id and o.provider_id = e.provider_id and o.sku = e.sku
            and o.region is not distinct from e.region and o.market_tier = e.market_tier
            and o.usd_per_gpu_hour = e.usd_per_gpu_hour
            and o.purchase_model in ('on_demand', 'spot')
    left join peer as p
        on
            o.capture_id = p.capture_id and o.provider_id = p.provider_id and o.sku = p.sku
            and o.purchase_model = p.purchase_model and o.market_tier = p.market_tier
            and o.commitment_months is not distinct from p.commitment_months
    left join placeholder as h
        on
            o.capture_id = h.capture_id and o.provider_id = h.provider_id
            and o.market_tier = h.market_tier and o.purchase_model = h.purchase_model
            and o.usd_per_gpu_hour = h.usd_per_gpu_hour
    left join provider_factor as f
        on o.capture_id = f.capture_id and o.provider_id = f.provider_id
    left join seen_before as j on o.row_id = j.row_id
),
accepted as (
    select
        source_id, payload_sha256, rule,
        json_extract_string(row_json, '$.offer_key') as offer_key
    from meta.quarantine
    where scope = 'row' and state = 'accepted'
)
select
    s.row_id,
    s.rule,
    case s.rule
        when 'no_exchange_rate'
            then format('no {} rate of the last 7 days before {}', s.currency, s.seen_at::date)
        when 'price_missing' then 'no price could be worked out'
        when 'price_out_of_band'
            then format(
                '{:.5g} USD/h is outside of {:.4g} to {:.4g} for {}',
                s.usd_per_gpu_hour,
                coalesce(s.low_usd_per_gpu_hour, 0.01),
                coalesce(s.high_usd_per_gpu_hour, 200), coalesce(s.gpu_id, 'an unknown GPU')
            )
        when 'gpu_count_implausible' then format('{} GPUs', coalesce(s.gpu_count::varchar, 'null'))
        when 'gpu_count_changed'
            then format('{} GPUs, {} before', s.gpu_count, s.believed_gpu_count)
        when 'duplicate_row' then 'the capture holds this offer more than once at this price'
        when 'duplicate_key'
            then 'the capture holds this offer more than once; the cheapest is kept'
        when 'currency_changed' then format('{}, {} before', s.currency, s.believed_currency)
        when 'placeholder'
            then format('{:.5g} USD/h for five or more unlike GPUs', s.usd_per_gpu_hour)
        when 'far_from_peers'
            then format(
                '{:.5g} USD/h where the other regions ask {:.5g}',
                s.usd_per_gpu_hour, s.peer_usd_per_gpu_hour
            )
        when 'spot_equals_on_demand'
            then format(
                '{:.5g} USD/h on demand and as spot: one is a copy of the other',
                s.usd_per_gpu_hour
            )
        when 'spot_above_on_demand'
            then format(
                'spot {:.5g} USD/h above on demand {:.5g}',
                s.usd_per_gpu_hour, s.on_demand_usd_per_gpu_hour
            )
        when 'provider_factor'
            then format(
                'with all its prices by the factor {:.5g}',
                s.usd_per_gpu_hour / s.believed_usd_per_gpu_hour
            )
        when 'price_jump'
            then format(
                '{:.5g} USD/h, {:.5g} before', s.usd_per_gpu_hour, s.believed_usd_per_gpu_hour
            )
        else format('{:.5g} USD/h', s.usd_per_gpu_hour)
    end as reason
from suspicion as s
anti join accepted as a
    on
        s.source_id = a.source_id and s.payload_sha256 = a.payload_sha256
        and s.rule = a.rule and s.offer_key = a.offer_key
where s.rule is not null
