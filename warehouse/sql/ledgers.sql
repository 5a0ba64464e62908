-- The tables that the build writes row by row: created once, never replaced. Times are UTC.
create schema if not exists staged;
create schema if not exists core;
create schema if not exists marts;
create schema if not exists focus;
create schema if not exists meta;

create table if not exists meta.capture (
    capture_id varchar, source_id varchar, request_key varchar, request_scope varchar,
    is_scope_complete boolean, seen_at timestamp, recorded_at timestamp, status varchar,
    record_kind varchar, payload_sha256 varchar, parser_version integer, observation_path varchar,
    offers_kept bigint, offers_held bigint, offers_duplicate bigint, bytes bigint,
    source_url varchar, source_time timestamp, http_status integer, attempts integer,
    warnings varchar, error_class varchar, error varchar, run_id varchar,
    rows_read bigint, rows_kept bigint, rows_held bigint, rows_out_of_scope bigint,
    row_reasons varchar
);
create table if not exists meta.quarantine (
    held_id varchar, scope varchar, source_id varchar, request_key varchar, capture_id varchar,
    seen_at timestamp, payload_sha256 varchar, parser_version integer, rule varchar,
    reason varchar, row_json varchar, state varchar default 'held', run_id varchar
);
create table if not exists meta.quarantine_audit (
    held_id varchar, capture_id varchar, state varchar, reason varchar, decided_at timestamp,
    recorded_at timestamp  -- the clock of the build that read the capture again, null before it
);
create table if not exists meta.run (
    run_id varchar, started_at timestamp, finished_at timestamp, status varchar,
    captures_new bigint, offers_kept bigint, offers_held bigint, code_version varchar, note varchar
);
-- Documents as JSON text; one that did not change has no new row.
create table if not exists meta.reference_document (
    name varchar, document varchar, sha256 varchar, recorded_at timestamp, superseded_at timestamp
);
-- What core.price_correction said, and from when to when.
create table if not exists meta.price_correction (
    correction_id varchar, source_id varchar, provider_id varchar, sku varchar,
    gpu_name_printed varchar, region varchar, purchase_model varchar, field varchar,
    as_published double, corrected double, unit varchar, first_on date,
    last_on date, reason varchar, source_url varchar, retrieved_on date, recorded_at timestamp,
    superseded_at timestamp,
    read_at timestamp  -- the last change after which the captures of its days were read again
);
create table if not exists staged.table_row (
    source_id varchar, request_key varchar, table_name varchar, row_key varchar,
    "values" map(varchar, varchar), source_url varchar, payload_sha256 varchar,
    parser_version integer, seen_at timestamp
);
create table if not exists staged.offer_stated (
    source_id varchar, request_key varchar, offer_key varchar, seen_at timestamp,
    source_time timestamp
);
create table if not exists core.series_point (
    series_id varchar, "on" date, value double, unit varchar, source_id varchar,
    request_key varchar, source_url varchar, payload_sha256 varchar, seen_at timestamp
);
create table if not exists marts.gpu_price_index_revision (
    gpu_id varchar, day date, purchase_model varchar, commitment_months integer,
    market_family varchar, usd_per_gpu_hour double, p10_usd_per_gpu_hour double,
    p90_usd_per_gpu_hour double, provider_count bigint, n_in bigint, n_trimmed bigint,
    n_excluded bigint, withheld_reason varchar, is_flagged boolean, oldest_age_hours double,
    methodology_version varchar, input_sha256 varchar,
    inputs struct(
        provider_id varchar, source_kind varchar, source_ids varchar,
        median_usd_per_gpu_hour double, offer_count bigint, age_hours double,
        offers_hash varchar, log_distance double, exclusion varchar
    )[],
    revision bigint, revision_reason varchar, recorded_at timestamp, run_id varchar,
    reference_region varchar
);
