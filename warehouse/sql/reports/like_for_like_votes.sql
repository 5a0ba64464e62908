-- One row per vote on the matched index.
-- gpu_id | the accelerator; null for a class
-- gpu_class | the class; null for an accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- provider_minimum | fewest providers on each link [1]
-- month | first day of the month [UTC date]
-- provider_id | the provider
-- link_log_change | its move [1]
-- item_count | offers compared [1]
-- longest_gap_months | the oldest price compared with [month]
-- source_count | sources that print them [1]
select
    gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
    provider_minimum, month, provider_id, link_log_change, item_count, longest_gap_months,
    source_count
from marts.like_for_like_link
