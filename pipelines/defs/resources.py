"""What a run is told: where the data lie, which clock and which mirror it uses."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import Field

from warehouse.paths import Home

MIRROR_VARIABLE = "TRUECOST_MIRROR"
progress: list[Callable[[str, object], None]] = []  # listeners of `truecost run`: (event, subject)


def say(event: str, subject: object) -> None:
    """Tell the listeners of this process what has just happened."""
    for listener in progress:
        listener(event, subject)


class Settings(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The settings of one run; empty text means the default."""

    home: str = ""
    mirror: str = ""
    now: str = ""
    named: list[str] = Field(default_factory=list)  # asked for by name: run even if off

    def data(self) -> Home:
        """Return the data folder."""
        return Home(Path(self.home)) if self.home else Home.from_environment()

    def clock(self) -> datetime:
        """Return the instant that this run takes for now, UTC."""
        return datetime.fromisoformat(self.now) if self.now else datetime.now(UTC)

    def mirror_url(self) -> str | None:
        """Return the mirror to ask instead of the sources themselves, if there is one."""
        return self.mirror or os.environ.get(MIRROR_VARIABLE) or None


@dg.definitions
def defs() -> dg.Definitions:
    """Give every asset the settings, and run steps in this process.

    The multiprocess executor starts an interpreter a step: 161 s for 20 small assets.
    """
    return dg.Definitions(resources={"settings": Settings()}, executor=dg.in_process_executor)
