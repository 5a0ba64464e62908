-- One row per purchase model and day on which the median of a GPU changed level.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- day | the first day at the new level [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- before_day | the last day before it with a median, at most 3 days back [UTC date]
-- before_usd_per_gpu_hour | median on the day before it [USD/(GPU h)]
-- usd_per_gpu_hour | median on the day [USD/(GPU h)]
-- change_fraction | change of the median between the two days [1]
-- is_settled | true once the 6 days after it have passed; until then it may prove temporary
-- provider_count | independent providers behind the value
-- before_provider_count | independent providers behind the median on the day before
-- raised_count | providers on both days whose price rose
-- lowered_count | providers on both days whose price fell
-- entered_count | providers on the day only
-- left_count | providers on the day before it only
-- mover_provider_id | the provider without whose move the median would differ most, null where no single one decides
-- mover_move | the move of that provider: raised, lowered, entered or left
-- same_offers_change_fraction | how much the offers moved that stood on both days; null where there is none [1]
-- compared_provider_count | providers with such an offer [1]
-- is_price_move | true where that is 5 % or more in the same direction, and three providers compare
-- movers | up to five moves, the most decisive first; (api, was feed) marks another kind of source, not a move
-- method_break | the source that changed its method between the two days, and the change; null where none did
select
    gpu_id, day, purchase_model, before_day, before_usd_per_gpu_hour, usd_per_gpu_hour,
    change_fraction, is_settled, provider_count, before_provider_count, raised_count,
    lowered_count, entered_count, left_count, mover_provider_id, mover_move,
    same_offers_change_fraction, compared_provider_count, is_price_move, movers, method_break
from marts.gpu_price_change_point
where gpu_id = $gpu_id and market_family = 'all' and commitment_months is null
order by day desc, purchase_model
