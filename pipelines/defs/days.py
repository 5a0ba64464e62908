"""The days of assets: the calendar that the pages show, and the days that a run is started for.

A run of today has today's partition, however it was started, so that captures of one day fall into
the same square of the calendar. What is done for a day belongs to ``capture`` and ``tables``.
"""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import build_asset_job, get_asset_graph_for_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

DAY_TAG = "dagster/partition"  # Dagster's own: the partition of a run


@cache
def calendar(first_day: date) -> dg.DailyPartitionsDefinition:
    """Return the UTC days from a first one to today, which is not over yet."""
    return dg.DailyPartitionsDefinition(
        start_date=datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC),
        timezone="UTC",
        end_offset=1,
    )


def day_tags(now: datetime) -> dict[str, str]:
    """Return the tags of a run that captures the present."""
    return {DAY_TAG: now.date().isoformat()}


def days_asked(context: dg.AssetExecutionContext) -> tuple[date, date] | None:
    """Return the first and the last day that a run was started for, if it was for days.

    A schedule starts a run for the present, even if it runs after midnight.
    """
    if "dagster/schedule_name" in context.run.tags:
        return None
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    asked = context.partition_key_range
    return date.fromisoformat(asked.start), date.fromisoformat(asked.end)


def refuse_before(first_day: date, asked: date, what: str) -> None:
    """Refuse a day before the first one of an asset.

    Raises
    ------
    dagster.Failure
        In one line that says which day is the first.
    """
    if asked < first_day:
        raise dg.Failure(
            f"{what} has no day {asked}: its first is {first_day}", allow_retries=False
        )


class AcrossCalendars(UnresolvedAssetJobDefinition):
    """A job over assets whose calendars begin on different days.

    ``define_asset_job`` refuses that, and the job behind the button Materialize allows it. The
    builder of both is private; the version of Dagster is pinned.
    """

    def resolve(
        self, asset_graph: Any, default_executor_def: Any = None, resource_defs: Any = None
    ) -> dg.JobDefinition:
        """Return the job over the assets that are selected."""
        return build_asset_job(
            self.name,
            asset_graph=get_asset_graph_for_job(
                asset_graph, self.selection, allow_different_partitions_defs=True
            ),
            description=self.description,
            tags=self.tags,
            run_tags=self.run_tags,
            executor_def=default_executor_def,
            resource_defs=resource_defs,
            allow_different_partitions_defs=True,
        )
