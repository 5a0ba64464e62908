-- One row per reference model, API provider, day and way to come by GPUs: its list price and the cost of serving the model.
-- model_id | the model served
-- scenario_id | on_demand, reserved or own_cluster: how the GPUs are paid for, core.margin_scenario
-- api_source_id | the price list: of several that print it, one whose price another confirms, then the newest price
-- api_provider_id | who serves it
-- api_model_id | the model as printed
-- up_to_input_tokens | the longest prompt for which that price holds; null where the list names no limit [token]
-- list_count | price lists that print the model at this provider
-- listing_count | rows of them for the plain endpoint, all of them one listing here
-- lowest_usd_per_million_tokens_listed | the cheapest of these rows [USD/10^6 token]
-- highest_usd_per_million_tokens_listed | the most expensive of these rows [USD/10^6 token]
-- day | the day, with the prices at its end [UTC date]
-- gpu_price_month | month of the day: only sellers heard in it have a price of the GPUs; null for owned ones [UTC date]
-- is_relisted | true where the provider re-lists the hosts of others
-- usd_per_million_tokens_listed | list price, three tokens in for one out [USD/10^6 token]
-- gpu_id | the accelerator on which the model is cheapest, of those of the scenario; null where a cost is withheld, like all that follows from it
-- gpu_count | GPUs of that set [GPU]
-- precision | number format of the weights on that set
-- purchase_model | on_demand, reserved or owned
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | whose prices are used; null for owned ones
-- reference_region | part of the world of the prices; null for owned ones
-- provider_count | providers heard in the month that ask a price of that accelerator under that contract; null for owned ones [1]
-- workload | the request: three tokens in for one out
-- service_level_id | the pace that is kept
-- usd_per_gpu_hour | price of an hour of one GPU: middle of these providers; of an owned one, the cost of an hour of the calendar [USD/(GPU h)]
-- fleet_utilisation_fraction | mean over peak demand of a rented fleet sized for its peak; share of the hours that owned GPUs work [1]
-- usd_per_million_tokens_cost | predicted cost at that utilisation [USD/10^6 token]
-- cost_low | lower end of 80 % of the cost: spread of the prices, or of the cost of owning, and error of the model [USD/10^6 token]
-- cost_high | upper end of 80 % of the cost [USD/10^6 token]
-- margin_fraction | 1 - cost / price: the share of the price that is left, negative where it loses [1]
-- margin_low | the same at the high cost [1]
-- margin_high | the same at the low cost [1]
-- markup_fraction | price / cost - 1: what is put on top of the cost; not the margin [1]
-- cached_fraction | share of the prompt tokens that a cache holds, for the three columns below [1]
-- usd_per_million_tokens_listed_cached | list price with that share at the price of cached input; null where the list names none [USD/10^6 token]
-- usd_per_million_tokens_cost_cached | predicted cost without computing that share of the prompts [USD/10^6 token]
-- margin_fraction_cached | 1 - cost / price of these two [1]
-- break_even_tokens_per_day | tokens a day from which the set is cheaper than buying [token/day]
-- capacity_tokens_per_day | what the set can serve in a day [token/day]
-- withheld_reason | why there is no cost: an accelerator of the scenario without three providers in the month, or without a cost of owning; null where there is one
-- check: each row is there once: select model_id, scenario_id, api_provider_id, day from {this} group by all having count(*) > 1
-- check: a margin or a reason: select * from {this} where (usd_per_million_tokens_cost is null) = (withheld_reason is null) or (margin_fraction is null) = (withheld_reason is null)
-- check: at least three providers: select * from {this} where provider_count < 3
-- check: the margin lies in its interval and below one: select * from {this} where not (margin_low <= margin_fraction + 1e-12 and margin_fraction <= margin_high + 1e-12 and margin_fraction < 1)
with assumed as (
    select
        max(cast(value as double)) filter (subject = 'fleet' and field = 'central_fraction')
            as fleet_utilisation_fraction,
        max(cast(value as double)) filter (
            subject = 'balanced' and field = 'cached_fraction'
        ) as cached_fraction
    from meta.reference_value
    where subject_kind = 'scenario'
),
-- Each scenario has the same accelerators in all months: its margins are one series.
reference as (
    select s.*, g.gpu_id
    from core.margin_scenario as s
    cross join unnest(string_split(s.gpu_ids, ' ')) as g (gpu_id)
),
listed as (
    select
        *,
        count(distinct api_source_id) over same as list_count,
        count(*) over same as listing_count,
        min(usd_per_million_tokens_blended) over same as lowest_listed,
        max(usd_per_million_tokens_blended) over same as highest_listed
    from marts.api_price
    where is_plain and relation = 'same' and usd_per_million_tokens_blended > 0
        and is_confirmed and not coalesce(is_deprecated, false)
    -- A model at a provider is one listing, whatever lists and names print it.
    window same as (partition by model_id, api_provider_id, day)
    qualify row_number() over (
        same order by confirmed_at desc, valid_from desc, usd_per_million_tokens_blended,
        api_source_id, api_model_id
    ) = 1
),
month as (
    select distinct cast(date_trunc('month', day) as date) as month
    from listed
),
provider_month as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        provider_id, exp(round(avg(ln(usd_per_gpu_hour)), 12)) as usd_per_gpu_hour
    from marts.item_price_month
    where gpu_id in (select gpu_id from reference)
    group by
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        provider_id
),
rented as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        count(*) as provider_count,
        median(usd_per_gpu_hour) as usd_per_gpu_hour,
        quantile_cont(usd_per_gpu_hour, 0.1) as low,
        quantile_cont(usd_per_gpu_hour, 0.9) as high
    from provider_month
    group by gpu_id, purchase_model, commitment_months, market_family, reference_region, month
),
-- An hour of work costs an owner more than one of the calendar. Its interval is one of 90 %.
owned as (
    select
        gpu_id, owned_usd_per_gpu_hour * fleet_utilisation_fraction as usd_per_gpu_hour,
        fleet_utilisation_fraction,
        ln(owned_usd_per_gpu_hour / low) * interval_80_deviations() / interval_90_deviations()
            as below_ln,
        ln(high / owned_usd_per_gpu_hour) * interval_80_deviations() / interval_90_deviations()
            as above_ln
    from marts.own_vs_rent
    where gpu_count = 1024 and owned_usd_per_gpu_hour is not null
),
priced as (
    select
        s.scenario_id, s.gpu_id, s.purchase_model, s.commitment_months, s.market_family,
        s.reference_region, m.month,
        case when s.purchase_model <> 'owned' then coalesce(r.provider_count, 0)
        end as provider_count,
        coalesce(o.usd_per_gpu_hour, r.usd_per_gpu_hour) as usd_per_gpu_hour,
        coalesce(o.fleet_utilisation_fraction, a.fleet_utilisation_fraction)
            as fleet_utilisation_fraction,
        coalesce(o.below_ln, ln(r.usd_per_gpu_hour / r.low)) as below_ln,
        coalesce(o.above_ln, ln(r.high / r.usd_per_gpu_hour)) as above_ln,
        case
            when s.purchase_model = 'owned' and o.gpu_id is null
                then format('{}: no cost of owning', s.gpu_id)
            when s.purchase_model <> 'owned' and coalesce(r.provider_count, 0) < 3
                then format('{}: {} of 3 providers', s.gpu_id, coalesce(r.provider_count, 0))
        end as reason
    from reference as s
    cross join month as m
    cross join assumed as a
    left join rented as r
        on
            s.gpu_id = r.gpu_id and s.purchase_model = r.purchase_model
            and s.commitment_months is not distinct from r.commitment_months
            and s.market_family = r.market_family and s.reference_region = r.reference_region
            and m.month = r.month
    left join owned as o on s.gpu_id = o.gpu_id and s.purchase_model = 'owned'
),
withheld as (
    select
        scenario_id, month,
        string_agg(reason, '; ' order by gpu_id) filter (reason is not null) as withheld_reason
    from priced
    group by scenario_id, month
),
serving as (
    select *
    from marts.serving_point
    where workload = 'balanced' and service_level_id = 'interactive' and is_cheapest_set
        and gpu_id in (select gpu_id from reference)
    qualify row_number() over (
        partition by model_id, gpu_id order by tokens_per_second_per_gpu desc, gpu_count, precision
    ) = 1
),
cost as (
    select
        v.model_id, v.gpu_count, v.precision, v.workload, v.service_level_id, v.prefill_fraction,
        v.tokens_per_second_per_gpu, p.scenario_id, p.month, p.gpu_id, p.provider_count,
        p.usd_per_gpu_hour, p.fleet_utilisation_fraction,
        1000 * serving_usd_per_1k_tokens(
            p.usd_per_gpu_hour, v.tokens_per_second_per_gpu,
            fleet_utilisation_fraction := p.fleet_utilisation_fraction
        ) as usd,
        exp(-sqrt(
            power(p.below_ln, 2) + power(interval_80_deviations() * v.error_log_sd, 2)
        )) as low_ratio,
        exp(sqrt(
            power(p.above_ln, 2) + power(interval_80_deviations() * v.error_log_sd, 2)
        )) as high_ratio
    from serving as v
    inner join priced as p on v.gpu_id = p.gpu_id
    inner join withheld as w
        on p.scenario_id = w.scenario_id and p.month = w.month and w.withheld_reason is null
    qualify row_number() over (
        partition by v.model_id, p.scenario_id, p.month order by usd, p.gpu_id
    ) = 1
)
select
    l.model_id,
    s.scenario_id,
    l.api_source_id,
    l.api_provider_id,
    l.api_model_id,
    l.up_to_input_tokens,
    l.list_count,
    l.listing_count,
    l.lowest_listed as lowest_usd_per_million_tokens_listed,
    l.highest_listed as highest_usd_per_million_tokens_listed,
    l.day,
    case when s.purchase_model <> 'owned' then w.month end as gpu_price_month,
    l.is_relisted,
    l.usd_per_million_tokens_blended as usd_per_million_tokens_listed,
    c.gpu_id,
    c.gpu_count,
    c.precision,
    s.purchase_model,
    s.commitment_months,
    s.market_family,
    s.reference_region,
    c.provider_count,
    c.workload,
    c.service_level_id,
    c.usd_per_gpu_hour,
    c.fleet_utilisation_fraction,
    c.usd as usd_per_million_tokens_cost,
    c.usd * c.low_ratio as cost_low,
    c.usd * c.high_ratio as cost_high,
    margin_fraction(c.usd, l.usd_per_million_tokens_blended) as margin_fraction,
    margin_fraction(c.usd * c.high_ratio, l.usd_per_million_tokens_blended) as margin_low,
    margin_fraction(c.usd * c.low_ratio, l.usd_per_million_tokens_blended) as margin_high,
    markup_fraction(c.usd, l.usd_per_million_tokens_blended) as markup_fraction,
    a.cached_fraction,
    blended_usd(
        cached_input_usd(
            l.usd_per_million_input_tokens, l.usd_per_million_cache_read_tokens,
            a.cached_fraction
        ),
        l.usd_per_million_output_tokens
    ) as usd_per_million_tokens_listed_cached,
    c.usd * (1 - c.prefill_fraction * a.cached_fraction)
        as usd_per_million_tokens_cost_cached,
    margin_fraction(
        usd_per_million_tokens_cost_cached, usd_per_million_tokens_listed_cached
    ) as margin_fraction_cached,
    c.usd_per_gpu_hour * c.gpu_count * 24 / l.usd_per_million_tokens_blended * 1e6
        as break_even_tokens_per_day,
    c.tokens_per_second_per_gpu * c.gpu_count * (24 * seconds_per_hour()) as capacity_tokens_per_day,
    case when c.usd is null
        then coalesce(w.withheld_reason, 'no speed of serving the model on these accelerators is known')
    end as withheld_reason
from listed as l
cross join core.margin_scenario as s
cross join assumed as a
inner join withheld as w
    on s.scenario_id = w.scenario_id and cast(date_trunc('month', l.day) as date) = w.month
left join cost as c
    on l.model_id = c.model_id and s.scenario_id = c.scenario_id and w.month = c.month
