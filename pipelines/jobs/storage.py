"""Dagster's storage: its schema is made by one process at a time.

Where it lies is decided by ``instance``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from pipelines.jobs.instance import STATE_VARIABLE
from pipelines.text import single_spaced
from warehouse.database import DataFolderError, exclusive
from warehouse.paths import Home


class StateError(DataFolderError):
    """The state of Dagster cannot be opened; one line that says why and what helps."""


@contextmanager
def opened_instance() -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of this process, and make its schema if it is new.

    Two processes that make the schema at the same moment leave two revisions in it, and then
    nothing opens it any more. The lock of the data folder lets one pass at a time.

    Raises
    ------
    StateError
        If the state is damaged, or its disk is full or read-only.
    """
    with exclusive(Home.from_environment(), "dagster"):
        try:
            instance = dg.DagsterInstance.get()
        except (SQLAlchemyError, CommandError, sqlite3.Error) as error:
            reason = single_spaced(str(getattr(error, "orig", None) or error))[:200]
            raise StateError(
                f"the state of Dagster in {os.environ.get(STATE_VARIABLE)} cannot be opened"
                f" ({reason}); is the disk full? If not, move that folder away: it holds the"
                " history of runs, and no prices"
            ) from error
    with instance:
        yield instance
