-- One row per measured case: the prediction beside it, largest error first.
-- case_number | place in the file of measured results
-- model | the model, as printed
-- gpu | the accelerator, as printed
-- precision | number format
-- gpu_count | GPUs, null where not published [GPU]
-- engine | serving engine, as printed
-- metric | what was measured
-- unit | its unit
-- reported | measured value [as the unit says]
-- predicted | prediction, by constants fitted without this model and GPU where they exist [as the unit says]
-- ratio | predicted over reported [1]
-- source | the publication of the case
-- source_url | where the figure is published
-- published_on | date of the table, as far as it is known
-- reason | why the case has no score, null where it has one
select
    case_number, model, gpu, precision, gpu_count, engine, metric, unit, reported,
    coalesce(predicted_when_left_out, predicted) as predicted,
    coalesce(ratio_when_left_out, ratio) as ratio, source, source_url, published_on, reason
from marts.inference_backtest
order by reason nulls first, abs(ln(coalesce(ratio_when_left_out, ratio))) desc, case_number
