-- One row per request of a capture that is new to meta.capture.
select a.* exclude (
        observation_file, quarantine_file, quarantine_path, scope_capture_id, decisions
    ),
    t.source_time, c.run_id
from arrived as a
cross join staged.build_clock as c
left join capture_source_time as t on a.scope_capture_id = t.capture_id
where a.decisions is null
