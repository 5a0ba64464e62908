"""Tidying up, once a day: old captures go into packs, old runs leave Dagster's state.

What is packed, and how, belongs to ``capture.packs`` and ``reading.packed``. ``truecost tidy`` and
``truecost run`` do the same without a daemon.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines.capture.packs import PACKED_AFTER
from pipelines.defs.resources import Settings
from pipelines.reading.packed import make_packs

RUNS_KEPT_FOR = timedelta(days=30)
"""How long a run stays in Dagster's state, with its events. [d]"""

MOST_RUNS = 300
"""Of younger runs the newest so many stay: a run takes one to three megabytes. [1]"""

FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def prune_runs(
    instance: dg.DagsterInstance,
    now: datetime,
    kept_for: timedelta = RUNS_KEPT_FOR,
    most: int = MOST_RUNS,
) -> int:
    """Delete the runs that ended and are old, with their events, and return how many.

    Parameters
    ----------
    instance : DagsterInstance
        Whose runs.
    now : datetime
        The clock. [UTC]
    kept_for : timedelta
        How long a run stays. [d]
    most : int
        How many of the younger ones stay. [1]
    """
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, created_before=now - kept_for))
    beyond = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED))[most:]
    gone = dict.fromkeys([*old, *beyond])
    for run_id in gone:
        instance.delete_run(run_id)
    return len(gone)


@dg.op(description="Pack the files of months long past, and delete old runs of Dagster.")
def tidy_up(context: dg.OpExecutionContext, settings: Settings) -> None:
    """Tidy up; what could not be packed fails the run, after the rest was done."""
    made, refused = make_packs(settings.data(), (settings.clock() - PACKED_AFTER).date())
    runs = prune_runs(context.instance, datetime.now(UTC))
    context.log.info(f"{len(made)} months packed, {runs} old runs deleted")
    if refused:
        raise dg.Failure("; ".join(refused), allow_retries=False)


@dg.job(name="tidy", description="Pack old captures, delete old runs. Loses no byte and no price.")
def tidy_job() -> None:
    """Tidy up."""
    tidy_up()


daily_tidy = dg.ScheduleDefinition(
    name="daily_tidy",
    job=tidy_job,
    cron_schedule="20 7 * * *",  # away from the daily capture and build
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Tidy up once a day.",
)
