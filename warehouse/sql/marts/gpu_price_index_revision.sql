-- One row per published value of the index and revision; rows are only added, never changed.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community; never mixed
-- reference_region | us, europe or asia: where the offers are; null under methodology 1.0, which read all places together
-- usd_per_gpu_hour | the index: median of the providers' medians; null where it is withheld [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- provider_count | independent providers that count
-- n_in | providers with a valid price, before trimming
-- n_trimmed | providers trimmed: over 3.5 robust standard deviations from the middle of the logarithms
-- n_excluded | inputs barred before: too old, not available, or a better kind of source speaks
-- withheld_reason | why there is no value; null where there is one
-- is_flagged | true where a price behind the value is over 30 hours old at the end of the day
-- oldest_age_hours | age of the oldest price behind the value at the end of the day [h]
-- methodology_version | version of the rules, docs/methodology/index.md
-- input_sha256 | hash of the inputs with a valid price
-- inputs | every input: provider, kind, sources, median, offers, age, distance, exclusion
-- revision | 1 when first published; a later one restates the value
-- revision_reason | which inputs moved since the revision before; null for the first
-- recorded_at | when it was made, the clock of its run [UTC]
-- run_id | the run that made it
-- append
-- grows by: day
-- check: each row is there once: select gpu_id from {this} group by gpu_id, day, purchase_model, commitment_months, market_family, reference_region, methodology_version, revision having count(*) > 1
-- check: a value of three providers or a reason: select * from {this} where (usd_per_gpu_hour is null) <> (withheld_reason is not null) or (usd_per_gpu_hour is not null and provider_count < 3)
-- check: the index lies between its percentiles: select * from {this} where not (0 < p10_usd_per_gpu_hour and p10_usd_per_gpu_hour <= usd_per_gpu_hour * (1 + 1e-12) and usd_per_gpu_hour <= p90_usd_per_gpu_hour * (1 + 1e-12))
with published as (
    select *
    from marts.gpu_price_index_revision
    where day in (select day from staged.affected_day where entity = 'offer')
        and methodology_version = '1.1'
    qualify row_number() over (
        partition by
            gpu_id, day, purchase_model, commitment_months, market_family, reference_region
        order by revision desc
    ) = 1
),
moved as (
    select
        coalesce(c.gpu_id, p.gpu_id) as gpu_id,
        coalesce(c.day, p.day) as day,
        coalesce(c.purchase_model, p.purchase_model) as purchase_model,
        coalesce(c.commitment_months, p.commitment_months) as commitment_months,
        coalesce(c.market_family, p.market_family) as market_family,
        coalesce(c.reference_region, p.reference_region) as reference_region,
        c.usd_per_gpu_hour,
        c.p10_usd_per_gpu_hour,
        c.p90_usd_per_gpu_hour,
        coalesce(c.provider_count, 0) as provider_count,
        coalesce(c.n_in, 0) as n_in,
        coalesce(c.n_trimmed, 0) as n_trimmed,
        coalesce(c.n_excluded, 0) as n_excluded,
        case when c.gpu_id is null then 'every input was withdrawn' else c.withheld_reason end
            as withheld_reason,
        coalesce(c.is_flagged, false) as is_flagged,
        c.oldest_age_hours,
        coalesce(c.methodology_version, p.methodology_version) as methodology_version,
        coalesce(c.input_sha256, sha256('')) as input_sha256,
        coalesce(c.inputs, []) as inputs,
        coalesce(p.revision, 0) + 1 as revision,
        p.inputs as inputs_before
    from staged.index_candidate as c
    full join published as p
        on
            c.gpu_id = p.gpu_id and c.day = p.day and c.purchase_model = p.purchase_model
            and c.commitment_months is not distinct from p.commitment_months
            and c.market_family = p.market_family
            and c.reference_region = p.reference_region
    where p.input_sha256 is distinct from coalesce(c.input_sha256, sha256(''))
),
-- Which inputs came, went or moved, for the log of restatements.
now_heard as (
    select gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
        unnest(inputs, recursive := true)
    from moved
    where revision > 1
),
heard_before as (
    select gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
        unnest(inputs_before, recursive := true)
    from moved
    where revision > 1
),
reported as (
    select
        coalesce(n.gpu_id, b.gpu_id) as gpu_id,
        coalesce(n.day, b.day) as day,
        coalesce(n.purchase_model, b.purchase_model) as purchase_model,
        coalesce(n.commitment_months, b.commitment_months) as commitment_months,
        coalesce(n.market_family, b.market_family) as market_family,
        coalesce(n.reference_region, b.reference_region) as reference_region,
        string_agg(
            case
                when b.provider_id is null then n.provider_id || ' added'
                when n.provider_id is null then b.provider_id || ' withdrawn'
                when abs(n.median_usd_per_gpu_hour / b.median_usd_per_gpu_hour - 1) > 1e-9
                    then format(
                        '{} {:.4g} to {:.4g}', n.provider_id,
                        b.median_usd_per_gpu_hour, n.median_usd_per_gpu_hour
                    )
                when n.source_kind <> b.source_kind
                    then format('{} {} to {}', n.provider_id, b.source_kind, n.source_kind)
                when n.exclusion is distinct from b.exclusion
                    then n.provider_id || ' ' || coalesce(n.exclusion, 'used again')
            end,
            '; ' order by coalesce(n.provider_id, b.provider_id)
        ) as difference
    from (from now_heard where exclusion is null or exclusion = 'trimmed') as n
    full join (from heard_before where exclusion is null or exclusion = 'trimmed') as b
        on
            n.gpu_id = b.gpu_id and n.day = b.day and n.purchase_model = b.purchase_model
            and n.commitment_months is not distinct from b.commitment_months
            and n.market_family = b.market_family
            and n.reference_region = b.reference_region and n.provider_id = b.provider_id
    group by
        coalesce(n.gpu_id, b.gpu_id), coalesce(n.day, b.day),
        coalesce(n.purchase_model, b.purchase_model),
        coalesce(n.commitment_months, b.commitment_months),
        coalesce(n.market_family, b.market_family),
        coalesce(n.reference_region, b.reference_region)
)
select
    m.gpu_id,
    m.day,
    m.purchase_model,
    m.commitment_months,
    m.market_family,
    m.reference_region,
    m.usd_per_gpu_hour,
    m.p10_usd_per_gpu_hour,
    m.p90_usd_per_gpu_hour,
    m.provider_count,
    m.n_in,
    m.n_trimmed,
    m.n_excluded,
    m.withheld_reason,
    m.is_flagged,
    m.oldest_age_hours,
    m.methodology_version,
    m.input_sha256,
    m.inputs,
    m.revision,
    case when m.revision > 1 then coalesce(t.difference, 'inputs moved') end as revision_reason,
    k.now_at as recorded_at,
    k.run_id
from moved as m
left join reported as t
    on
        m.gpu_id = t.gpu_id and m.day = t.day and m.purchase_model = t.purchase_model
        and m.commitment_months is not distinct from t.commitment_months
        and m.market_family = t.market_family and m.reference_region = t.reference_region
cross join staged.build_clock as k
order by m.day, m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
    m.reference_region
