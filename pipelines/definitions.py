"""The entry point of Dagster: loads assets, checks, jobs and schedules from ``pipelines/defs``."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from dagster import Definitions, definitions, load_from_defs_folder

from pipelines.defs.capture import ON, SOURCES, sources_asset
from pipelines.defs.progress import Listener, Silent


def reporting_to(listener: Listener, named: Collection[str] = ()) -> Definitions:
    """Return all definitions of this project, whose runs report to a listener.

    Parameters
    ----------
    listener : Listener
        Receives the progress of runs.
    named : collection of str
        Sources to be asked even if they are off.
    """
    more: dict[str, Any] = {"resources": {"listener": listener}}
    if off := [SOURCES[name] for name in named if name not in ON]:
        more["assets"] = [sources_asset("capture_named_sources", off)]
    return Definitions.merge(
        load_from_defs_folder(path_within_project=Path(__file__).parent), Definitions(**more)
    )


@definitions
def defs() -> Definitions:
    """Return all definitions of this project."""
    return reporting_to(Silent())
