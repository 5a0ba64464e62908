"""The two jobs, run in this process: what ``truecost run`` and a scheduled run have in common.

Knows Dagster and where its state lies; what the jobs do stands in ``pipelines.defs``.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warehouse.paths import DEFAULT_ROOT, Home

PROJECT = Path(__file__).resolve().parent.parent
STATE_VARIABLE = "TRUECOST_DAGSTER_STATE"


def prepare_instance(home: Home) -> Path:
    """Point Dagster to the instance of this home and return its folder.

    The default home shares the project's ``dagster.yaml``, with state in ``.dagster/``; another
    home keeps its state inside, so that two homes never mix their runs.
    """
    state = PROJECT / ".dagster" if home.root == DEFAULT_ROOT else home.root / "dagster"
    state.mkdir(parents=True, exist_ok=True)
    os.environ[STATE_VARIABLE] = str(state)
    os.environ["DAGSTER_HOME"] = str(PROJECT)
    return state


def run_job(
    name: str, settings: dict[str, Any], assets: Sequence[Sequence[str]] | None = None
) -> tuple[bool, str | None]:
    """Run one job here and now.

    Parameters
    ----------
    name : {"capture", "build"}
        The job.
    settings : dict
        The fields of ``pipelines.defs.resources.Settings``.
    assets : sequence of asset keys, optional
        Only these assets of the job.

    Returns
    -------
    tuple of bool and str or None
        Whether it succeeded, and the error's last line if not.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's own notices of preview features
        import dagster as dg

        from pipelines.definitions import defs

        with dg.DagsterInstance.get() as instance:
            result = (
                defs()
                .resolve_job_def(name)
                .execute_in_process(
                    instance=instance,
                    raise_on_error=False,
                    asset_selection=[dg.AssetKey(list(key)) for key in assets] if assets else None,
                    run_config={
                        "resources": {"settings": {"config": settings}},
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    },
                )
            )
    if result.success:
        return True, None
    errors = [
        event.step_failure_data.error
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.error
    ]
    return False, innermost(errors[0]) if errors else "the job failed before its first step"


def innermost(error: Any) -> str:
    """Return the message of the error that started it, on one line."""
    while error.cause is not None:
        error = error.cause
    return " ".join(error.message.split())
