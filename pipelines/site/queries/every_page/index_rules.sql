-- One row per published file with an index: the rules of the newest value.
-- version | version of the rules of the index
select arg_max(methodology_version, day) as version
from marts.gpu_price_index
having count(*) > 0
