-- One row per large training run: its compute rented as H100 SXM at the newest prices.
-- model | the trained model
-- published_on | when the model was published
-- training_flops | operations of the run [FLOP]
-- million_h100_hours | H100 hours that the compute takes [10^6 GPU h]
-- million_usd | rental cost [10^6 USD]
-- low | lower end of the 90 % interval [10^6 USD]
-- high | upper end of the 90 % interval [10^6 USD]
-- confidence | how well the inputs are known
select model, published_on, training_flops, gpu_hours / 1e6 as million_h100_hours,
    usd_nominal / 1e6 as million_usd, low / 1e6 as low, high / 1e6 as high, confidence
from marts.training_cost
where method = 'rental' and price_basis = 'tracked_h100' and usd_nominal is not null
    and compute_rank <= 5
qualify row_number() over (partition by model order by day desc) = 1
order by published_on desc
limit 8
