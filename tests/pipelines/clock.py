"""What a handmade published file needs to say as of which moment it answers."""

from __future__ import annotations


def clock(now: str) -> str:
    """Return the statements for a file that was built at ``now`` and has heard of no source."""
    return f"""
        create schema if not exists core; create schema if not exists meta;
        create schema if not exists staged;
        create or replace table staged.build_clock as
            select timestamp '{now}' as now_at, 'run-1' as run_id, now_at as prices_at,
                false as is_bundled;
        create table if not exists core.offer_capture (source_id varchar, seen_at timestamp);
        create table if not exists meta.source (source_id varchar, cadence_hours bigint);
    """
