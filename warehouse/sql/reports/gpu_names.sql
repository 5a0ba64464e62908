-- One row per accelerator: its id and name.
-- gpu_id | the accelerator
-- name | what its vendor calls it
-- is_coarse | whether several cards share the name
select gpu_id, name, is_coarse from core.gpu
