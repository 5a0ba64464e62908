-- The tables of the matched index, which its derivation adds to. Times are UTC.
create table if not exists marts.like_for_like_revision (
    gpu_id varchar, gpu_class varchar, purchase_model varchar, commitment_months integer,
    market_family varchar, reference_region varchar, provider_minimum integer, month date,
    segment_started_on date, log_level double, log_change double, gap_months integer,
    half_width_log double, without_unconfirmed_log_change double, drift_fraction double,
    link_provider_count integer, heard_provider_count integer, item_count integer,
    methodology_version varchar, revision integer, revision_reason varchar,
    recorded_at timestamp, run_id varchar
);
create table if not exists marts.like_for_like_link (
    gpu_id varchar, gpu_class varchar, purchase_model varchar, commitment_months integer,
    market_family varchar, reference_region varchar, provider_minimum integer, month date,
    provider_id varchar, link_log_change double, contribution_log double, item_count integer,
    longest_gap_months integer, source_count integer, is_unconfirmed boolean
);
