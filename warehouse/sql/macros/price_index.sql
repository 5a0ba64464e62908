-- The index of a day as it was published by a day: the newest revision known then.
create or replace macro gpu_price_index_on(on_day, known_on := timestamp 'infinity') as table
    select * exclude (inputs)
    from marts.gpu_price_index_revision
    where day = cast(on_day as date) and recorded_at <= instant(known_on)
    qualify
        methodology_version = max(methodology_version) over ()
        and row_number() over (
            partition by
                gpu_id, purchase_model, commitment_months, market_family, reference_region,
                methodology_version
            order by recorded_at desc, revision desc
        ) = 1;

-- What the offers of each provider did that stood at the end of two days, by the same source and method; of a
-- marketplace, classes of machines with five asks or more.
create or replace macro same_offers_between(since, until) as table
    with standing as (
        select p.*, 'since' as side from as_of(since) as p
        union all by name
        select p.*, 'until' as side from as_of(until) as p
    ),
    item_day as (
        select
            p.side, p.gpu_id, p.purchase_model, p.commitment_months, p.market_tier as market_family,
            reference_region_of(r.country, r.area) as reference_region, p.provider_id, p.source_id,
            case
                when starts_with(p.market_tier, 'marketplace')
                    then concat_ws(
                        '|', r.area,
                        case
                            when p.gpu_count >= 8 then 8 when p.gpu_count >= 4 then 4
                            when p.gpu_count >= 2 then 2 else 1
                        end
                    )
                else concat_ws('|', p.offer_key, p.gpu_count, coalesce(p.upfront_fraction, 0))
            end as item,
            median(p.usd_per_gpu_hour) as usd_per_gpu_hour
        from standing as p
        left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
        where p.gpu_id is not null and p.usd_per_gpu_hour > 0
            and p.is_available is distinct from false
        group by all
        having not starts_with(p.market_tier, 'marketplace') or count(*) >= 5
    )
    select
        n.gpu_id, n.purchase_model, n.commitment_months, n.market_family, n.reference_region,
        n.provider_id, count(*) as offer_count,
        avg(ln(n.usd_per_gpu_hour / t.usd_per_gpu_hour)) as log_change
    from item_day as n
    inner join item_day as t
        on
            n.side = 'until' and t.side = 'since' and n.gpu_id = t.gpu_id
            and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family and n.reference_region = t.reference_region
            and n.provider_id = t.provider_id and n.source_id = t.source_id and n.item = t.item
    anti join core.method_break as b
        on n.source_id = b.source_id and b.break_on <= until and b.settled_on > since
    group by all;
