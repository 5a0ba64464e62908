-- One row per accelerator or class, contract, family, region and month: how the price of the same offers moved.
-- gpu_id | the accelerator; null where a whole class is measured
-- gpu_class | the class, where the accelerators of a class are measured together; null else
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- month | first day of the month; months before three sellers compare have none, which is about October 2022 [UTC date]
-- evidence | published: three providers or more on every link since the start of the segment; thin: two, for no headline and no ranking
-- segment_started_on | first month of the segment: only months of the same segment compare [UTC date]
-- index_segment_start_100 | the index, 100 at the start of the segment [1]
-- low_80 | lower end of the 80 % interval of the index [1]
-- high_80 | upper end of the 80 % interval of the index [1]
-- month_change_fraction | change since the month before in the segment; null at its start [1]
-- gap_months | months since the month before in the segment [month]
-- without_unconfirmed_change_fraction | the same without jumps that one source alone shows; null where too few providers remain [1]
-- drift_fraction | the index over the time-product dummy of the last 25 months, less 1: over 0.05 say "about"; null for thin evidence [1]
-- link_provider_count | providers on the link [1]
-- heard_provider_count | of them, those heard in the month itself [1]
-- item_count | offers compared with themselves on the link [1]
-- methodology_version | version of the rules, docs/methodology/like_for_like.md
-- revision | 1 when first published; a later one restates the month
-- revision_reason | why it was restated; null for the first
-- recorded_at | when this revision was made, the clock of its run [UTC]
-- view
-- grows by: month
-- check: each row is there once: select month from {this} group by gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region, month having count(*) > 1
-- check: the index lies in its interval: select * from {this} where not (low_80 <= index_segment_start_100 * (1 + 1e-12) and index_segment_start_100 <= high_80 * (1 + 1e-12))
with newest as (
    select *
    from marts.like_for_like_revision
    qualify row_number() over (
        partition by
            gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
            provider_minimum, month
        order by recorded_at desc, revision desc
    ) = 1
),
-- Where three providers give a value, it is the value.
best as (
    select *
    from newest
    where log_level is not null
    qualify row_number() over (
        partition by
            gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
            month
        order by provider_minimum desc
    ) = 1
)
select
    gpu_id,
    gpu_class,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    month,
    case when provider_minimum >= 3 then 'published' else 'thin' end as evidence,
    segment_started_on,
    100 * exp(log_level) as index_segment_start_100,
    100 * exp(log_level - coalesce(half_width_log, 0)) as low_80,
    100 * exp(log_level + coalesce(half_width_log, 0)) as high_80,
    exp(log_change) - 1 as month_change_fraction,
    gap_months,
    exp(without_unconfirmed_log_change) - 1 as without_unconfirmed_change_fraction,
    drift_fraction,
    link_provider_count,
    heard_provider_count,
    item_count,
    methodology_version,
    revision,
    revision_reason,
    recorded_at
from best
