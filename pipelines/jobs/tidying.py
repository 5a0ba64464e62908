"""Tidying up from the command line: what the job ``tidy`` of the daemon does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.capture.packs import PACKED_AFTER, Pack
from pipelines.reading.packed import make_packs
from warehouse.paths import Home


@dataclass(frozen=True)
class Tidied:
    """What was packed, why other months were not, and how many old runs were deleted."""

    packs: list[Pack]
    refused: list[str]
    runs: int


def tidy(home: Home, now: datetime, packed_after: timedelta = PACKED_AFTER) -> Tidied:
    """Pack old captures and what was read of them, and delete old runs of Dagster.

    Parameters
    ----------
    home : Home
        The data folder, already selected by ``prepare_instance``.
    now : datetime
        The clock of the captures. [UTC]
    packed_after : timedelta
        How long ago the last day of a month must be. [d]
    """
    from pipelines.jobs.runner import restored_sigterm

    made, refused = make_packs(home, (now - packed_after).date())
    with restored_sigterm():
        from pipelines.defs.tidying import prune_runs
        from pipelines.jobs.storage import opened_instance

        with opened_instance() as instance:
            runs = prune_runs(instance, datetime.now(UTC))
    return Tidied(made, refused, runs)
