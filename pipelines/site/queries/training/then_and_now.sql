-- One row per model and contract with a price on both sides: its rent when it was trained, and now.
-- model | name as Epoch AI prints it
-- model_number | place in the table of its basis; distinguishes two models of one name
-- published_on | publication of the model [date]
-- hardware | chip of the run
-- gpu_hours | GPU-hours of the run on that chip [GPU h]
-- purchase_model | on_demand or reserved: the contract of both sides
-- commitment_months | length of the commitment of both sides, null where there is none [month]
-- market_family | of the seller then, and of the sellers now
-- then_provider_id | whose price list it was
-- then_day | day of that list [date]
-- then_usd_per_gpu_hour | its price [USD/(GPU h)]
-- usd_then | rent of the run at it [USD]
-- now_gpu_id | the accelerator whose current price is used
-- is_same_chip | false where a replacement does the same compute
-- provider_count | independent providers behind the current price
-- day | day on which the oldest of the current prices was last shown [UTC date]
-- usd_per_gpu_hour | their middle [USD/(GPU h)]
-- usd_now | rent of the run at it [USD]
-- low | lower end of the 80 % interval of usd_now [USD]
-- high | upper end of it [USD]
-- change_fraction | rent now over rent then, less 1 [1]
-- change_low | lower end of its 80 % interval [1]
-- change_high | upper end of it [1]
-- confidence | high, medium or low
select
    model, model_number, published_on, hardware, gpu_hours, purchase_model, commitment_months,
    market_family, then_provider_id, then_day, then_usd_per_gpu_hour, then_usd as usd_then,
    now_gpu_id, is_same_chip, now_provider_count as provider_count, now_day as day,
    now_usd_per_gpu_hour as usd_per_gpu_hour, now_usd as usd_now, now_low_80 as low,
    now_high_80 as high, change_fraction, change_low_80 as change_low,
    change_high_80 as change_high, confidence
from marts.training_then_and_now
where change_fraction is not null
order by now_usd desc, model, model_number, purchase_model
