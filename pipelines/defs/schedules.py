"""Schedules: capture at 06:00 UTC, build at 06:20 whether or not the capture succeeded.

Both are on by default wherever the daemon runs (`truecost ui`). After days without a daemon each
runs once, not once for every missed day: prices of past days can no longer be asked for.

Each source has a rhythm of its own, the tag `rhythm` of its asset. Whoever wants to ask each by its
own switches on `hourly_marketplaces`, `daily_lists`, `weekly_pages` and `build_what_arrived`, which
builds after each of their runs, and switches off the two daily ones.
"""

from datetime import UTC, datetime

import dagster as dg

from pipelines.defs.days import AcrossCalendars, day_tags
from pipelines.defs.tables import PHASES, key

SOURCES = dg.AssetSelection.key_prefixes("sources")
capture_job = AcrossCalendars(
    "capture",
    selection=SOURCES,
    description="Ask every source, keep its bytes, read its rows. Writes files only.",
    tags={"dagster/max_runtime": "1800"},
)
rhythm_jobs = {
    rhythm: AcrossCalendars(
        name,
        selection=SOURCES & dg.AssetSelection.tag("rhythm", rhythm),
        description=f"Ask {what}.",
        tags={"dagster/max_runtime": "1800"},
    )
    for rhythm, name, what in (
        (
            "hourly",
            "capture_marketplaces",
            "the marketplaces alone, whose prices change by the hour",
        ),
        ("daily", "capture_lists", "the price lists, pages and catalogues that change by the day"),
        ("weekly", "capture_weekly", "what is published by the week: hardware, models, one list"),
    )
}
# A job with a table that has days asks whoever starts it by hand for a day. A build makes these
# tables whether or not they are selected, and logs their days one by one.
BY_DAY = [key(model.name) for model in PHASES.all if model.is_by_day]
build_job = dg.define_asset_job(
    "build",
    selection=dg.AssetSelection.all() - SOURCES - dg.AssetSelection.assets(*BY_DAY)
    | dg.AssetSelection.checks_for_assets(*BY_DAY),
    description="Merge what was captured, derive, check and publish. The only writer.",
    tags={"dagster/max_runtime": "3600"},
)


@dg.schedule(
    job=capture_job,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Ask every source once a day, at 06:00 UTC.",
)
def daily_capture(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Capture once a day."""
    at = context.scheduled_execution_time
    return dg.RunRequest(run_key=f"{at:%Y-%m-%d}", tags=day_tags(at))


@dg.schedule(
    job=build_job,
    cron_schedule="20 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Build once a day, at 06:20 UTC, from the captures that exist.",
)
def daily_build(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Build once a day, from the captures that exist."""
    at = context.scheduled_execution_time
    return dg.RunRequest(run_key=f"{at:%Y-%m-%d}", tags=day_tags(at))


def own_rhythm(name: str, rhythm: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """Return a schedule that asks the sources of one rhythm; off until it is switched on."""

    @dg.schedule(
        name=name,
        job=rhythm_jobs[rhythm],
        cron_schedule=cron,
        execution_timezone="UTC",
        description=f"{description} Off until you switch it on.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time
        return dg.RunRequest(run_key=f"{at:%Y-%m-%dT%H}", tags=day_tags(at))

    return schedule


hourly_marketplaces = own_rhythm(  # away from the daily capture and build
    "hourly_marketplaces", "hourly", "40 * * * *", "Ask the marketplaces at minute 40 of each hour."
)
daily_lists = own_rhythm(
    "daily_lists", "daily", "0 6 * * *", "Ask price lists, pages and catalogues at 06:00 UTC."
)
weekly_pages = own_rhythm(
    "weekly_pages", "weekly", "10 6 * * 1", "Ask what is published by the week, on Mondays."
)


@dg.run_status_sensor(
    name="build_what_arrived",
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=list(rhythm_jobs.values()),
    request_job=build_job,
    description="Build after each capture of one rhythm: marketplaces, lists, weekly pages. Off"
    " until you switch it on.",
)
def build_what_arrived(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    """Build after each capture of one rhythm."""
    return dg.RunRequest(run_key=context.dagster_run.run_id, tags=day_tags(datetime.now(UTC)))
