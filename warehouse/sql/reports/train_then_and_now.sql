-- One row per contract: the rent of a model's run when it was trained, and now.
-- purchase_model | on_demand or reserved
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | of the seller then, and of the sellers now
-- then_provider_id | whose price list it was
-- then_hardware | the chip as it is listed there
-- then_day | day of the list [date]
-- then_usd_per_gpu_hour | its price [USD/(GPU h)]
-- then_usd | rent of the run at it [USD]
-- then_reason | why there is none
-- now_gpu_id | the accelerator whose price is taken now
-- is_same_chip | false where a replacement does the same compute
-- now_provider_count | providers with a fresh price [1]
-- now_day | day on which the oldest of them was last shown [UTC date]
-- now_usd_per_gpu_hour | their middle [USD/(GPU h)]
-- now_usd | rent of the run at it [USD]
-- now_low_80 | lower end of its 80 % interval [USD]
-- now_high_80 | upper end of it [USD]
-- now_reason | why there is none
-- change_fraction | rent now over rent then, less 1 [1]
-- change_low_80 | lower end of its 80 % interval [1]
-- change_high_80 | upper end of it [1]
-- confidence | high, medium or low
-- parameter: model | the model, as Epoch AI prints it
select
    purchase_model, commitment_months, market_family, then_provider_id, then_hardware, then_day,
    then_usd_per_gpu_hour, then_usd, then_reason, now_gpu_id, is_same_chip, now_provider_count,
    now_day, now_usd_per_gpu_hour, now_usd, now_low_80, now_high_80, now_reason, change_fraction,
    change_low_80, change_high_80, confidence
from marts.training_then_and_now
where model = $model
order by model_number, purchase_model
