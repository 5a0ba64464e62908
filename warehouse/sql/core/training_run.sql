-- One row per model that Epoch AI knows, from the newest of its tables that has it.
-- model | name as Epoch prints it, or the one of core.training_run_alias
-- published_on | date of publication [date]
-- organization | comma list
-- country | of the organisation, comma list
-- base_model | the model it is fine-tuned from, null for one trained from scratch
-- parameters | parameters [parameter]
-- training_flops | compute of the training run [FLOP]
-- training_tokens | size of the training set, as printed [token]
-- training_hours | duration of the run [h]
-- hardware | chip names, comma list
-- hardware_quantity | chips [chip]
-- gpu_hours | GPU-hours as reported [GPU h]
-- utilisation_fraction | model FLOP utilisation as reported [1]
-- confidence | Confident, Likely, Speculative or Unknown
-- is_notable | whether Epoch gives a criterion of notability
-- link | the paper or page of the model
-- source_id | the source of the row
-- table_name | the table of the source
-- seen_at | when the table was captured [UTC]
-- payload_sha256 | the payload it was read from
-- check: each row is there once: select model from {this} group by all having count(*) > 1
-- check: no figure is zero: select * from {this} where training_flops <= 0 or hardware_quantity <= 0 or gpu_hours <= 0 or training_hours <= 0
with spelled as (
    select *, trim(regexp_replace("values"['Model'], '\s+', ' ', 'g')) as spelling
    from staged.table_row
    where table_name in (
        'epoch_frontier_models', 'epoch_notable_models', 'epoch_large_scale_models',
        'epoch_cost_models'
    )
),
printed as (
    select
        s.source_id,
        s.table_name,
        s.seen_at,
        s.payload_sha256,
        s."values" as cells,
        coalesce(a.model, s.spelling) as model,
        row_number() over (
            -- "Grok 3" and "Grok-3" are one; "CALM" and "CaLM" are two.
            partition by regexp_replace(coalesce(a.model, s.spelling), '[\s_-]', '', 'g')
            order by
                seen_at desc,
                case table_name
                    when 'epoch_frontier_models' then 1
                    when 'epoch_notable_models' then 2
                    when 'epoch_large_scale_models' then 3
                    else 4
                end,
                row_key
        ) as place
    from spelled as s
    left join core.training_run_alias as a on s.spelling = a.model_name_printed
    where s.spelling <> ''
)
select
    model,
    try_cast(cells['Publication date'] as date) as published_on,
    cells['Organization'] as organization,
    cells['Country (of organization)'] as country,
    nullif(trim(cells['Base model']), '') as base_model,
    nullif(greatest(try_cast(cells['Parameters'] as double), 0), 0) as parameters,
    nullif(greatest(try_cast(cells['Training compute (FLOP)'] as double), 0), 0) as training_flops,
    try_cast(coalesce(
        cells['Training dataset size (datapoints)'],
        cells['Training dataset size (gradients)'],
        cells['Training dataset size'],
        cells['(DEPRECATED) Training dataset size (datapoints)']
    ) as double) as training_tokens,
    nullif(greatest(try_cast(cells['Training time (hours)'] as double), 0), 0) as training_hours,
    nullif(trim(cells['Training hardware']), '') as hardware,
    nullif(greatest(try_cast(cells['Hardware quantity'] as double), 0), 0) as hardware_quantity,
    nullif(greatest(try_cast(cells['Training chip-hours'] as double), 0), 0) as gpu_hours,
    nullif(greatest(try_cast(cells['Hardware utilization (MFU)'] as double), 0), 0) as utilisation_fraction,
    coalesce(nullif(cells['Confidence'], ''), 'Unknown') as confidence,
    coalesce(cells['Notability criteria'], '') <> '' as is_notable,
    cells['Link'] as link,
    source_id,
    table_name,
    seen_at,
    payload_sha256
from printed
where place = 1
