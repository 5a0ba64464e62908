-- The tables that the build writes row by row: created once, never replaced. Times are UTC.
create schema if not exists staged;
create schema if not exists core;
create schema if not exists marts;
create schema if not exists focus;
create schema if not exists meta;

create table if not exists meta.capture (
    capture_id varchar, source_id varchar, request_key varchar, request_scope varchar,
    is_scope_complete boolean, valid_at timestamp, recorded_at timestamp, status varchar,
    record_kind varchar, payload_sha256 varchar, parser_version integer, observation_path varchar,
    rows_kept bigint, rows_held bigint, rows_duplicate bigint, bytes bigint, source_url varchar,
    source_time timestamp, http_status integer, attempts integer, warnings varchar,
    error_class varchar, error varchar, run_id varchar
);
create table if not exists meta.quarantine (
    held_id varchar, scope varchar, source_id varchar, request_key varchar, capture_id varchar,
    captured_at timestamp, payload_sha256 varchar, parser_version integer, rule varchar,
    reason varchar, row_json varchar, state varchar default 'held', run_id varchar
);
create table if not exists meta.quarantine_audit (
    held_id varchar, capture_id varchar, state varchar, reason varchar, decided_at timestamp
);
create table if not exists meta.run (
    run_id varchar, started_at timestamp, finished_at timestamp, status varchar,
    captures_new bigint, rows_kept bigint, rows_held bigint, code_version varchar, note varchar
);
create table if not exists staged.table_row (
    source_id varchar, request_key varchar, table_name varchar, row_key varchar,
    "values" map(varchar, varchar), source_url varchar, payload_sha256 varchar,
    parser_version integer, captured_at timestamp
);
create table if not exists core.series_point (
    series_id varchar, "on" date, value double, unit varchar, source_id varchar,
    request_key varchar, source_url varchar, payload_sha256 varchar, captured_at timestamp
);
