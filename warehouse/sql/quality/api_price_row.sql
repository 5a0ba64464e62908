-- One row per token price that is held, with the first rule that holds it; its earlier price stays.
-- row_id | rowid in api_price_observation
-- rule | the rule, see api_price_quality.py
-- reason | one sentence with the figures
with price as (
    select
        o.rowid as row_id,
        o.*,
        o.usd_per_million_input_tokens as input,
        o.usd_per_million_output_tokens as output,
        o.usd_per_million_tokens_blended as blended,
        o.is_plain and o.usd_per_million_tokens_blended > 0 as is_compared,
        b.usd_per_million_input_tokens as believed_input,
        b.usd_per_million_output_tokens as believed_output,
        ln(input / nullif(b.usd_per_million_input_tokens, 0)) as input_log_ratio,
        ln(output / nullif(b.usd_per_million_output_tokens, 0)) as output_log_ratio,
        exists (
            from meta.quarantine as q
            where q.scope = 'batch' and q.state = 'accepted'
                and q.source_id = o.source_id and q.payload_sha256 = o.payload_sha256
        ) as is_batch_accepted
    from api_price_observation as o
    left join api_price_standing as b
        on
            o.capture_id = b.capture_id and o.api_price_key = b.api_price_key
            and o.usd_per_million_input_tokens > 0 and o.usd_per_million_output_tokens > 0
    where o.capture_id not in (select capture_id from held_batch)
),
-- A row belongs to its provider, and to those of its models that have one path (one maker).
seller as (
    select row_id, unnest([
        api_provider_id, api_provider_id || '/' || regexp_extract(api_model_id, '^(.*/)?', 1)
    ]) as seller
    from price
),
duplicate as (
    select
        row_id,
        min(input) over same is not distinct from max(input) over same
        and min(output) over same is not distinct from max(output) over same as is_equal,
        count(*) over same as row_count,
        row_number() over (same order by row_id) as place
    from price
    window same as (partition by capture_id, api_price_key)
),
peer as (
    select *
    from api_price_peer
    where capture_id is null or capture_id not in (select capture_id from held_batch)
),
-- What all others ask for the model: other providers, and the same provider in other lists.
consensus as (
    select
        p.row_id,
        median(e.blended) as peer_blended,
        count(*) as peer_count,
        min(abs(ln(p.blended / e.blended))) as nearest_log_ratio
    from price as p
    inner join (
        select source_id, api_provider_id, folded_model,
            median(usd_per_million_tokens_blended) as blended
        from peer
        group by source_id, api_provider_id, folded_model
    ) as e
        on
            p.folded_model = e.folded_model
            and (p.source_id <> e.source_id or p.api_provider_id <> e.api_provider_id)
    where p.is_compared
    group by p.row_id
),
-- What the other lists print for the same model of the same provider.
witness as (
    select
        p.row_id,
        string_agg(distinct e.source_id, ' and ' order by e.source_id) as witness_ids,
        median(e.usd_per_million_tokens_blended) as blended,
        median(e.usd_per_million_input_tokens) as input,
        median(e.usd_per_million_output_tokens) as output
    from price as p
    inner join peer as e
        on
            p.source_id <> e.source_id and p.api_provider_id = e.api_provider_id
            and p.folded_model = e.folded_model
    group by p.row_id
),
-- A seller whose prices mostly differ from those of all others is printed in another unit.
seller_unit as (
    select
        p.capture_id,
        s.seller,
        median(ln(p.blended / c.peer_blended)) as log_ratio
    from price as p
    inner join seller as s on p.row_id = s.row_id
    inner join consensus as c on p.row_id = c.row_id
    where c.peer_count >= 2
    group by p.capture_id, s.seller
    having count(distinct p.folded_model) >= 3 and abs(log_ratio) > ln(8)
),
provider_unit as (
    select s.row_id, any_value(u.log_ratio) as log_ratio
    from price as p
    inner join seller as s on p.row_id = s.row_id
    inner join seller_unit as u on p.capture_id = u.capture_id and s.seller = u.seller
    group by s.row_id
),
provider_middle as (
    select capture_id, api_provider_id, median(blended) as blended, count(*) as row_count
    from price
    where is_compared
    group by capture_id, api_provider_id
),
-- One seller of a list whose prices all moved by one factor, where the list as a whole did not.
seller_move as (
    select p.capture_id, s.seller, unnest([p.input_log_ratio, p.output_log_ratio]) as log_ratio,
        unnest([p.believed_input, p.believed_output]) as believed
    from price as p
    inner join seller as s on p.row_id = s.row_id
    where not p.is_batch_accepted
),
seller_factor as (
    select m.capture_id, m.seller, any_value(d.log_ratio) as log_ratio
    from seller_move as m
    inner join (
        select capture_id, seller, mode(round(log_ratio / 0.001)) * 0.001 as log_ratio
        from seller_move
        where abs(log_ratio) > 0.002
        group by capture_id, seller
    ) as d on m.capture_id = d.capture_id and m.seller = d.seller
    where m.log_ratio is not null
    group by m.capture_id, m.seller
    having
        abs(any_value(d.log_ratio)) >= ln(1.5)
        and count(distinct m.believed) filter (where abs(m.log_ratio - d.log_ratio) < 0.002) >= 3
        and count(*) filter (where abs(m.log_ratio - d.log_ratio) < 0.002) >= 0.5 * count(*)
),
provider_factor as (
    select s.row_id, any_value(f.log_ratio) as log_ratio
    from price as p
    inner join seller as s on p.row_id = s.row_id
    inner join seller_factor as f on p.capture_id = f.capture_id and s.seller = f.seller
    where abs(p.input_log_ratio - f.log_ratio) < 0.002
        or abs(p.output_log_ratio - f.log_ratio) < 0.002
    group by s.row_id
),
-- A model that cost something, in this list before or in another one now.
paid as (
    select f.row_id
    from price as f
    inner join api_price_standing as b
        on
            f.capture_id = b.capture_id and f.api_provider_id = b.api_provider_id
            and f.api_model_id = b.api_model_id
    where f.variant = 'free' and b.variant is null
        and b.usd_per_million_input_tokens + b.usd_per_million_output_tokens > 0
    union
    select f.row_id
    from price as f
    inner join peer as e
        on
            f.source_id <> e.source_id and f.api_provider_id = e.api_provider_id
            and f.folded_model = e.folded_model
    where f.variant = 'free'
),
-- A price that three captures on three days confirm is a price.
seen_before as (
    select o.row_id, count(distinct q.seen_at::date) as day_count
    from price as o
    inner join meta.quarantine as q
        on
            o.source_id = q.source_id and o.request_key = q.request_key
            and q.scope = 'row' and q.rule = 'price_jump'
            and q.seen_at::date < o.seen_at::date
            and q.seen_at >= o.seen_at - interval 120 day
            and json_extract_string(q.row_json, '$.api_price_key') = o.api_price_key
            and abs(
                json_extract(q.row_json, '$.usd_per_million_tokens_blended')::double
                / o.blended - 1
            ) < 0.05
    group by o.row_id
),
suspicion as (
    select
        p.*,
        c.peer_blended,
        c.peer_count,
        w.witness_ids,
        w.blended as witness_blended,
        k.median_usd_per_million_tokens,
        t.blended as middle_blended,
        u.log_ratio as unit_log_ratio,
        f.log_ratio as factor_log_ratio,
        case
            when d.row_count > 1 and not d.is_equal then 'duplicate_key'
            when d.place > 1 then 'duplicate_row'
            when (p.input = 0 and p.output > 0) or (p.output = 0 and p.input > 0)
                or p.row_id in (select row_id from paid)
                then 'price_zero'
            when u.log_ratio is not null and p.blended > 0 then 'provider_unit'
            when p.is_compared and abs(ln(p.blended / k.median_usd_per_million_tokens)) > ln(10)
                then 'price_out_of_band'
            when p.is_compared and c.peer_count >= 3
                and abs(ln(p.blended / c.peer_blended)) > ln(20)
                then 'far_from_peers'
            when p.is_compared and abs(ln(p.blended / w.blended)) > ln(20)
                then 'far_from_witness'
            when p.is_compared and p.blended > 100 and t.row_count >= 3
                and p.blended > 100 * t.blended and coalesce(c.nearest_log_ratio > ln(3), true)
                then 'far_from_provider'
            when p.is_plain and p.input > 0 and p.output > 0 and p.output < 0.5 * p.input
                and not coalesce(w.output < w.input, false)
                then 'output_below_input'
            when f.log_ratio is not null then 'provider_factor'
            when greatest(abs(p.input_log_ratio), abs(p.output_log_ratio)) > ln(6)
                and not p.is_batch_accepted and coalesce(j.day_count, 0) < 2
                -- others ask that too
                and not coalesce(abs(ln(p.blended / w.blended)) < ln(1.25), false)
                and not coalesce(
                    c.peer_count >= 3 and abs(ln(p.blended / c.peer_blended)) < ln(2), false
                )
                then 'price_jump'
        end as rule
    from price as p
    inner join duplicate as d on p.row_id = d.row_id
    left join consensus as c on p.row_id = c.row_id
    left join witness as w on p.row_id = w.row_id
    left join core.api_price_median as k on p.model_id = k.model_id
    left join provider_unit as u on p.row_id = u.row_id
    left join provider_middle as t
        on p.capture_id = t.capture_id and p.api_provider_id = t.api_provider_id
    left join provider_factor as f on p.row_id = f.row_id
    left join seen_before as j on p.row_id = j.row_id
),
accepted as (
    select
        source_id, payload_sha256, rule,
        json_extract_string(row_json, '$.api_price_key') as api_price_key
    from meta.quarantine
    where scope = 'row' and state = 'accepted'
)
select
    s.row_id,
    s.rule,
    case s.rule
        when 'duplicate_key'
            then format(
                '{} of {} stands there more than once, at different prices',
                s.api_model_id, s.api_provider_id
            )
        when 'duplicate_row' then 'the capture holds this price more than once'
        when 'price_zero'
            then format(
                'input {:.5g}, output {:.5g}: a fee per request, or not said',
                coalesce(s.input, 0), coalesce(s.output, 0)
            )
        when 'provider_unit'
            then format(
                'the prices of {} are {:.4g} times what others ask for the same models',
                s.api_provider_id, exp(s.unit_log_ratio)
            )
        when 'price_out_of_band'
            then format(
                '{:.5g} USD per million tokens is not between {:.4g} and {:.4g} for {}',
                s.blended, s.median_usd_per_million_tokens / 10,
                s.median_usd_per_million_tokens * 10, s.model_id
            )
        when 'far_from_peers'
            then format(
                '{:.5g} USD per million tokens where {} others ask {:.5g}',
                s.blended, s.peer_count, s.peer_blended
            )
        when 'far_from_witness'
            then format(
                '{:.5g} USD per million tokens, {:.5g} in {}',
                s.blended, s.witness_blended, s.witness_ids
            )
        when 'far_from_provider'
            then format(
                '{:.5g} USD per million tokens where the middle of {} is {:.5g}',
                s.blended, s.api_provider_id, s.middle_blended
            )
        when 'output_below_input'
            then format('output costs {:.5g}, input {:.5g}', s.output, s.input)
        when 'provider_factor'
            then format(
                'with all prices of {} by the factor {:.5g}',
                s.api_provider_id, exp(s.factor_log_ratio)
            )
        when 'price_jump'
            then format(
                'input {:.5g} and output {:.5g}, {:.5g} and {:.5g} before',
                s.input, s.output, s.believed_input, s.believed_output
            )
    end as reason
from suspicion as s
anti join accepted as a
    on
        s.source_id = a.source_id and s.payload_sha256 = a.payload_sha256
        and s.rule = a.rule and s.api_price_key = a.api_price_key
where s.rule is not null
