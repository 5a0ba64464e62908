-- One row per published file: what it is, and how to cite it.
-- run_id | the run that published it
-- published_at | when [UTC]
-- data_version | version of the published tables
-- licence | of the tables, by its SPDX name
-- licence_url | the address of the licence
-- citation | how to cite it
-- doi | its DOI, null before there is one
select run_id, published_at, data_version, licence, licence_url, citation, doi
from meta.publication
