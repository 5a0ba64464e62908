-- One row per provider, GPU, purchase model, commitment and area: the price of the best source now, and whether the others agree.
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator, as the best source tells it
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- area | canonical area; anywhere where one price holds everywhere
-- source_id | the best source: first party before marketplace before feed, then the newest
-- source_kind | api, page, marketplace or feed
-- usd_per_gpu_hour | its median price [USD/(GPU h)]
-- low_usd_per_gpu_hour | its lowest price [USD/(GPU h)]
-- high_usd_per_gpu_hour | its highest price [USD/(GPU h)]
-- witness_count | other sources that speak of the same thing
-- agreeing_count | witnesses that ask the same within 5 %: for nine of ten things that both price (same GPU, region and number of GPUs), or, where they share none, within the range of the best source
-- compared_count | things that a witness and the best source both price
-- differing_count | those of them whose prices differ by over 5 %
-- verdict | agree, disagree or single_source
-- worst_source_id | the witness that differs most, null where none disagrees
-- worst_usd_per_gpu_hour | its median price [USD/(GPU h)]
-- worst_ratio | its median price over that of the best source
-- likely_cause | stale, purchase_model, form_factor, per_node, currency, host_gpu_split or unknown; null where none disagrees
-- testimony | every source with its median price and the time it was seen, best first
-- check: each row is there once: select provider_id from {this} group by provider_id, gpu_id, purchase_model, commitment_months, area having count(*) > 1
-- check: a disagreement has its likely cause: select * from {this} where (verdict = 'disagree') <> (likely_cause is not null)
with thing as (
    select
        provider_id, gpu_id, gpu_count, coalesce(region, '') as region,
        coalesce(area, 'anywhere') as area, purchase_model,
        coalesce(commitment_months, 0) as commitment_months, source_id,
        median(usd_per_gpu_hour) as usd_per_gpu_hour
    from marts.offers_latest
    where gpu_id is not null
    group by
        provider_id, gpu_id, gpu_count, coalesce(region, ''), coalesce(area, 'anywhere'),
        purchase_model, coalesce(commitment_months, 0), source_id
),
-- What two sources say about the same things.
pair as (
    select
        b.provider_id, b.gpu_id, b.purchase_model, b.commitment_months, b.area, b.source_id,
        w.source_id as witness_id,
        count(*) as compared_count,
        count(*) filter (abs(ln(w.usd_per_gpu_hour / b.usd_per_gpu_hour)) > ln(1.05))
            as differing_count,
        arg_max(
            {'usd_per_gpu_hour': w.usd_per_gpu_hour,
             'ratio': w.usd_per_gpu_hour / b.usd_per_gpu_hour},
            abs(ln(w.usd_per_gpu_hour / b.usd_per_gpu_hour))
        ) as farthest
    from thing as b
    inner join thing as w
        on
            b.provider_id = w.provider_id and b.gpu_id = w.gpu_id and b.gpu_count = w.gpu_count
            and b.region = w.region and b.area = w.area and b.purchase_model = w.purchase_model
            and b.commitment_months = w.commitment_months and b.source_id <> w.source_id
    group by
        b.provider_id, b.gpu_id, b.purchase_model, b.commitment_months, b.area, b.source_id,
        w.source_id
),
said as (
    select
        o.provider_id,
        o.gpu_id,
        string_split(o.gpu_id, '-') as words,
        o.purchase_model,
        coalesce(o.commitment_months, 0) as commitment_months,
        coalesce(o.area, 'anywhere') as area,
        o.source_id,
        any_value(o.source_kind) as source_kind,
        median(o.usd_per_gpu_hour) as usd_per_gpu_hour,
        min(o.usd_per_gpu_hour) as low_usd_per_gpu_hour,
        max(o.usd_per_gpu_hour) as high_usd_per_gpu_hour,
        bool_or(o.is_stale) as is_stale,
        bool_and(o.is_witness) as is_witness,
        max(o.seen_at) as quoted_at,
        bool_or(o.currency <> 'USD') as has_other_currency,
        list(distinct o.gpu_count) as gpu_counts,
        min(case o.source_kind
            when 'api' then 1 when 'page' then 2 when 'marketplace' then 3 else 4
        end) as kind_rank
    from marts.offers_latest as o
    where o.gpu_id is not null
    group by
        o.provider_id, o.gpu_id, o.purchase_model, coalesce(o.commitment_months, 0),
        coalesce(o.area, 'anywhere'), o.source_id
),
-- The range over all areas, to compare with sources without an area.
everywhere as (
    select
        provider_id, gpu_id, purchase_model, commitment_months, source_id,
        min(low_usd_per_gpu_hour) as low_usd_per_gpu_hour,
        max(high_usd_per_gpu_hour) as high_usd_per_gpu_hour
    from said
    group by provider_id, gpu_id, purchase_model, commitment_months, source_id
),
best as (
    select *
    from said as s
    -- A better source covers the areas that it does not distinguish; of two equal ones, the finer does.
    where not exists (
        from said as t
        where
            t.provider_id = s.provider_id and t.gpu_id = s.gpu_id
            and t.purchase_model = s.purchase_model
            and t.commitment_months = s.commitment_months
            and t.source_id <> s.source_id
            and (
                (
                    t.kind_rank < s.kind_rank
                    and (t.area = 'anywhere' or s.area = 'anywhere')
                )
                or (t.kind_rank = s.kind_rank and s.area = 'anywhere' and t.area <> 'anywhere')
            )
    )
    qualify row_number() over (
        partition by provider_id, gpu_id, purchase_model, commitment_months, area
        order by kind_rank, is_witness, is_stale, quoted_at desc, source_id
    ) = 1
),
-- A source that names no variant, or no area, covers all of them.
answered as (
    select
        b.provider_id,
        b.gpu_id,
        b.purchase_model,
        b.commitment_months,
        b.area,
        w.source_id as witness_id,
        w.gpu_id as witness_gpu_id,
        w.area as witness_area,
        w.quoted_at,
        w.kind_rank,
        if(
            p.differing_count > 0, p.farthest.usd_per_gpu_hour, w.usd_per_gpu_hour
        ) as usd_per_gpu_hour,
        if(p.differing_count > 0, p.farthest.ratio, w.usd_per_gpu_hour / b.usd_per_gpu_hour)
            as ratio,
        p.compared_count,
        p.differing_count,
        w.low_usd_per_gpu_hour
        <= 1.05 * if(w.area = b.area, b.high_usd_per_gpu_hour, e.high_usd_per_gpu_hour)
        and w.high_usd_per_gpu_hour
        >= 0.95 * if(w.area = b.area, b.low_usd_per_gpu_hour, e.low_usd_per_gpu_hour)
            as is_in_range,
        w.is_stale or w.quoted_at < b.quoted_at - interval 3 day as is_older,
        w.has_other_currency <> b.has_other_currency as is_currency_mixed,
        list_concat(w.gpu_counts, b.gpu_counts) as gpu_counts,
        b.words as words,
        b.source_id
    from best as b
    inner join said as w
        on
            b.provider_id = w.provider_id and b.purchase_model = w.purchase_model
            and b.commitment_months = w.commitment_months and b.source_id <> w.source_id
            and b.kind_rank <= w.kind_rank
            and (b.area = w.area or b.area = 'anywhere' or w.area = 'anywhere')
            and (b.gpu_id = w.gpu_id or list_has_all(b.words, w.words))
    inner join everywhere as e
        on
            b.provider_id = e.provider_id and b.gpu_id = e.gpu_id
            and b.purchase_model = e.purchase_model
            and b.commitment_months = e.commitment_months and b.source_id = e.source_id
    left join pair as p
        on
            b.provider_id = p.provider_id and b.gpu_id = p.gpu_id and b.area = p.area
            and b.purchase_model = p.purchase_model
            and b.commitment_months = p.commitment_months and b.source_id = p.source_id
            and w.source_id = p.witness_id and w.gpu_id = p.gpu_id
),
witness as (
    select
        provider_id, gpu_id, purchase_model, commitment_months, area, witness_id,
        any_value(source_id) as source_id,
        any_value(words) as words,
        -- What is said about the same things counts before what is said about the like.
        arg_min(usd_per_gpu_hour, (compared_count is null, abs(ln(ratio)), ratio))
            as usd_per_gpu_hour,
        arg_min(ratio, (compared_count is null, abs(ln(ratio)), ratio)) as ratio,
        coalesce(
            bool_and(differing_count <= 0.1 * compared_count), bool_or(is_in_range)
        ) as is_agreeing,
        max(compared_count) as compared_count,
        max(differing_count) as differing_count,
        bool_and(is_older) as is_older,
        bool_or(is_currency_mixed) as is_currency_mixed,
        flatten(list(gpu_counts)) as gpu_counts,
        max(quoted_at) as quoted_at,
        min(kind_rank) as kind_rank
    from answered
    group by provider_id, gpu_id, purchase_model, commitment_months, area, witness_id
),
-- If the witness's price appears under another heading of the best source.
explained as (
    select
        w.provider_id, w.gpu_id, w.purchase_model, w.commitment_months, w.area, w.witness_id,
        bool_or(
            s.gpu_id = w.gpu_id
            and (s.purchase_model, s.commitment_months)
            <> (w.purchase_model, w.commitment_months)
        ) as is_other_model,
        bool_or(
            s.gpu_id <> w.gpu_id and s.words[1] = w.words[1]
            and s.purchase_model = w.purchase_model
        ) as is_other_form
    from witness as w
    inner join said as s
        on
            w.provider_id = s.provider_id and w.source_id = s.source_id
            and (s.area = w.area or s.area = 'anywhere' or w.area = 'anywhere')
            and abs(w.usd_per_gpu_hour / s.usd_per_gpu_hour - 1) <= 0.02
    where not w.is_agreeing
    group by
        w.provider_id, w.gpu_id, w.purchase_model, w.commitment_months, w.area, w.witness_id
),
judged as (
    select
        w.*,
        case
            when w.is_agreeing then null
            when w.is_older then 'stale'
            when e.is_other_model then 'purchase_model'
            when e.is_other_form then 'form_factor'
            when len(list_filter(
                w.gpu_counts,
                lambda n: n > 1 and (abs(w.ratio / n - 1) < 0.01 or abs(w.ratio * n - 1) < 0.01)
            )) > 0 then 'per_node'
            when
                w.is_currency_mixed
                and greatest(w.ratio, 1 / w.ratio) between 1.03 and 1.3 then 'currency'
            -- These price the machine and its GPUs separately.
            when w.provider_id in ('gcp', 'cudo')
                and greatest(w.ratio, 1 / w.ratio) between 1.05 and 6
                then 'host_gpu_split'
            else 'unknown'
        end as likely_cause
    from witness as w
    left join explained as e
        on
            w.provider_id = e.provider_id and w.gpu_id = e.gpu_id
            and w.purchase_model = e.purchase_model
            and w.commitment_months = e.commitment_months and w.area = e.area
            and w.witness_id = e.witness_id
),
verdicts as (
    select
        provider_id, gpu_id, purchase_model, commitment_months, area,
        count(*) as witness_count,
        count(*) filter (where is_agreeing) as agreeing_count,
        sum(compared_count) as compared_count,
        sum(differing_count) as differing_count,
        arg_max(
            {
                'source_id': witness_id, 'usd_per_gpu_hour': usd_per_gpu_hour, 'ratio': ratio,
                'likely_cause': likely_cause
            },
            (abs(ln(ratio)), witness_id)
        ) filter (where not is_agreeing) as worst,
        string_agg(
            format('{} {:.4g} {}', witness_id, usd_per_gpu_hour, strftime(quoted_at, '%Y-%m-%d')),
            '; ' order by kind_rank, witness_id
        ) as testimony
    from judged
    group by provider_id, gpu_id, purchase_model, commitment_months, area
)
select
    b.provider_id,
    b.gpu_id,
    b.purchase_model,
    nullif(b.commitment_months, 0) as commitment_months,
    b.area,
    b.source_id,
    b.source_kind,
    b.usd_per_gpu_hour,
    b.low_usd_per_gpu_hour,
    b.high_usd_per_gpu_hour,
    coalesce(v.witness_count, 0) as witness_count,
    coalesce(v.agreeing_count, 0) as agreeing_count,
    cast(coalesce(v.compared_count, 0) as bigint) as compared_count,
    cast(coalesce(v.differing_count, 0) as bigint) as differing_count,
    case
        when v.witness_count is null then 'single_source'
        when v.agreeing_count < v.witness_count then 'disagree'
        else 'agree'
    end as verdict,
    v.worst.source_id as worst_source_id,
    v.worst.usd_per_gpu_hour as worst_usd_per_gpu_hour,
    v.worst.ratio as worst_ratio,
    v.worst.likely_cause as likely_cause,
    format(
        '{} {:.4g} {}', b.source_id, b.usd_per_gpu_hour, strftime(b.quoted_at, '%Y-%m-%d')
    ) || coalesce('; ' || v.testimony, '') as testimony
from best as b
left join verdicts as v
    on
        b.provider_id = v.provider_id and b.gpu_id = v.gpu_id
        and b.purchase_model = v.purchase_model
        and b.commitment_months = v.commitment_months and b.area = v.area
