"""Sensors: who set a channel for alarms hears of failed runs, sources that are down, old prices.

What is wrong, and who hears of it, belongs to ``pipelines.answers``. ``truecost run`` sends the
same alarms; one that was sent is not sent twice.
"""

from datetime import UTC, datetime

import dagster as dg

from pipelines.answers.alarm_notices import current, tell, tell_of_failed_run
from pipelines.defs.resources import Settings

LOOKED_AT_EVERY_SECONDS = 900


def now() -> datetime:
    """Return the clock. [UTC, without a zone]."""
    return datetime.now(UTC).replace(tzinfo=None)


def looked(context: dg.SensorEvaluationContext, *kinds: str) -> dg.SkipReason:
    """Look at some kinds of alarms, send what is new or over, and say what was found."""
    home = Settings().data()
    found = current(home, now(), kinds)
    for line in tell(home, found, kinds):
        context.log.warning(f"alarm not delivered: {line}")
    return dg.SkipReason("\n".join(one.line for one in found) or "nothing is wrong")


@dg.run_failure_sensor(
    name="run_failed",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Send that a run failed, with its first error.",
)
def run_failed(context: dg.RunFailureSensorContext) -> None:
    """Send that a run failed."""
    error = context.failure_event.message
    for line in tell_of_failed_run(Settings().data(), context.dagster_run.job_name, error, now()):
        context.log.warning(f"alarm not delivered: {line}")


@dg.sensor(
    name="source_down",
    minimum_interval_seconds=LOOKED_AT_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Send which sources gave no good answer for two of their rhythms, stand still, have"
    " drifted or are held. A tick that skips says what is wrong.",
)
def source_down(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send which sources are down."""
    return looked(context, "source", "quarantine")


@dg.sensor(
    name="published_file_old",
    minimum_interval_seconds=LOOKED_AT_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Send that no build was published for 30 hours, that a run failed since the last"
    " one, or that disk or clock will stop the next. A tick that skips says what is wrong.",
)
def published_file_old(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send that the published file grows old, and what will stop the next one."""
    return looked(context, "published", "run", "machine")
