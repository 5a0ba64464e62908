-- One row per spelling of an accelerator that is known.
-- source_family | who prints it
-- gpu_name_printed | the name as printed
-- canonical | the accelerator, or why the name is none
select source_family, gpu_name_printed, canonical from core.gpu_alias
