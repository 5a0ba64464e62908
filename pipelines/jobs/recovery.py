"""Recovery after runs that were killed: their status, and the pool slots that they still hold.

A killed process reports nothing, so Dagster counts its run as running and its slots as taken.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from pipelines.capture import MIRROR_VARIABLE

NODE_TAG, PROCESS_TAG = "truecost/node", "truecost/process"


def process_tags() -> dict[str, str]:
    """Return the tags that name this machine and process on a run."""
    return {NODE_TAG: platform.node(), PROCESS_TAG: str(os.getpid())}


def command_tags(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that tell what a run of the command line was asked for."""
    tags = {"truecost/started_by": "command line"}
    if settings.get("named"):
        tags["truecost/sources"] = " ".join(settings["named"])[:255]
    if settings.get("now"):
        tags["truecost/now"] = str(settings["now"])
    if settings.get("past"):
        since, until = settings.get("since") or "its first day", settings.get("until") or "today"
        tags["truecost/backfill"] = f"{since} to {until}, each {settings.get('every') or 'day'}"
    if mirror := os.environ.get(MIRROR_VARIABLE):
        tags["truecost/mirror"] = urlsplit(mirror).hostname or "yes"
    return tags


def fail_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process on this machine no longer exists."""
    begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    here = dg.RunsFilter(statuses=begun, tags={NODE_TAG: platform.node()})
    for run in instance.get_runs(here):
        try:
            os.kill(int(run.tags[PROCESS_TAG]), 0)  # signal 0 only tests that the process exists
        except ProcessLookupError:
            instance.report_run_failed(run, "its process was killed")
        except PermissionError:  # it exists, and belongs to another user
            continue


def release_pools(instance: dg.DagsterInstance) -> None:
    """Release the pool slots of all runs; a slot of a killed run would block every later run.

    The caller must hold the lock of the data folder, and is therefore its only writer. A run of
    the daemon that waits for the same lock may lose its slot; it still waits for the lock.
    """
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        held = storage.get_concurrency_info(pool)
        claimed = {slot.run_id for slot in held.claimed_slots}
        for run_id in claimed | {step.run_id for step in held.pending_steps}:
            storage.free_concurrency_slots_for_run(run_id)
