-- One row per image model whose speed on some accelerator is known.
-- image_model_id | the model
select distinct image_model_id
from marts.image_point
order by image_model_id
