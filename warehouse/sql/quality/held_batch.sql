-- One row per capture and rule that holds it as a whole: earlier rows stay until it is decided.
-- capture_id | the capture
-- rule | row_count_fall, gpus_gone, duplicate_share, currency_factor, common_factor, per_node_factor, aggregate_drift, currency_changed or unit_changed
-- reason | one sentence with the figures
with judged_capture as (
    select
        c.*,
        -- Two captures of a market two weeks apart may differ in anything but the unit.
        c.seen_at - s.predecessor_at <= interval 14 day as is_recent,
        s.is_after_break
    from quality_capture as c
    inner join quality_scope as s on c.capture_id = s.capture_id
    left join meta.source as d on c.source_id = d.source_id
    where
        -- A first answer has no earlier one to compare with.
        s.predecessor_at is not null
        -- A source that lists only what is free may have nothing: that ends its offers.
        and not (
            coalesce(d.may_be_empty, false)
            and c.capture_id not in (select capture_id from staged.normalised_offer)
        )
),
fresh as (
    select
        o.capture_id,
        o.source_id,
        o.request_key,
        o.offer_key,
        min(o.usd_per_gpu_hour) as usd_per_gpu_hour,
        max(o.usd_per_gpu_hour) as highest_usd_per_gpu_hour,
        count(*) as row_count,
        any_value(o.gpu_count) as gpu_count,
        any_value(o.currency) as currency,
        any_value(o.price_basis || '/' || o.price_unit) as unit,
        any_value(coalesce(o.gpu_id, o.gpu_name_printed)) as gpu,
        any_value(o.source_kind) = 'marketplace' as is_marketplace
    from staged.normalised_offer as o
    group by o.capture_id, o.source_id, o.request_key, o.offer_key
),
matched as (
    select
        f.*,
        b.usd_per_gpu_hour as believed_usd_per_gpu_hour,
        b.currency as believed_currency,
        b.price_basis || '/' || b.price_unit as believed_unit,
        ln(f.usd_per_gpu_hour / b.usd_per_gpu_hour) as log_ratio
    from fresh as f
    inner join quality_standing as b
        on f.capture_id = b.capture_id and f.offer_key = b.offer_key
    where f.usd_per_gpu_hour > 0 and isfinite(f.usd_per_gpu_hour) and b.usd_per_gpu_hour > 0
),
-- The ratio to the previous answer that most rows share.
common as (
    select
        m.capture_id,
        count(*) as matched_count,
        median(m.log_ratio) as median_log_ratio,
        bool_or(m.is_marketplace) as is_marketplace,
        median(m.log_ratio) filter (where abs(m.log_ratio - d.log_ratio) < 0.002)
            as common_log_ratio,
        count(*) filter (where abs(m.log_ratio - d.log_ratio) < 0.002) as common_count,
        count(distinct m.believed_usd_per_gpu_hour) filter (
            where abs(m.log_ratio - d.log_ratio) < 0.002
        ) as common_price_count,
        count(*) filter (where m.gpu_count > 1) as several_count,
        count(distinct m.gpu_count) filter (where m.gpu_count > 1) as several_sizes,
        count(*) filter (
            where m.gpu_count > 1 and abs(m.log_ratio - ln(greatest(m.gpu_count, 1))) < 0.01
        ) as times_count,
        count(*) filter (
            where m.gpu_count > 1 and abs(m.log_ratio + ln(greatest(m.gpu_count, 1))) < 0.01
        ) as divided_count,
        count(*) filter (where m.currency <> m.believed_currency) as other_currency_count,
        count(*) filter (where m.unit <> m.believed_unit) as other_unit_count
    from matched as m
    left join (
        select capture_id, mode(round(log_ratio / 0.001)) * 0.001 as log_ratio
        from matched
        where abs(log_ratio) > 0.002
        group by capture_id
    ) as d on m.capture_id = d.capture_id
    group by m.capture_id
),
size as (
    select
        capture_id,
        count(*) as offer_count,
        count(*) filter (where highest_usd_per_gpu_hour > 1.01 * usd_per_gpu_hour)
            as conflict_count
    from fresh
    group by capture_id
),
believed as (
    select
        c.capture_id,
        count(*) as offer_count,
        -- Machines come and go on a marketplace; a list is edited by hand.
        any_value(b.source_kind) = 'marketplace' as is_marketplace
    from judged_capture as c
    inner join quality_standing as b on c.capture_id = b.capture_id
    group by c.capture_id
),
gpus as (
    select
        c.capture_id,
        count(*) as gpu_count,
        count(*) filter (where f.gpu is null) as gone_count
    from judged_capture as c
    inner join (
        select distinct capture_id, coalesce(gpu_id, gpu_name_printed) as gpu
        from quality_standing
    ) as b on c.capture_id = b.capture_id
    left join (select distinct capture_id, gpu from fresh) as f
        on c.capture_id = f.capture_id and b.gpu = f.gpu
    group by c.capture_id
),
-- A source may print a key with several prices every day; more than usual is a fault.
usual_conflicts as (
    select c.capture_id, count(q.held_id) as conflict_count
    from judged_capture as c
    left join meta.quarantine as q
        on
            c.source_id = q.source_id and c.request_key = q.request_key
            and q.rule = 'duplicate_key' and q.scope = 'row' and q.seen_at < c.seen_at
            and q.seen_at >= c.seen_at - interval 14 day
    group by c.capture_id
),
suspicion as (
    select
        c.capture_id,
        'row_count_fall' as rule,
        format('{} offers, {} before', coalesce(n.offer_count, 0), b.offer_count) as reason
    from judged_capture as c
    inner join believed as b on c.capture_id = b.capture_id
    left join size as n on c.capture_id = n.capture_id
    where
        c.is_recent and b.offer_count >= 4
        and coalesce(n.offer_count, 0)
        < case when b.is_marketplace then 0.6 else 0.7 end * b.offer_count
    union all
    select
        c.capture_id,
        'gpus_gone',
        format('{} of {} GPUs are not offered any more', g.gone_count, g.gpu_count)
    from judged_capture as c
    inner join gpus as g on c.capture_id = g.capture_id
    where c.is_recent and g.gpu_count >= 4 and g.gone_count >= 0.5 * g.gpu_count
    union all
    select
        c.capture_id,
        'duplicate_share',
        format('{} of {} offers have two prices', n.conflict_count, n.offer_count)
    from judged_capture as c
    inner join size as n on c.capture_id = n.capture_id
    inner join usual_conflicts as u on c.capture_id = u.capture_id
    where
        n.conflict_count >= 3 and n.conflict_count > 0.1 * n.offer_count
        and u.conflict_count = 0
    union all
    select
        c.capture_id,
        'currency_factor',
        format(
            '{} of {} prices moved by the factor {:.4f}, as a change of currency would',
            r.common_count, r.matched_count, exp(r.common_log_ratio)
        )
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where
        r.common_price_count >= 3 and r.common_count >= 0.9 * r.matched_count
        and exp(abs(r.common_log_ratio)) between 1.04 and 1.26
    union all
    select
        c.capture_id,
        'common_factor',
        format(
            '{} of {} prices moved by the factor {:.5g}',
            r.common_count, r.matched_count, exp(r.common_log_ratio)
        )
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where
        r.common_price_count >= 3 and r.common_count >= 0.3 * r.matched_count
        and abs(r.common_log_ratio) >= ln(1.5)
    union all
    select
        c.capture_id,
        'per_node_factor',
        format(
            '{} of {} prices moved by their number of GPUs',
            greatest(r.times_count, r.divided_count), r.several_count
        )
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where
        r.several_count >= 3 and r.several_sizes >= 2
        and greatest(r.times_count, r.divided_count) >= 0.5 * r.several_count
    union all
    select
        c.capture_id,
        'aggregate_drift',
        format(
            'the middle price of {} moved by the factor {:.3f}',
            r.matched_count, exp(r.median_log_ratio)
        )
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where
        c.is_recent and r.matched_count >= 5
        and abs(r.median_log_ratio) > case when r.is_marketplace then ln(2) else ln(1.4) end
    union all
    select
        c.capture_id,
        'currency_changed',
        format('{} of {} offers changed their currency', r.other_currency_count, r.matched_count)
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where r.other_currency_count >= 3 and r.other_currency_count > 0.5 * r.matched_count
    union all
    select
        c.capture_id,
        'unit_changed',
        format('{} of {} offers changed their unit', r.other_unit_count, r.matched_count)
    from judged_capture as c
    inner join common as r on c.capture_id = r.capture_id
    where r.other_unit_count >= 3 and r.other_unit_count > 0.5 * r.matched_count
),
-- A source that is as small on the next day shrank with the market; a moved price must stay for
-- three. A common factor is never accepted by time alone: a person must accept it.
seen_before as (
    select s.capture_id, s.rule, count(distinct q.seen_at::date) as day_count
    from suspicion as s
    inner join judged_capture as c on s.capture_id = c.capture_id
    inner join meta.quarantine as q
        on
            c.source_id = q.source_id and c.request_key = q.request_key
            and q.scope = 'batch' and s.rule = q.rule
            and q.seen_at::date < c.seen_at::date
            and q.seen_at >= c.seen_at - interval 5 day
    group by s.capture_id, s.rule
),
accepted as (
    select distinct c.capture_id
    from judged_capture as c
    inner join meta.quarantine as q
        on
            c.source_id = q.source_id and c.request_key = q.request_key
            and c.payload_sha256 = q.payload_sha256
    where q.scope = 'batch' and q.state = 'accepted'
)
select s.capture_id, s.rule, s.reason
from suspicion as s
inner join judged_capture as j on s.capture_id = j.capture_id
left join seen_before as b on s.capture_id = b.capture_id and s.rule = b.rule
where
    s.capture_id not in (select capture_id from accepted)
    -- A change caused by a new method is not a fault; no price, two prices or another currency is.
    and not (
        j.is_after_break and s.capture_id in (select capture_id from size)
        and s.rule not in ('duplicate_share', 'currency_factor', 'currency_changed')
    )
    and coalesce(b.day_count, 0) < case
        when s.rule in ('row_count_fall', 'gpus_gone') then 1
        when s.rule = 'aggregate_drift' then 2
        else 1000
    end
