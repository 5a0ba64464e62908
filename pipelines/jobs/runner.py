"""Runs the two jobs in this process: ``truecost run`` and a scheduled run do the same work.

The state of Dagster belongs to ``instance``; what the jobs do belongs to ``pipelines.defs``.
Dagster replaces the handler of SIGTERM when it is imported, so ``run_job`` imports it, and what
imports it, inside ``restored_sigterm``.
"""

from __future__ import annotations

import contextlib
import io
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TextIO

from sqlalchemy.exc import SQLAlchemyError

from pipelines.defs.progress import Listener, Silent
from pipelines.jobs.instance import MODULE
from pipelines.text import single_spaced
from warehouse.paths import PROJECT


class ErrorInfo(Protocol):
    """An error as Dagster records it; the class of Dagster itself is private."""

    @property
    def message(self) -> str:
        """The message."""

    @property
    def cause(self) -> ErrorInfo | None:
        """The error that caused this one."""


def run_job(
    name: str,
    settings: dict[str, Any],
    assets: Sequence[Sequence[str]] | None = None,
    listener: Listener | None = None,
) -> tuple[bool, str | None]:
    """Run one job in this process.

    Parameters
    ----------
    name : {"capture", "build"}
        The job. The caller of ``build`` holds the lock of the data folder.
    settings : dict
        The fields of ``pipelines.defs.resources.Settings``.
    assets : sequence of asset keys, optional
        Only these assets of the job.
    listener : Listener, optional
        Receives the progress of the run.

    Returns
    -------
    tuple of bool and str or None
        Whether the run succeeded, and the message of the first error if it did not.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    try:
        with without_lost_events():
            return _executed(name, settings, assets, listener)
    except SQLAlchemyError as error:
        reason = single_spaced(getattr(error, "orig", None) or error)
        return False, f"the state of Dagster cannot be written ({reason}): is the disk full?"


def _executed(
    name: str,
    settings: dict[str, Any],
    assets: Sequence[Sequence[str]] | None,
    listener: Listener | None,
) -> tuple[bool, str | None]:
    with warnings.catch_warnings(), restored_sigterm():
        warnings.simplefilter("ignore")  # Dagster's own notices of preview features
        import dagster as dg

        from pipelines.definitions import reporting_to
        from pipelines.defs.days import day_tags
        from pipelines.defs.resources import Settings
        from pipelines.jobs.instance import ui_address
        from pipelines.jobs.recovery import (
            command_tags,
            fail_killed_runs,
            process_tags,
            release_pools,
        )
        from pipelines.jobs.storage import opened_instance

        tags = process_tags() | command_tags(settings)
        if not settings.get("past"):
            tags |= day_tags(Settings(now=settings.get("now", "")).clock())
        with opened_instance() as instance:
            register_as_of_pages(instance, name)
            fail_killed_runs(instance)
            if name == "build":
                release_pools(instance)
            result = (
                reporting_to(listener or Silent(), settings.get("named", ()))
                .resolve_job_def(name)
                .execute_in_process(
                    instance=instance,
                    raise_on_error=False,
                    tags=tags,
                    asset_selection=[dg.AssetKey(list(key)) for key in assets] if assets else None,
                    run_config={
                        "resources": {"settings": {"config": settings}},
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    },
                )
            )
        if address := ui_address():
            (listener or Silent()).line(f"this run: {address}/runs/{result.run_id}")
    if result.success:
        return True, None
    errors = [
        event.step_failure_data.error
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.error
    ]
    return False, innermost(errors[0]) if errors else "the job failed before its first step"


def register_as_of_pages(instance: Any, name: str) -> None:
    """Let the runs that this process creates belong to the job that the pages of Dagster show.

    A run that is executed in process names no origin, so that the timeline and the page of the job
    leave it out. The three classes have no public spelling; the version of Dagster is pinned.
    """
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.workspace.load_target import ModuleTarget

    [location] = ModuleTarget(MODULE, None, str(PROJECT), MODULE).create_origins()
    origin = RemoteRepositoryOrigin(location, "__repository__").get_job_origin(name)
    instance.create_run_for_job = partial(instance.create_run_for_job, remote_job_origin=origin)


class LostEvents(io.TextIOBase):
    """Standard error without what Dagster prints of events that it could not write."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def write(self, text: str) -> int:
        """Write a text, unless it is such a note: ``run_job`` returns the reason in one line."""
        if not text.startswith("Exception while writing logger call to event log"):
            self._target.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the target."""
        self._target.flush()

    def isatty(self) -> bool:
        """Return whether the target is a terminal."""
        return self._target.isatty()

    def fileno(self) -> int:
        """Return the handle of the target."""
        return self._target.fileno()


@contextlib.contextmanager
def without_lost_events() -> Iterator[None]:
    """Hide Dagster's notes of events that were not written, many lines each."""
    with contextlib.redirect_stderr(LostEvents(sys.stderr)):
        yield


@contextlib.contextmanager
def restored_sigterm() -> Iterator[None]:
    """Restore at the end the handler of SIGTERM, which Dagster replaces with that of SIGINT.

    A shell starts ``command &`` with SIGINT ignored, so SIGTERM would be ignored too.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def innermost(error: ErrorInfo) -> str:
    """Return the message of the error at the root of a chain of causes, on one line."""
    while error.cause is not None:
        error = error.cause
    return single_spaced(error.message)
