"""The settings of a run: its clock, and the sources that it names.

Where the data lie and which mirror is asked is set for the whole process, in its environment. A run
cannot choose them: whoever may start one would write anywhere and publish any price. What a run
reports, and to whom, belongs to ``progress``.
"""

import os
from datetime import UTC, date, datetime

import dagster as dg
from pydantic import Field

from pipelines.capture import MIRROR_VARIABLE
from warehouse.paths import Home


class Settings(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only for type checkers
    """The settings of one run; empty text means the default."""

    now: str = ""
    named: list[str] = Field(default_factory=list)  # asked for by name: run even if off
    past: bool = False  # ask for past days in place of the present
    since: str = ""  # first past day, YYYY-MM-DD
    until: str = ""  # last past day
    every: str = "day"  # day, week or month: the last version of each
    again: bool = False  # ask again for past days that are captured already

    def past_days(self) -> tuple[date | None, date | None] | None:
        """Return the first and last past day to ask for, open where None; None for the present."""
        if not self.past:
            return None
        since, until = (
            date.fromisoformat(text) if text else None for text in (self.since, self.until)
        )
        return since, until

    def data(self) -> Home:
        """Return the data folder."""
        return Home.from_environment()

    def clock(self) -> datetime:
        """Return the current instant of this run. [UTC]."""
        return datetime.fromisoformat(self.now) if self.now else datetime.now(UTC)

    def mirror_url(self) -> str | None:
        """Return the mirror to ask in place of the sources, if there is one."""
        return os.environ.get(MIRROR_VARIABLE) or None


@dg.definitions
def defs() -> dg.Definitions:
    """Provide the settings to every asset, and run steps in this process.

    The multiprocess executor starts an interpreter for each step: 161 s for 20 small assets.
    ``pipelines.definitions`` adds the listener, which differs by run.
    """
    return dg.Definitions(resources={"settings": Settings()}, executor=dg.in_process_executor)
