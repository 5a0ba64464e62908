-- One row per published file: its newest run, and the newest answer of a price list.
-- data_as_of | time of the newest good answer of a price list [UTC]
-- started_at | start of the newest run [UTC]
-- run_id | the newest run
-- code_version | version of truecost that made it
-- schema_version | version of the tables
select
    (
        select max(seen_at) from meta.capture
        where status in ('ok', 'unchanged') and record_kind = 'offer'
    ) as data_as_of,
    (select max(started_at) from meta.run) as started_at,
    (select arg_max(run_id, started_at) from meta.run) as run_id,
    (select arg_max(code_version, started_at) from meta.run) as code_version,
    (select max(version) from meta.schema_version) as schema_version
