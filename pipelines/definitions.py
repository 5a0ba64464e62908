"""Where Dagster finds everything: assets, checks, jobs, schedules are in ``pipelines/defs``."""

from pathlib import Path

from dagster import Definitions, definitions, load_from_defs_folder


@definitions
def defs() -> Definitions:
    """Return all definitions of this project."""
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
