"""The two jobs, run in this process: what ``truecost run`` and a scheduled run have in common.

Knows Dagster and where its state lies; what the jobs do stands in ``pipelines.defs``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from warehouse.paths import DEFAULT_ROOT, Home

PROJECT = Path(__file__).resolve().parent.parent
STATE_VARIABLE = "TRUECOST_DAGSTER_STATE"
NODE_TAG, PROCESS_TAG = "truecost/node", "truecost/process"


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
    """Run one job here and now; the build job under the lock of its data folder.

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
    with warnings.catch_warnings(), same_termination():
        warnings.simplefilter("ignore")  # Dagster's own notices of preview features
        import dagster as dg

        from pipelines.definitions import defs

        with dg.DagsterInstance.get() as instance:
            end_killed_runs(instance)
            if name == "build":
                free_pools(instance)
            result = (
                defs()
                .resolve_job_def(name)
                .execute_in_process(
                    instance=instance,
                    raise_on_error=False,
                    tags={NODE_TAG: platform.node(), PROCESS_TAG: str(os.getpid())},
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


@contextlib.contextmanager
def same_termination() -> Iterator[None]:
    """Put back what SIGTERM does: Dagster leaves it as SIGINT, which `command &` ignores."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def end_killed_runs(instance: Any) -> None:
    """Say of runs whose process on this machine is gone that they failed."""
    import dagster as dg

    begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    here = dg.RunsFilter(statuses=begun, tags={NODE_TAG: platform.node()})
    for run in instance.get_runs(here):
        try:
            os.kill(int(run.tags[PROCESS_TAG]), 0)  # sends nothing
        except ProcessLookupError:
            instance.report_run_failed(run, "its process was killed")
        except PermissionError:  # it lives, and is another user's
            continue


def free_pools(instance: Any) -> None:
    """Take back what killed runs hold of the pools, for which a run would wait for ever.

    Whoever holds the lock of a data folder is its only writer. A run of the daemon that waits for
    that lock may lose its place in the pool by this, and goes on waiting for the lock.
    """
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        held = storage.get_concurrency_info(pool)
        for run_id in {slot.run_id for slot in (*held.claimed_slots, *held.pending_steps)}:
            storage.free_concurrency_slots_for_run(run_id)


def innermost(error: Any) -> str:
    """Return the message of the error that started it, on one line."""
    while error.cause is not None:
        error = error.cause
    return " ".join(error.message.split())
