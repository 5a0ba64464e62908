-- One row per correction of prices: what it corrects, why, and whether an offer still has it.
-- correction_id | name of the correction
-- source_id | the source that prints the price
-- provider_id | the provider of the offer
-- figure | what was printed and what counts instead
-- reason | how we know
-- source_url | where the right figure is shown
-- first_on | first day of which the price is corrected [UTC date]
-- last_on | last day of which it is; null while the source prints it [UTC date]
-- offer_count | standing offers that have it
-- is_unmatched | true where it is about today, and no standing offer has it
-- parameter: correction_ids | only these; all, if null
with standing as (
    select correction_id, count(*) as offer_count
    from core.offer_price
    where valid_to is null and superseded_at is null and correction_id is not null
    group by correction_id
)
select c.correction_id, c.source_id, c.provider_id,
    format('{} {} printed, {} counts, {}', c.field, c.as_published, c.corrected, c.unit) as figure,
    c.reason, c.source_url, c.first_on, c.last_on, coalesce(s.offer_count, 0) as offer_count,
    s.offer_count is null and p.prices_at::date between c.first_on
    and coalesce(c.last_on, 'infinity'::date) as is_unmatched
from core.price_correction as c
cross join staged.build_clock as p
left join standing as s on c.correction_id = s.correction_id
where $correction_ids is null or c.correction_id in (select unnest($correction_ids))
order by c.correction_id
