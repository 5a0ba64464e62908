-- One row per capture of token prices and rule that holds it as a whole; earlier prices stay.
-- capture_id | the capture
-- rule | row_count_fall, common_factor, aggregate_drift, share_changed, input_output_swapped, reference_factor or witness_factor
-- reason | one sentence with the figures, and the lists that bear witness
with fresh as (
    select
        capture_id,
        api_price_key,
        any_value(is_plain) as is_plain,
        any_value(model_id) as model_id,
        max(usd_per_million_input_tokens) as input,
        max(usd_per_million_output_tokens) as output,
        max(usd_per_million_tokens_blended) as blended
    from api_price_observation
    group by capture_id, api_price_key
),
size as (
    select capture_id, count(*) as row_count
    from fresh
    group by capture_id
),
believed as (
    select capture_id, count(*) as row_count
    from api_price_standing
    group by capture_id
),
-- One row per printed amount that stood before: input, output and cached input apart.
amount as (
    select
        f.capture_id,
        unnest([b.usd_per_million_input_tokens, b.usd_per_million_output_tokens]) as believed,
        unnest([f.input, f.output]) as printed
    from fresh as f
    inner join api_price_standing as b
        on f.capture_id = b.capture_id and f.api_price_key = b.api_price_key
),
moved as (
    select capture_id, believed, ln(printed / believed) as log_ratio
    from amount
    where believed > 0 and printed > 0
),
common as (
    select
        m.capture_id,
        count(*) as matched_count,
        count(*) filter (where abs(m.log_ratio) > 0.002) as moved_count,
        median(m.log_ratio) as median_log_ratio,
        any_value(d.log_ratio) as common_log_ratio,
        count(*) filter (where abs(m.log_ratio - d.log_ratio) < 0.002) as common_count,
        count(distinct m.believed) filter (where abs(m.log_ratio - d.log_ratio) < 0.002)
            as common_price_count
    from moved as m
    left join (
        select capture_id, mode(round(log_ratio / 0.001)) * 0.001 as log_ratio
        from moved
        where abs(log_ratio) > 0.002
        group by capture_id
    ) as d on m.capture_id = d.capture_id
    group by m.capture_id
),
swapped as (
    select
        capture_id,
        count(*) as priced_count,
        count(*) filter (where output < 0.999 * input) as below_count
    from fresh
    where is_plain and input > 0 and output > 0
    group by capture_id
),
-- What the list asks for the reference models, against the middle price of each.
reference as (
    select
        f.capture_id,
        count(distinct f.model_id) as model_count,
        median(ln(f.blended / m.median_usd_per_million_tokens)) as log_ratio
    from fresh as f
    inner join core.api_price_median as m on f.model_id = m.model_id
    where f.is_plain and f.blended > 0
    group by f.capture_id
),
suspicion as (
    select
        n.capture_id,
        'row_count_fall' as rule,
        format('{} prices, {} before', n.row_count, b.row_count) as reason
    from size as n
    inner join believed as b on n.capture_id = b.capture_id
    where b.row_count >= 4 and n.row_count < 0.7 * b.row_count
    union all
    select
        capture_id,
        'common_factor',
        format(
            '{} of {} prices moved by the factor {:.5g}',
            common_count, matched_count, exp(common_log_ratio)
        )
    from common
    where
        common_price_count >= 3 and common_count >= 0.3 * matched_count
        and abs(common_log_ratio) >= ln(1.5)
    union all
    select
        capture_id,
        'aggregate_drift',
        format(
            'the middle price of {} moved by the factor {:.3f}',
            matched_count, exp(median_log_ratio)
        )
    from common
    where matched_count >= 5 and abs(median_log_ratio) > ln(1.4)
    union all
    select
        capture_id,
        'share_changed',
        format('{} of {} prices changed', moved_count, matched_count)
    from common
    where matched_count >= 10 and moved_count > 0.5 * matched_count
    union all
    select
        capture_id,
        'input_output_swapped',
        format('{} of {} models cost less to write than to read', below_count, priced_count)
    from swapped
    where below_count >= 3 and below_count > 0.1 * priced_count
    union all
    select
        capture_id,
        'reference_factor',
        format(
            'the prices of {} reference models are {:.4g} times their middle prices',
            model_count, exp(log_ratio)
        )
    from reference
    where model_count >= 3 and abs(log_ratio) > ln(4)
),
-- Lists compared by what they print for the same model of the same provider. A capture that a rule
-- above suspects bears no witness.
pair as (
    select
        a.capture_id,
        b.source_id as witness_id,
        count(*) as pair_count,
        median(ln(a.blended / b.usd_per_million_tokens_blended)) as log_ratio
    from (
        select capture_id, source_id, api_provider_id, folded_model,
            min(usd_per_million_tokens_blended) as blended
        from api_price_peer
        where capture_id is not null
        group by capture_id, source_id, api_provider_id, folded_model
    ) as a
    inner join api_price_peer as b
        on
            a.source_id <> b.source_id and a.api_provider_id = b.api_provider_id
            and a.folded_model = b.folded_model
    where b.capture_id is null or b.capture_id not in (select capture_id from suspicion)
    group by a.capture_id, b.source_id
    having count(*) >= 5
),
witness as (
    select
        p.capture_id,
        count(*) filter (where abs(p.log_ratio) > ln(1.5)) as against_count,
        count(*) filter (where abs(p.log_ratio) <= ln(1.5)) as for_count,
        string_agg(p.witness_id, ' and ' order by p.witness_id)
            filter (where abs(p.log_ratio) > ln(1.5)) as against,
        median(p.log_ratio) filter (where abs(p.log_ratio) > ln(1.5)) as log_ratio,
        sum(p.pair_count) filter (where abs(p.log_ratio) > ln(1.5)) as pair_count,
        coalesce(any_value(r.model_count) >= 3, false) as is_known_level
    from pair as p
    left join reference as r on p.capture_id = r.capture_id
    group by p.capture_id
),
doubted as (
    select * from suspicion
    union all
    select
        capture_id,
        'witness_factor',
        format(
            'its prices are {:.4g} times those of {} (the middle of {} prices)',
            exp(log_ratio), against, pair_count
        )
    from witness
    -- One list alone against a list whose reference prices are right is itself in doubt.
    where against_count > for_count and (against_count > 1 or not is_known_level)
),
-- A list that is as small on another day shrank; other prices that stay for three days hold. A
-- common factor, swapped sides and what other lists deny are accepted by a person only.
seen_before as (
    select d.capture_id, d.rule, count(distinct q.seen_at::date) as day_count
    from doubted as d
    inner join good_api_capture as c on d.capture_id = c.capture_id
    inner join meta.quarantine as q
        on
            c.source_id = q.source_id and c.request_key = q.request_key
            and q.scope = 'batch' and d.rule = q.rule
            and q.seen_at::date < c.seen_at::date
            and q.seen_at >= c.seen_at - interval 120 day
    group by d.capture_id, d.rule
),
accepted as (
    select distinct c.capture_id
    from good_api_capture as c
    inner join meta.quarantine as q
        on
            c.source_id = q.source_id and c.request_key = q.request_key
            and c.payload_sha256 = q.payload_sha256
    where q.scope = 'batch' and q.state = 'accepted'
)
select d.capture_id, d.rule, d.reason
from doubted as d
left join seen_before as b on d.capture_id = b.capture_id and d.rule = b.rule
where
    d.capture_id not in (select capture_id from accepted)
    and coalesce(b.day_count, 0) < case
        when d.rule = 'row_count_fall' then 1
        when d.rule in ('aggregate_drift', 'share_changed') then 2
        else 1000
    end
