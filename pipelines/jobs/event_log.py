"""Dagster's own state in SQLite, with connections that stay open.

Dagster opens a SQLite file anew for each event and closes it after: each time SQLite flushes the
file to disk and empties its write-ahead log. A build records some 560 events, which took half of
its time. Here a file stays open while it is in use and is written without a flush: a loss of power
may cost the last events of a run, never a price. Files and schema are Dagster's.

``dagster.yaml`` names ``Storage``. Where the files lie is decided by ``instance``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log import SqlPollingEventWatcher
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

OPEN_FILES = 8  # the index of all runs and the runs that are read or written


class EventLog(SqliteEventLogStorage):
    """Dagster's event log, one file a run, whose files stay open.

    A page that watches a run asks for new events again and again. Dagster's own event log waits for
    a change of the file, but what is written to an open file stays in the log beside it.
    """

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir)
        self._watcher = SqlPollingEventWatcher(self)

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call back with each event of a run after the cursor."""
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        """Stop calling back."""
        self._watcher.unwatch_run(run_id, handler)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        """Return the open file of a shard; the one that was not used for longest makes room."""
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,  # one connection, which the lock gives to one thread
                connect_args={
                    "timeout": SQLITE_BUSY_TIMEOUT_SECONDS,
                    "check_same_thread": False,
                },
            )
            event.listen(engine, "connect", without_flush)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
            if len(self._engines) > OPEN_FILES:
                _, oldest = self._engines.popitem(last=False)
                oldest.dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def delete_events(self, run_id: str) -> None:
        """Delete the events of a run, and the file that held them."""
        super().delete_events(run_id)
        with self._db_lock:
            if run_id in self._engines:
                self._engines.pop(run_id).dispose()
            self._initialized_dbs.discard(run_id)
            for ending in ("", "-wal", "-shm"):
                Path(self.path_for_shard(run_id) + ending).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Delete all events and their files."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close every file."""
        self._watcher.close()
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


class Storage(DagsterSqliteStorage):
    """Dagster's storage in SQLite, with ``EventLog`` for its events."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage: EventLog = EventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Storage:
        """Return the storage that ``dagster.yaml`` describes."""
        return cls.from_local(inst_data=inst_data, **config_value)


def without_flush(connection: Any, _: Any) -> None:
    """Let SQLite write without waiting for the disk at each commit; the file stays consistent."""
    connection.execute("pragma synchronous = normal")
