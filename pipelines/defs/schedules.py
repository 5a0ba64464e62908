"""When it runs: capture at 06:00 UTC, build at 06:20 whatever capture did.

Both run wherever the daemon does (`truecost ui`), without being switched on. After days without a
daemon each is made up for once: yesterday's prices cannot be asked for any more.
"""

import dagster as dg

capture_job = dg.define_asset_job(
    "capture",
    selection=dg.AssetSelection.groups("landing", "observations"),
    description="Ask every source, keep the bytes, read the rows. Writes files only.",
    tags={"dagster/max_runtime": "1800"},
)
build_job = dg.define_asset_job(
    "build",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("landing", "observations"),
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
    description="Build once a day, on what is there.",
)
def daily_build(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Build once a day, on what is there."""
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")
