"""Schedules: capture at 06:00 UTC, build at 06:20 whether or not the capture succeeded.

Both are on by default wherever the daemon runs (`truecost ui`). After days without a daemon each
runs once, not once for every missed day: prices of past days can no longer be asked for.
Marketplaces change by the hour: whoever wants that switches on `hourly_marketplaces`, and
`build_what_arrived`, which builds after each of its runs.
"""

import dagster as dg

SOURCES = dg.AssetSelection.key_prefixes("sources")
capture_job = dg.define_asset_job(
    "capture",
    selection=SOURCES,
    description="Ask every source, keep its bytes, read its rows. Writes files only.",
    tags={"dagster/max_runtime": "1800"},
)
marketplaces_job = dg.define_asset_job(
    "capture_marketplaces",
    selection=dg.AssetSelection.groups("marketplaces"),
    description="Ask the marketplaces alone, whose prices change by the hour.",
    tags={"dagster/max_runtime": "1800"},
)
build_job = dg.define_asset_job(
    "build",
    selection=dg.AssetSelection.all() - SOURCES,
    description="Merge what was captured, derive, check and publish. The only writer.",
    tags={"dagster/max_runtime": "3600"},
)


@dg.schedule(
    job=capture_job,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Capture once a day.",
)
def daily_capture(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Capture once a day."""
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")


@dg.schedule(
    job=build_job,
    cron_schedule="20 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Build once a day, from the captures that exist.",
)
def daily_build(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Build once a day, from the captures that exist."""
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")


hourly_marketplaces = dg.ScheduleDefinition(
    name="hourly_marketplaces",
    job=marketplaces_job,
    cron_schedule="40 * * * *",  # away from the daily capture and build
    execution_timezone="UTC",
    description="Capture the marketplaces every hour. Off until you switch it on.",
)


@dg.run_status_sensor(
    name="build_what_arrived",
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[marketplaces_job],
    request_job=build_job,
    description="Build after each hourly capture. Off until you switch it on.",
)
def build_what_arrived(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    """Build after each hourly capture."""
    return dg.RunRequest(run_key=context.dagster_run.run_id)
